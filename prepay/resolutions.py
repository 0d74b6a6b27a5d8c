"""Resolutions on the wire: what operators type, and what the workflow ends with."""

from prepay.wire import OperatorName, Reason, Wire


class DecideResolution(Wire):
    """An operator approves what another one says an unreadable entry is, and it is posted; or refuses it."""

    operator: OperatorName
    reason: Reason


class ResolutionOutcome(Wire):
    """How the proposal ended, and which entry the money is, where it was carried out."""

    resolution: int
    stage: str
    amount_minor: int
    currency: str
    entry: int | None
