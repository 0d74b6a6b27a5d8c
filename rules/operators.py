"""Who decides: a person is who they say they are, and where two must decide it takes two different ones."""

import unicodedata
from collections.abc import Sequence


class SamePerson(ValueError):
    """Two people must decide, and this one has done so already."""

    def __init__(self, done: str) -> None:
        super().__init__(f"you {done} it already; somebody else must")


def person(operator: str) -> str:
    """A name as names are compared: in any case, spacing and way to write its letters it is the same person."""
    return " ".join(unicodedata.normalize("NFKC", operator).casefold().split())


def second_person(before: Sequence[str], operator: str, done: str) -> bool:
    """Whether the operator is the second of two different people; not where nobody has decided before.

    `done` says what they decided, such as "released". Raises SamePerson.
    """
    if person(operator) in map(person, before):
        raise SamePerson(done)
    return bool(before)
