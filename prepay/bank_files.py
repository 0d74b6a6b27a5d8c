"""Bank files on the wire: what operators type, and what the workflow ends with."""

import re
from typing import Annotated

from pydantic import AfterValidator

from prepay.wire import OperatorName, Reason, Wire


def source_name(name: str) -> str:
    """Whom bank files come from, as accounts name them. Raises ValueError."""
    if not re.fullmatch("[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?", name):
        raise ValueError(f"{name[:50]!r} is no source: at most 40 plain letters, digits, spaces and . _ -")
    return name


SourceName = Annotated[str, AfterValidator(source_name)]


class DecideBankFile(Wire):
    """An operator wants a held file to be released, which takes two people, or discards it."""

    operator: OperatorName
    reason: Reason


class BankFileOutcome(Wire):
    """How the file ended, with counts."""

    stage: str
    entries: int
    posted: int
    known_before: int
    credited: int
    unapplied: int
