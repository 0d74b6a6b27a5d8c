"""A ticket's rows as its workflow knows them, its stages, and what its audit page will say."""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session
from temporalio.exceptions import ApplicationError

from activities.database import psycopg_of
from ledger import postings
from prepay.ids import content_hash
from rules.refund import (
    CODE,
    ESCALATED_AFTER,
    REMINDED_AFTER,
    Approval,
    Hand,
    PayoutState,
    RefundState,
)
from rules.reminders import reminder_times


class UnknownRefund(ApplicationError):
    """The rows know no such ticket."""

    def __init__(self, what: object) -> None:
        super().__init__(f"There is no refund {str(what)[:80]!r}.", type="UnknownRefund", non_retryable=True)


def lock(session: Session, refund: int) -> RowMapping:
    """Hold the ticket and then the customer's account, as payouts do; its row. Raises UnknownRefund."""
    if session.execute(_LOCK, {"refund": refund}).one_or_none() is None:
        raise UnknownRefund(refund)
    row = session.execute(_BY_ID, {"refund": refund}).mappings().one()
    postings.lock(
        psycopg_of(session), entity=row["entity"], currency=row["currency"], customers=[row["customer"]]
    )
    return row


def by_workflow(session: Session, workflow_id: str) -> int:
    """The ticket of a workflow. Raises UnknownRefund."""
    refund = session.execute(_BY_WORKFLOW, {"workflow_id": workflow_id}).scalar_one_or_none()
    if refund is None:
        raise UnknownRefund(workflow_id)
    return int(refund)


def approvable(session: Session, refund: int) -> str:
    """The digest of what can be approved: each planned payout with its amount, hold and payee; else nothing."""
    rows = session.execute(_PLANNED, {"refund": refund}).mappings().all()
    if not rows or any(row["payee_id"] is None for row in rows):
        return ""
    return content_hash({"refund": refund, "payouts": [dict(row) for row in rows]})


def state(session: Session, refund: int, at: datetime) -> RefundState:
    """The ticket as it is now. Raises UnknownRefund."""
    row = session.execute(_BY_ID, {"refund": refund}).mappings().one_or_none()
    if row is None:
        raise UnknownRefund(refund)
    content = approvable(session, refund)
    given = {"refund": refund, "content": content}
    payouts = session.execute(_PAYOUTS, given).mappings()
    approvals = session.execute(_APPROVALS, given).mappings()
    known = {name: row[name] for name in RefundState.model_fields if name in row}
    return RefundState(
        **known,
        content=content[:CODE] if row["stage"] == "in_review" else "",
        payouts=tuple(PayoutState(**payout) for payout in payouts),
        approvals=tuple(Approval(**approval) for approval in approvals),
        void_approvals=session.execute(_VOID_APPROVALS, given).scalar_one(),
        hands=tuple(Hand(**hand) for hand in session.execute(_HANDS, given).mappings()),
        # Not by the workflow: the calendars read files.
        reminders=reminder_times(
            row["waits_since"], [*REMINDED_AFTER, ESCALATED_AFTER], row["country"], row["time_zone"]
        ),
        as_of=at,
    )


def move(session: Session, refund: int, stage: str, answer: str = "", **more: Any) -> None:
    """Another stage, with what the customer is told."""
    given = {
        "refund": refund,
        "stage": stage,
        "answer": answer,
        "content": "",
        "people": None,
        "treasurer": None,
    }
    session.execute(_MOVE, given | more)


def note(session: Session, refund: int, key: str, what: str, **more: Any) -> None:
    """A line of the ticket's audit page, once for each key."""
    given = {"by": "", "reason": "", "attestation": None, "content": ""}
    session.execute(_NOTE, {"refund": refund, "key": event_key(refund, key), "what": what, **given, **more})


def event_key(refund: int, key: str) -> str:
    """What a line of the audit page is called in its table."""
    return f"refund:{refund}:{key}"


_TICKET = """
    SELECT r.*, r.id AS refund, c.number AS customer, c.legal_name AS customer_name, c.locale, e.country, e.time_zone,
        e.legal_name AS entity_name
    FROM refund r JOIN customer c ON c.id = r.customer_id JOIN contracting_entity e ON e.code = r.entity
    WHERE {where}
"""
_BY_ID = text(_TICKET.format(where="r.id = :refund"))
BY_REQUEST = text(_TICKET.format(where="c.number = :customer AND r.request_id = :request_id"))
_BY_WORKFLOW = text("SELECT id FROM refund WHERE workflow_id = :workflow_id")

_LOCK = text("SELECT id FROM refund WHERE id = :refund FOR NO KEY UPDATE")

_PLANNED = text("""
    SELECT id, amount_minor, hold_key, payee_id FROM payout WHERE refund_id = :refund AND stage = 'planned' ORDER BY id
""")

# An account is new where none of the ticket's own money came from it: a cent from it, paid before, opens no way.
_PAYOUTS = text("""
    SELECT p.id AS payout, p.amount_minor, p.stage, p.payee_id AS payee, e.entry_id AS entry, p.not_before, p.reason,
        coalesce(y.origin = 'entered' AND NOT y.known, false) AS new
    FROM payout p LEFT JOIN LATERAL (
        SELECT y.*, EXISTS (
            SELECT FROM payout_money m JOIN bank_entry_part f ON f.id = m.part_id
            WHERE m.refund_id = p.refund_id AND f.payer_account <> ''
                AND f.payer_account IN (y.iban, y.account_number)
        ) AS known
        FROM payee y WHERE y.id = p.payee_id
    ) y ON true
    LEFT JOIN bank_entry_part e ON e.id = y.source_part_id
    WHERE p.refund_id = :refund AND NOT EXISTS (SELECT FROM payout n WHERE n.previous_id = p.id)
    ORDER BY p.position, p.id
""")

_APPROVALS = text("""
    SELECT a.operator, a.treasurer, a.created_at AS at, t.standing
    FROM refund_approval a JOIN attestation t ON t.id = a.attestation_id
    JOIN refund r ON r.id = a.refund_id
    WHERE a.refund_id = :refund AND a.content_hash = coalesce(nullif(:content, ''), r.approved_hash) ORDER BY a.id
""")

_VOID_APPROVALS = text("""
    SELECT count(*) FROM refund_approval a JOIN refund r ON r.id = a.refund_id
    WHERE a.refund_id = :refund AND a.content_hash <> coalesce(nullif(:content, ''), r.approved_hash)
""")

_HANDS = text(
    "SELECT operator, min(how) AS how FROM refund_hand WHERE refund_id = :refund GROUP BY operator ORDER BY 1"
)

_MOVE = text("""
    UPDATE refund SET stage = :stage, answer = :answer, version = version + 1, waits_since = now(), reminded = 0,
        approved_hash = CASE WHEN :content = '' THEN approved_hash ELSE :content END,
        people = coalesce(:people, people), treasurer = coalesce(:treasurer, treasurer),
        ended_at = CASE WHEN :stage IN ('settled', 'rejected', 'withdrawn', 'closed', 'void') THEN now() END
    WHERE id = :refund
""")

_NOTE = text("""
    INSERT INTO refund_event (refund_id, key, what, by, reason, attestation_id, content_hash)
    VALUES (:refund, :key, :what, :by, :reason, :attestation, :content) ON CONFLICT DO NOTHING
""")
