"""Reassignments on the wire: what operators type, and what the workflow ends with."""

from prepay.wire import OperatorName, Reason, Wire


class DecideReassignment(Wire):
    """An operator approves that a credit is moved, which takes another person than proposed it, or refuses it."""

    operator: OperatorName
    reason: Reason


class ReassignmentOutcome(Wire):
    """How the proposal ended."""

    move: int
    stage: str
    amount_minor: int
    currency: str
