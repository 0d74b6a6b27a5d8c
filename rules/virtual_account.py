"""What an application's workflow knows of it, who may decide, and when operators are reminded."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.virtual_accounts import VirtualAccountOutcome
from rules.operators import SamePerson, second_person

Stage = Literal["submitted", "in_review", "approved", "active", "closed", "refused"]
Signal = Literal["approve", "reject", "close"]

REMINDED_AFTER = (1, 3)
ESCALATED_AFTER = 5
"""Business days of the contracting entity."""


class VirtualAccountState(BaseModel):
    """A copy of the application's row, as it was at `as_of`. The number itself stays in the database."""

    model_config = ConfigDict(frozen=True)

    application: int
    customer: str
    entity: str
    currency: str
    applied_by: str
    note: str
    stage: Stage
    why: str
    virtual_account: int | None
    replaces: int | None
    free_numbers: int
    """How many the pool has, at most counted to a few."""
    decided_by: str | None
    decided_reason: str | None
    decided_at: datetime | None
    closed_by: str | None
    closed_reason: str | None
    closed_at: datetime | None
    review: str
    waits_since: datetime
    reminders: tuple[datetime, ...]
    """When operators are reminded of what waits for them; the last is the escalation."""
    as_of: datetime

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ("closed", "refused")

    @property
    def waits_for(self) -> str | None:
        """The role that must do something; None while nobody must."""
        if self.stage == "approved":
            return "treasurer"
        waits = self.stage in ("submitted", "in_review") or (self.stage == "active" and self.review)
        return "approver" if waits else None

    @property
    def deciders(self) -> list[str]:
        """The operators who decided."""
        return [who for who in (self.decided_by, self.closed_by) if who]

    def escalated(self, now: datetime) -> bool:
        """Whether it has waited too long."""
        return self.waits_for is not None and now >= self.reminders[-1]

    def reminded(self, now: datetime) -> int:
        """How many of the reminders have been given."""
        return sum(at <= now for at in self.reminders[:-1]) if self.waits_for else 0

    def next_due(self, now: datetime) -> datetime | None:
        """When somebody is reminded next."""
        return next((at for at in self.reminders if at > now), None) if self.waits_for else None

    def outcome(self) -> VirtualAccountOutcome:
        """What the workflow ends with."""
        return VirtualAccountOutcome(application=self.application, stage=self.stage)


def refuse_decision(state: VirtualAccountState, signal: Signal, operator: str) -> str | None:
    """Why the application does not take that decision of that operator; None where it does."""
    if state.ended:
        return f"the application is {state.stage} already; nothing can be decided here any more"
    if signal == "close":
        return None if state.stage == "active" else "there is no account to close yet; send `reject` instead"
    if state.stage == "approved" and signal == "approve":
        return f"{state.decided_by} approved it already; it waits for a number"
    if state.stage == "active" and not (signal == "approve" and state.review):
        return f"{state.decided_by} approved it already, and the account is active; `close` closes it"
    try:
        second_person([state.applied_by] if state.applied_by else [], operator, "applied for")
    except SamePerson as refusal:
        return f"{refusal} decide"
    return None
