"""What a resolution's workflow knows of it, and who may decide."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.resolutions import ResolutionOutcome
from rules.operators import SamePerson, second_person

Stage = Literal["proposed", "applied", "refused"]
Signal = Literal["approve", "refuse"]

ENDS: dict[Signal, Stage] = {"approve": "applied", "refuse": "refused"}
"""The stage that each decision leads to."""


class ResolutionState(BaseModel):
    """A copy of the proposal's row, as it was at `as_of`; what was read in the file stays in the database."""

    model_config = ConfigDict(frozen=True)

    resolution: int
    file: int
    ordinal: int
    line: int
    path: str
    account: str
    entity: str
    amount_minor: int
    currency: str
    direction: str
    known: int | None
    """The entry of another file that it is said to be."""
    booked_on: date | None
    """Else the day that its line says."""
    proposed_by: str
    reason: str
    proposed_at: datetime
    stage: Stage
    decided_by: str | None
    decided_reason: str | None
    decided_at: datetime | None
    entry: int | None
    """What it became."""
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage != "proposed"

    @property
    def money(self) -> Money:
        """What approving decides about."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    def outcome(self) -> ResolutionOutcome:
        """What the workflow ends with."""
        return ResolutionOutcome(**self.model_dump(include=set(ResolutionOutcome.model_fields)))


def refuse_decision(state: ResolutionState, signal: Signal, operator: str) -> str | None:
    """Why the proposal does not take that decision of that operator; None where it does."""
    if state.ended:
        return f"the proposal is {state.stage} already, by {state.decided_by}"
    if signal == "refuse":
        return None
    try:
        second_person([state.proposed_by], operator, "proposed")
    except SamePerson as refusal:
        return f"{refusal} approve it"
    return None
