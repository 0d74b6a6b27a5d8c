"""What staff look up about refund tickets: the accounts too, the proof, and every line of what happened."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

Row = dict[str, Any]


class NoRefund(ValueError):
    """Nobody has that ticket."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no refund {number[:40]}; `prepay refund list` lists them.")


class NoProof(ValueError):
    """No bank details of the ticket came with one."""

    def __init__(self, number: str) -> None:
        super().__init__(f"Refund {number} has no proof.")


def ticket(session: Session, number: str) -> Row:
    """A ticket with its payouts, approvals and events, in order. Raises NoRefund."""
    row = session.execute(_TICKET, {"number": number}).mappings().one_or_none()
    if row is None:
        raise NoRefund(number)
    given = {"refund": row["refund"]}
    return {
        **row,
        "payouts": _rows(session, _PAYOUTS, given),
        "money": _rows(session, _MONEY, given),
        "approvals": _rows(session, _APPROVALS, given),
        "hands": _rows(session, _HANDS, given),
        "events": _rows(session, _EVENTS, given),
    }


def proof(session: Session, number: str) -> tuple[str, bytes]:
    """The newest proof of a ticket: its kind and bytes. Raises NoRefund, NoProof."""
    found = ticket(session, number)
    row = session.execute(_PROOF, {"refund": found["refund"]}).one_or_none()
    if row is None:
        raise NoProof(number)
    return row[0], bytes(row[1])


def _rows(session: Session, query: Any, given: Row) -> list[Row]:
    return [dict(row) for row in session.execute(query, given).mappings()]


_TICKET = text("""
    SELECT r.id AS refund, r.number, r.workflow_id, c.number AS customer, c.legal_name AS customer_name,
        c.address AS customer_address, c.country AS customer_country, c.locale, r.entity,
        e.legal_name AS entity_name,
        e.address AS entity_address, e.country AS entity_country, e.registration_id, e.tax_id, e.time_zone, r.currency,
        r.amount_minor, r.everything, r.reason, r.opened_by, r.opened_at, r.stage, r.answer, r.people, r.treasurer,
        r.approved_hash, r.details_until, r.ended_at, r.request_id, r.content_hash,
        p.valid_from AS policy_from, p.one_up_to_minor, p.two_up_to_minor, p.cooling_hours
    FROM refund r JOIN customer c ON c.id = r.customer_id JOIN contracting_entity e ON e.code = r.entity
    LEFT JOIN refund_policy p ON p.id = r.policy_id
    WHERE r.number = :number
""")

_PAYOUTS = text("""
    SELECT p.id AS payout, p.end_to_end_id, p.amount_minor, p.currency, p.stage, a.code AS account, p.payee_id AS payee,
        y.name, y.iban, y.bic, y.account_number, y.clearing_code, y.bank_name, y.country, y.town, y.origin,
        y.entered_by, y.created_at AS entered_at, y.proof_sha256, s.entry_id AS entry, p.not_before, p.reason_code,
        p.reason, p.fee_minor,
        f.message_id, f.sha256 AS file_sha256, p.ready_at, p.sent_at, p.settled_at, p.ended_at, p.previous_id,
        w.entry_id AS settled_entry
    FROM payout p JOIN collection_account a ON a.id = p.account_id LEFT JOIN payee y ON y.id = p.payee_id
    LEFT JOIN bank_entry_part s ON s.id = y.source_part_id LEFT JOIN payment_file f ON f.id = p.file_id
    LEFT JOIN bank_entry_part w ON w.id = p.settled_part_id
    WHERE p.refund_id = :refund ORDER BY p.position, p.id
""")

# Which payment each part of it came from.
_MONEY = text("""
    SELECT m.payout_id AS payout, p.entry_id AS entry, d.number AS deposit, e.booked_on, sum(m.amount_minor)::bigint
        AS amount_minor
    FROM payout_money m LEFT JOIN bank_entry_part p ON p.id = m.part_id LEFT JOIN bank_entry e ON e.id = p.entry_id
    LEFT JOIN credit c ON c.id = m.credit_id LEFT JOIN deposit d ON d.id = c.deposit_id
    WHERE m.refund_id = :refund GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
""")

_APPROVALS = text("""
    SELECT a.operator, a.treasurer, a.reason, a.content_hash, a.created_at, t.standing, t.identity, t.principal,
        t.sent_at, t.run_id, t.event_id, t.id AS attestation
    FROM refund_approval a JOIN attestation t ON t.id = a.attestation_id WHERE a.refund_id = :refund ORDER BY a.id
""")

_HANDS = text("SELECT DISTINCT operator, how FROM refund_hand WHERE refund_id = :refund ORDER BY 1, 2")

_EVENTS = text("""
    SELECT v.created_at, v.what, v.by, v.reason, v.content_hash, t.id AS attestation, t.standing, t.run_id, t.event_id,
        t.principal, t.identity
    FROM refund_event v LEFT JOIN attestation t ON t.id = v.attestation_id WHERE v.refund_id = :refund ORDER BY v.id
""")

_PROOF = text("""
    SELECT f.kind, f.content FROM payee y JOIN claim_proof f ON f.sha256 = y.proof_sha256
    WHERE y.refund_id = :refund ORDER BY y.id DESC LIMIT 1
""")
