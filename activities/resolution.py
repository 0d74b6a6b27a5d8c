"""Resolutions: what somebody says an unreadable entry is, posted when another person agrees.

Locks in this order: what the file tells, accounts by id, the unreadable entry, the proposal; then as any posting.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_pipeline import PostingStopped, stops
from activities.bank_resolving import carry_out, find
from activities.bank_resolving_input import NotResolved
from activities.database import reading
from activities.pulse import Pulse
from prepay.ids import resolution_workflow_id
from prepay.resolutions import DecideResolution
from prepay.wire import Wire
from rules.resolution import ENDS, ResolutionState, Signal, refuse_decision

MAX_DIGITS = 18


class Decide(Wire):
    """Take an operator's decision about a proposal."""

    resolution: int
    signal: Signal
    decision: DecideResolution


class Decided(BaseModel):
    """The proposal after a decision, and why that was refused, if it was."""

    state: ResolutionState
    refused: str = ""


class UnknownResolution(ApplicationError):
    """The rows know no such proposal."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"There is no resolution {what[:60]!r}.", type="UnknownResolution", non_retryable=True
        )


class Resolutions:
    """The activities of the Resolution workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.decide]

    @activity.defn(name="look_at_resolution")
    def look(self, workflow_id: str) -> ResolutionState:
        """The proposal as it is now."""
        number = workflow_id.removeprefix("resolution-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownResolution(workflow_id)
        with reading(self._engine) as session:
            return _state(session, int(number))

    @activity.defn(name="decide_resolution")
    def decide(self, given: Decide) -> Decided:
        """Post what was proposed, or put it away; the same decision again changes nothing."""
        with Pulse():
            refused = self._decide(given)
        with reading(self._engine) as session:
            return Decided(state=_state(session, given.resolution), refused=refused)

    def _decide(self, given: Decide) -> str:
        try:
            with (
                stops("The line", "its entry to be posted", "Nothing of it is posted."),
                Session(self._engine) as session,
                session.begin(),
            ):
                return _decide(session, given)
        except (NotResolved, PostingStopped) as refusal:
            return str(refusal)


def _state(session: Session, resolution: int) -> ResolutionState:
    row = session.execute(_STATE, {"resolution": resolution}).mappings().one_or_none()
    if row is None:
        raise UnknownResolution(resolution_workflow_id(resolution))
    return ResolutionState(**row, as_of=datetime.now(UTC))


def _decide(session: Session, given: Decide) -> str:
    """Carry a decision out; why not, where it cannot be. Raises NotResolved."""
    state = _state(session, given.resolution)
    unread = None
    if given.signal == "approve" and not state.ended:
        unread = find(session, state.file, ordinal=state.ordinal)
    session.execute(_LOCK, {"resolution": given.resolution})
    state = _state(session, given.resolution)
    if (state.stage, state.decided_by) == (ENDS[given.signal], given.decision.operator):
        return ""
    if refused := refuse_decision(state, given.signal, given.decision.operator):
        return refused
    row = {"resolution": given.resolution, "stage": ENDS[given.signal], **given.decision.model_dump()}
    session.execute(_DECIDE, row)
    if unread is not None:
        carry_out(session, unread, given.resolution)
    return ""


_STATE = text("""
    SELECT r.id AS resolution, r.file_id AS file, r.ordinal, q.line, q.path, a.code AS account, a.entity,
        r.amount_minor, r.currency, r.direction, CAST(r.facts ->> 'entry' AS bigint) AS known,
        CAST(r.facts ->> 'booked_on' AS date) AS booked_on, r.proposed_by, r.reason, r.proposed_at,
        r.stage, r.decided_by, r.decided_reason, r.decided_at,
        CASE WHEN q.resolution_id = r.id THEN q.entry_id END AS entry
    FROM bank_resolution r JOIN bank_quarantine q ON (q.file_id, q.ordinal) = (r.file_id, r.ordinal)
    JOIN bank_statement s ON (s.file_id, s.position) = (q.file_id, q.statement)
    JOIN collection_account a ON a.id = s.account_id
    WHERE r.id = :resolution
""")

_LOCK = text("SELECT id FROM bank_resolution WHERE id = :resolution FOR NO KEY UPDATE")

_DECIDE = text("""
    UPDATE bank_resolution SET stage = :stage, decided_by = :operator, decided_reason = :reason, decided_at = now()
    WHERE id = :resolution AND stage = 'proposed'
""")
