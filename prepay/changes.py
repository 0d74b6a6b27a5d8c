"""Changes of master data on the wire: what operators type, and what the workflow ends with."""

from prepay.wire import OperatorName, Reason, Wire


class DecideChange(Wire):
    """An operator approves a change, which takes another person than proposed it, or refuses it."""

    operator: OperatorName
    reason: Reason


class ChangeOutcome(Wire):
    """How the proposal ended."""

    change: int
    stage: str
