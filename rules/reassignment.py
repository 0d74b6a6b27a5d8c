"""What a reassignment's workflow knows of it, and who may decide."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.reassignments import ReassignmentOutcome
from rules.operators import SamePerson, second_person

Stage = Literal["proposed", "applied", "refused"]
Signal = Literal["approve", "refuse"]

ENDS: dict[Signal, Stage] = {"approve": "applied", "refuse": "refused"}
"""The stage that each decision leads to."""


class ReassignmentState(BaseModel):
    """A copy of the move's row, as it was at `as_of`."""

    model_config = ConfigDict(frozen=True)

    move: int
    entry: int
    part: int
    entity: str
    amount_minor: int
    currency: str
    from_customer: str
    from_deposit: str | None
    to_customer: str
    to_deposit: str | None
    proposed_by: str
    reason: str
    proposed_at: datetime
    stage: Stage
    decided_by: str | None
    decided_reason: str | None
    decided_at: datetime | None
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage != "proposed"

    @property
    def money(self) -> Money:
        """What is moved."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @property
    def giver(self) -> str:
        """Where the money is by mistake."""
        return place(self.from_customer, self.from_deposit)

    @property
    def taker(self) -> str:
        """Where it belongs."""
        return place(self.to_customer, self.to_deposit)

    def outcome(self) -> ReassignmentOutcome:
        """What the workflow ends with."""
        return ReassignmentOutcome(**self.model_dump(include=set(ReassignmentOutcome.model_fields)))


def place(customer: str, deposit: str | None) -> str:
    """A deposit, or the balance itself, as people read it."""
    return f"deposit {deposit} of customer {customer}" if deposit else f"the balance of customer {customer}"


def refuse_decision(state: ReassignmentState, signal: Signal, operator: str) -> str | None:
    """Why the move does not take that decision of that operator; None where it does."""
    if state.ended:
        return f"the move is {state.stage} already, by {state.decided_by}; propose another one"
    if signal == "refuse":
        return None
    try:
        second_person([state.proposed_by], operator, "proposed")
    except SamePerson as refusal:
        return f"{refusal} approve it"
    return None
