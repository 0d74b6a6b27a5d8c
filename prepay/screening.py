"""Freezes on the wire: what operators type, and what the workflow ends with."""

from prepay.wire import OperatorName, Reason, Wire


class ReleaseFreeze(Wire):
    """A compliance operator releases what is frozen; it takes two of them."""

    operator: OperatorName
    reason: Reason


class FreezeOutcome(Wire):
    """How the freeze ended."""

    freeze: int
    released_by: tuple[str, ...]
