"""Changes to master data: proposed in the words of a set-up file, and applied in one transaction when approved."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import psycopg
from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import reading
from activities.master_data import one_at_a_time
from activities.operators import require
from activities.payers import LinkInput, put_link
from activities.setup_file import KINDS, TABLES, Table
from ledger.refusals import Refused
from models import Outbox
from prepay.changes import DecideChange
from prepay.ids import change_workflow_id, content_hash
from prepay.wire import OperatorName, Reason, Wire, parse
from rules.authority import Act
from rules.change import ENDS, ChangeState, Signal, refuse_decision
from rules.operators import person

MAX_ROWS = 1000
MAX_SUMMARY = 1000
MAX_DIGITS = 18
# What PostgreSQL or the book refuses they refuse each time: a person must see it.
_REFUSED = (DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, Refused)
_DAYS = ("valid_from", "valid_to")
_DONE = {"added": "adds", "changed": "changes"}

CHANGEABLE: dict[str, Table] = {**TABLES, "payer_link": Table("customer", LinkInput, put_link)}
"""What two people change; the rows of a set-up file, and the links of payers."""


class ChangeRefused(ValueError):
    """The proposal cannot be one; the message says why."""


class NothingChanges(ChangeRefused):
    """All of it stands so already."""

    def __init__(self) -> None:
        super().__init__("Nothing would change: all of it stands so already.")


class ProposedAlready(ChangeRefused):
    """The same change waits for its decision."""

    def __init__(self, change: int, by: str) -> None:
        super().__init__(f"{by} proposed the same already: decide {change_workflow_id(change)}.")


class Twice(ChangeRefused):
    """Two tables of one change are about the same thing."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Two [[{kind}]] of this change are about the same one; keep one of them.")


class ChangeInput(Wire):
    """The tables that are to be added or changed, by kind; who says so, and why."""

    tables: dict[str, list[dict[str, Any]]]
    by: OperatorName
    reason: Reason


class Proposed(NamedTuple):
    """A change that waits for a second person."""

    change: int
    workflow_id: str
    summary: str


class Decide(Wire):
    """Take an operator's decision about a proposal."""

    change: int
    signal: Signal
    decision: DecideChange
    attestation: int | None = None


class Decided(BaseModel):
    """The change after a decision, and why that was refused, if it was."""

    state: ChangeState
    refused: str = ""


class UnknownChange(ApplicationError):
    """The rows know no such proposal."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no change {what[:60]!r}.", type="UnknownChange", non_retryable=True)


def propose(session: Session, given: ChangeInput) -> Proposed:
    """Try the change, take it back, write the proposal down and ring its workflow.

    Raises OperatorRefused, InputRefused, MasterDataRefused, ChangeRefused.
    """
    by = require(session, given.by, Act("Change", "propose"))
    _require_known(given.tables)
    # Who says so is who proposes it.
    tables = {
        kind: [{**row, "by": by} for row in rows] if kind == "payer_link" else rows
        for kind, rows in given.tables.items()
    }
    one_at_a_time(session)
    trial = session.begin_nested()
    done = list(_put_all(session, tables))
    trial.rollback()
    summary = "; ".join(f"{_DONE[how]} {what}" for what, how in done if how in _DONE)
    if not summary:
        raise NothingChanges
    content = _as_json(tables)
    row = {
        "content": json.dumps(content),
        "digest": content_hash(content),
        "kinds": sorted(tables),
        "summary": summary[:MAX_SUMMARY],
        "by": by,
        "reason": given.reason,
    }
    change = session.execute(_PROPOSE, row).scalar_one_or_none()
    if change is None:
        raise ProposedAlready(*session.execute(_OPEN, row).one())
    session.add(Outbox(workflow_id=change_workflow_id(change), version=1))
    return Proposed(change, change_workflow_id(change), summary)


def changes(session: Session, stage: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest changes, of one stage where it is named; without their content."""
    return [dict(row) for row in session.execute(_CHANGES, {"stage": stage, "limit": limit}).mappings()]


def change(session: Session, number: int) -> dict[str, Any]:
    """A change with all that it holds. Raises ChangeRefused where there is none."""
    row = session.execute(_CHANGE, {"change": number}).mappings().one_or_none()
    if row is None:
        raise ChangeRefused(f"There is no change {number}; `prepay change list` lists them.")
    return dict(row)


class Changes:
    """The activities of the Change workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.decide]

    @activity.defn(name="look_at_change")
    def look(self, workflow_id: str) -> ChangeState:
        """The change as it is now."""
        number = workflow_id.removeprefix("change-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownChange(workflow_id)
        with reading(self._engine) as session:
            return _state(session, int(number))

    @activity.defn(name="decide_change")
    def decide(self, given: Decide) -> Decided:
        """Apply the change, or put it away; the same decision again changes nothing."""
        refused = ""
        try:
            with Session(self._engine) as session, session.begin():
                refused = _decide(session, given)
        except (ValueError, *_REFUSED):
            # It was sound when it was proposed; what it quotes may be an account number.
            refused = f"it can no longer be applied as it is: `prepay change show {given.change}` and propose it anew"
        with reading(self._engine) as session:
            return Decided(state=_state(session, given.change), refused=refused)


def _decide(session: Session, given: Decide) -> str:
    """Carry a decision out; why not, where it cannot be."""
    one_at_a_time(session)
    session.execute(_LOCK, {"change": given.change})
    state = _state(session, given.change)
    if (state.stage, state.decided_by) == (ENDS[given.signal], given.decision.operator):
        return ""
    if refused := refuse_decision(state, given.signal, given.decision.operator):
        return refused
    if given.signal == "approve":
        content = session.execute(_CONTENT, {"change": given.change}).scalar_one()
        for _ in _put_all(session, _revived(content)):
            pass
    row = {"stage": ENDS[given.signal], **given.model_dump(include={"change", "attestation"})}
    session.execute(_DECIDE, row | given.decision.model_dump())
    return ""


def _state(session: Session, number: int) -> ChangeState:
    row = session.execute(_STATE, {"change": number}).mappings().one_or_none()
    if row is None:
        raise UnknownChange(change_workflow_id(number))
    return ChangeState(**row, as_of=datetime.now(UTC))


def _require_known(tables: Mapping[str, Sequence[Any]]) -> None:
    for kind in tables:
        if kind not in CHANGEABLE:
            known = ", ".join(f"[[{kind}]]" for kind in CHANGEABLE)
            raise ChangeRefused(f"`{kind[:40]}` is not known; there are {known}.")
    if sum(map(len, tables.values())) > MAX_ROWS:
        raise ChangeRefused(f"One change holds at most {MAX_ROWS:,} tables; propose several.")


def _put_all(session: Session, tables: Mapping[str, Sequence[dict[str, Any]]]) -> Any:
    """Put every row, in the order in which kinds need each other: what it is about, and what that did."""
    for kind in (*KINDS, *(kind for kind in CHANGEABLE if kind not in KINDS)):
        table, seen = CHANGEABLE[kind], set()
        for raw in tables.get(kind, ()):
            row = parse(table.model, raw, f"[[{kind}]]")
            named = person(str(getattr(row, "account" if kind == "payer_link" else table.name)))
            if named in seen:
                raise Twice(kind)
            seen.add(named)
            yield f"{kind.replace('_', ' ')} {getattr(row, table.name)}", table.put(session, row)


def _as_json(tables: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """As the database keeps it: days as text."""
    return {
        kind: [{k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in rows]
        for kind, rows in tables.items()
    }


def _revived(content: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    return {
        kind: [{k: date.fromisoformat(v) if k in _DAYS and v else v for k, v in row.items()} for row in rows]
        for kind, rows in content.items()
    }


_PROPOSE = text("""
    INSERT INTO change (content, digest, kinds, summary, proposed_by, reason)
    VALUES (CAST(:content AS jsonb), :digest, :kinds, :summary, :by, :reason)
    ON CONFLICT (digest) WHERE stage = 'proposed' DO NOTHING RETURNING id
""")

_OPEN = text("SELECT id, proposed_by FROM change WHERE digest = :digest AND stage = 'proposed'")

_LOCK = text("SELECT id FROM change WHERE id = :change FOR NO KEY UPDATE")

_CONTENT = text("SELECT content FROM change WHERE id = :change")

_STATE = text("""
    SELECT id AS change, kinds, summary, proposed_by, reason, proposed_at, stage, decided_by, decided_reason, decided_at
    FROM change WHERE id = :change
""")

_DECIDE = text("""
    UPDATE change SET stage = :stage, decided_by = :operator, decided_reason = :reason, decided_at = now(),
        attestation_id = :attestation
    WHERE id = :change AND stage = 'proposed'
""")

_CHANGES = text("""
    SELECT id AS change, summary, stage, proposed_by, reason, proposed_at, decided_by, decided_reason, decided_at
    FROM change WHERE CAST(:stage AS text) IS NULL OR stage = :stage ORDER BY id DESC LIMIT :limit
""")

_CHANGE = text("""
    SELECT id AS change, content, kinds, summary, stage, proposed_by, reason, proposed_at, decided_by, decided_reason,
        decided_at
    FROM change WHERE id = :change
""")
