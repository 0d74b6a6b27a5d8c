"""Who may release what screening froze."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from prepay.money import Money
from prepay.screening import FreezeOutcome
from rules.operators import SamePerson, second_person

ENOUGH = 2


class FreezeRelease(BaseModel):
    """That somebody released it."""

    model_config = ConfigDict(frozen=True)

    operator: str
    reason: str
    at: datetime


class FreezeState(BaseModel):
    """A copy of the freeze's row, as it was at `as_of`. Whose money it is stands in the database alone."""

    model_config = ConfigDict(frozen=True)

    freeze: int
    customer: str | None
    entry: int | None
    amount_minor: int | None
    currency: str | None
    entity: str | None
    frozen_by: str
    reason: str
    frozen_at: datetime
    ended_at: datetime | None
    releases: tuple[FreezeRelease, ...]
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.ended_at is not None

    @property
    def money(self) -> Money | None:
        """What is frozen, where it is one payment."""
        if self.amount_minor is None or self.currency is None:
            return None
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    def outcome(self) -> FreezeOutcome:
        """What the workflow ends with."""
        return FreezeOutcome(freeze=self.freeze, released_by=tuple(r.operator for r in self.releases))


def refuse_release(state: FreezeState, operator: str) -> str | None:
    """Why the freeze does not take that operator's release; None where it does."""
    if state.ended:
        return "it is released already"
    try:
        second_person([r.operator for r in state.releases], operator, "released")
    except SamePerson as refusal:
        return str(refusal)
    if state.customer is not None:
        try:
            second_person([state.frozen_by], operator, "froze")
        except SamePerson:
            return "you froze it; two others must release it"
    return None
