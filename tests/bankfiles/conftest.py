"""These tests read whole files for each example: how long one takes is said by the tests that are about time."""

from hypothesis import settings

settings.register_profile("bankfiles", deadline=None)
settings.load_profile("bankfiles")
