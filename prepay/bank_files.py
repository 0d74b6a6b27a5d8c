"""Bank files on the wire: what operators type, and what the workflow ends with."""

from prepay.wire import OperatorName, Reason, Wire


class DecideBankFile(Wire):
    """An operator releases a held file to be read again, or discards it."""

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
