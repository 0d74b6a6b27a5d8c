"""What a change's workflow knows of it, and who may decide."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prepay.changes import ChangeOutcome
from rules.operators import SamePerson, second_person

Stage = Literal["proposed", "applied", "refused"]
Signal = Literal["approve", "refuse"]

ENDS: dict[Signal, Stage] = {"approve": "applied", "refuse": "refused"}
"""The stage that each decision leads to."""


class ChangeState(BaseModel):
    """A copy of the change's row, as it was at `as_of`. What exactly changes stays in the database."""

    model_config = ConfigDict(frozen=True)

    change: int
    kinds: tuple[str, ...]
    summary: str
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

    def outcome(self) -> ChangeOutcome:
        """What the workflow ends with."""
        return ChangeOutcome(change=self.change, stage=self.stage)


def refuse_decision(state: ChangeState, signal: Signal, operator: str) -> str | None:
    """Why the change does not take that decision of that operator; None where it does."""
    if state.ended:
        return f"the change is {state.stage} already, by {state.decided_by}; propose another one"
    if signal == "refuse":
        return None
    try:
        second_person([state.proposed_by], operator, "proposed")
    except SamePerson as refusal:
        return f"{refusal} approve it"
    return None


def acts(state: ChangeState, signal: str) -> tuple[str, ...]:
    """What a decision does, as the table of authority names it: approving takes a role for each kind that changes."""
    return tuple(f"approve {kind}" for kind in state.kinds) if signal == "approve" else (signal,)
