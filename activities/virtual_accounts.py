"""Applications for virtual accounts: decided by rule, by an operator, and given a number of the pool.

Locks in this order: the application, the number, deposits by id.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row
from pydantic import BaseModel
from sqlalchemy import Engine, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import psycopg_of
from activities.forms_again import issue_again
from activities.virtual_account_notices import tell
from activities.virtual_account_setup import rules
from prepay.ids import virtual_account_workflow_id
from prepay.virtual_account_queries import APPLY, why_not
from prepay.virtual_accounts import DecideVirtualAccount, VirtualAccountRequest
from prepay.wire import Wire
from rules.eligibility import Answer, eligible
from rules.reminders import reminder_times
from rules.virtual_account import (
    ESCALATED_AFTER,
    REMINDED_AFTER,
    Signal,
    VirtualAccountState,
    refuse_decision,
)

MAX_DIGITS = 18
COUNTED = 100
"""Free numbers are counted up to so many."""
HAS_ONE = "the customer has a virtual account in this currency already; say which one the new one replaces"
NOT_THEIRS = (
    "the account that is to be replaced is no open virtual account of the customer's in this currency"
)


class Decide(Wire):
    """Take an operator's decision about an application."""

    application: int
    signal: Signal
    decision: DecideVirtualAccount
    attestation: int
    review: str = ""
    """What the details told of changes at the customer: only that is decided about."""


class Decided(BaseModel):
    """The application after a decision, and why that was refused, if it was."""

    state: VirtualAccountState
    refused: str = ""


class UnknownApplication(ApplicationError):
    """The rows know no such application."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"There is no virtual account application {what[:60]!r}.",
            type="UnknownApplication",
            non_retryable=True,
        )


class ApplicationRefused(ValueError):
    """It cannot be written down; the message says why."""


class Applied(NamedTuple):
    """An application, new or from before under the same request id."""

    application: int
    workflow_id: str
    new: bool


def apply(session: Session, given: VirtualAccountRequest, by: str = "") -> Applied:
    """Write an application down and ring its workflow; the same request again gives the same answer.

    Raises ApplicationRefused.
    """
    with psycopg_of(session).cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(APPLY.encode(), {**given.model_dump(), "by": by}).fetchone()
    if refused := why_not(row, given):
        raise ApplicationRefused(refused)
    assert row is not None
    application = row["new"] or row["known"]
    return Applied(application, virtual_account_workflow_id(application), row["new"] is not None)


class VirtualAccounts:
    """The activities of the VirtualAccountApplication workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.decide]

    @activity.defn(name="look_at_virtual_account")
    def look(self, workflow_id: str) -> VirtualAccountState:
        """The application as it is now, after what can be done with it by itself: the rule's answer, or a number."""
        number = workflow_id.removeprefix("virtual-account-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownApplication(workflow_id)
        with Session(self._engine) as session, session.begin():
            state = _locked(session, int(number))
            if state.stage == "submitted":
                _open_review(session, state)
            elif state.stage == "approved":
                _take_number(session, state.application)
            return _state(session, state.application)

    @activity.defn(name="decide_virtual_account")
    def decide(self, given: Decide) -> Decided:
        """Carry a decision out; the same one again changes nothing."""
        with Session(self._engine) as session, session.begin():
            refused = _decide(session, given)
            return Decided(state=_state(session, given.application), refused=refused)


def _locked(session: Session, application: int) -> VirtualAccountState:
    session.execute(_LOCK, {"application": application})
    return _state(session, application)


def _state(session: Session, application: int) -> VirtualAccountState:
    row = session.execute(_STATE, {"application": application, "counted": COUNTED}).mappings().one_or_none()
    if row is None:
        raise UnknownApplication(virtual_account_workflow_id(application))
    days = [*REMINDED_AFTER, ESCALATED_AFTER]
    reminders = reminder_times(row["waits_since"], days, row["country"], row["time_zone"])
    known = {name: row[name] for name in VirtualAccountState.model_fields if name in row}
    return VirtualAccountState(**known, reminders=reminders, as_of=datetime.now(UTC))


def _open_review(session: Session, state: VirtualAccountState) -> None:
    answer = _by_rule(session, state.application)
    row = {"application": state.application, "why": answer.reason}
    session.execute(_REVIEW if answer.allowed else _REFUSE_BY_RULE, row)
    tell(session, state.application, "virtual_submitted" if answer.allowed else "virtual_refused")


def _by_rule(session: Session, application: int) -> Answer:
    """What rules say by entity and country at registration, unless there is a number that this is not to replace."""
    row = session.execute(_PLACE, {"application": application}).mappings().one()
    if row["replaces_id"] is None and row["has_one"]:
        return Answer(False, HAS_ONE)
    if row["replaces_id"] is not None and not row["replaceable"]:
        return Answer(False, NOT_THEIRS)
    return eligible(rules(session), row["entity"], row["country"], row["today"])


def _decide(session: Session, given: Decide) -> str:
    state = _locked(session, given.application)
    if session.execute(_DECIDED, given.model_dump()).first() is not None:
        return ""
    if refused := refuse_decision(state, given.signal, given.decision.operator):
        return refused
    row = {
        **given.model_dump(include={"application", "attestation", "review"}),
        **given.decision.model_dump(),
    }
    if given.signal == "approve":
        _approve(session, state, row)
    elif given.signal == "reject":
        session.execute(_REJECT, row)
        tell(session, given.application, "virtual_refused")
    else:
        session.execute(_CLOSE, row)
        issue_again(session, given.application)
        tell(session, given.application, "virtual_closed")
    return ""


def _approve(session: Session, state: VirtualAccountState, row: dict[str, Any]) -> None:
    if state.stage == "active":
        session.execute(_KEEP, row)
        return
    session.execute(_APPROVE, row)
    if not _take_number(session, state.application):
        tell(session, state.application, "virtual_waits")


def _take_number(session: Session, application: int) -> bool:
    """Give an approved application a number of its pool, once; False where none is free."""
    if session.execute(_TAKE, {"application": application}).first() is None:
        return False
    issue_again(session, application)
    tell(session, application, "virtual_active")
    return True


_LOCK = text("SELECT id FROM virtual_account_application WHERE id = :application FOR NO KEY UPDATE")

_STATE = text("""
    SELECT p.id AS application, c.number AS customer, p.entity, p.currency, p.applied_by, p.note, p.stage, p.why,
        p.virtual_account_id AS virtual_account, p.replaces_id AS replaces, p.decided_by, p.decided_reason,
        p.decided_at, p.closed_by, p.closed_reason, p.closed_at, p.review, p.waits_since, e.country, e.time_zone,
        CASE WHEN p.stage IN ('submitted', 'in_review', 'approved') THEN (
            SELECT count(*) FROM (
                SELECT FROM virtual_account v JOIN collection_account a ON a.id = v.account_id
                WHERE v.stage = 'free' AND a.entity = p.entity AND a.currency = p.currency LIMIT :counted
            ) free
        ) ELSE 0 END AS free_numbers
    FROM virtual_account_application p JOIN customer c ON c.id = p.customer_id
    JOIN contracting_entity e ON e.code = p.entity
    WHERE p.id = :application
""")

_PLACE = text("""
    SELECT coalesce(nullif(c.registered_entity, ''), c.entity) AS entity,
        coalesce(nullif(c.registered_country, ''), c.country) AS country, p.replaces_id,
        (p.submitted_at AT TIME ZONE e.time_zone)::date AS today,
        count(v.id) > 0 AS has_one, coalesce(bool_or(v.id = p.replaces_id), false) AS replaceable
    FROM virtual_account_application p JOIN customer c ON c.id = p.customer_id
    JOIN contracting_entity e ON e.code = p.entity
    LEFT JOIN (virtual_account v JOIN collection_account a ON a.id = v.account_id AND v.stage = 'active')
        ON v.customer_id = c.id AND a.entity = p.entity AND a.currency = p.currency
    WHERE p.id = :application GROUP BY p.id, c.id, e.code
""")

_REVIEW = text("""
    UPDATE virtual_account_application SET stage = 'in_review', why = :why WHERE id = :application
""")

_REFUSE_BY_RULE = text("""
    UPDATE virtual_account_application SET stage = 'refused', why = :why WHERE id = :application
""")

_DECIDED = text("""
    SELECT FROM virtual_account_application WHERE id = :application AND attestation_id = :attestation
""")

_APPROVE = text("""
    UPDATE virtual_account_application SET stage = 'approved', decided_by = :operator, decided_reason = :reason,
        decided_at = now(), waits_since = now(), attestation_id = :attestation,
        review = CASE review WHEN :review THEN '' ELSE review END
    WHERE id = :application
""")

_REJECT = text("""
    UPDATE virtual_account_application SET stage = 'refused', why = :reason, decided_by = :operator,
        decided_reason = :reason, decided_at = now(), attestation_id = :attestation
    WHERE id = :application
""")

_KEEP = text("""
    UPDATE virtual_account_application SET kept_by = :operator, attestation_id = :attestation,
        review = CASE review WHEN :review THEN '' ELSE review END
    WHERE id = :application
""")

_CLOSE = text("""
    WITH closed AS (
        UPDATE virtual_account_application SET stage = 'closed', closed_by = :operator, closed_reason = :reason,
            closed_at = now(), review = '', attestation_id = :attestation
        WHERE id = :application RETURNING virtual_account_id, entity
    )
    UPDATE virtual_account v SET stage = 'closed', valid_to = (now() AT TIME ZONE e.time_zone)::date
    FROM closed JOIN contracting_entity e ON e.code = closed.entity WHERE v.id = closed.virtual_account_id
""")

# One statement: whoever comes at the same time skips the number that is being taken, and what was taken is not free.
_TAKE = text("""
    WITH free AS (
        SELECT v.id, p.id AS application, p.customer_id, p.replaces_id, e.time_zone
        FROM virtual_account_application p JOIN contracting_entity e ON e.code = p.entity
        JOIN collection_account a ON a.entity = p.entity AND a.currency = p.currency
        JOIN virtual_account v ON v.account_id = a.id AND v.stage = 'free'
        WHERE p.id = :application AND p.stage = 'approved'
            AND daterange(a.valid_from, a.valid_to, '[]') @> (now() AT TIME ZONE e.time_zone)::date
        ORDER BY v.id LIMIT 1 FOR NO KEY UPDATE OF v SKIP LOCKED
    ), taken AS (
        UPDATE virtual_account v SET stage = 'active', customer_id = free.customer_id,
            valid_from = (now() AT TIME ZONE free.time_zone)::date
        FROM free WHERE v.id = free.id RETURNING v.id, free.application, free.replaces_id
    ), replaced AS (
        UPDATE virtual_account old SET replaced_by = taken.id FROM taken WHERE old.id = taken.replaces_id
    )
    UPDATE virtual_account_application p SET stage = 'active', virtual_account_id = taken.id,
        waits_since = CASE p.review WHEN '' THEN p.waits_since ELSE now() END
    FROM taken WHERE p.id = taken.application RETURNING p.id
""")
