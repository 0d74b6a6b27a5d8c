"""Receipts without an owner as operators look them up: in pages, counted, and one with all that the bank said."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from activities.receipt_candidates import candidates

MAX_PAGE = 1000


class NoSuchReceipt(ValueError):
    """The number is no receipt's."""

    def __init__(self, part: int) -> None:
        super().__init__(f"There is no receipt {part}; `prepay receipt list` lists them")


class NoSuchClaim(ValueError):
    """The number is no claim's."""

    def __init__(self, claim: int) -> None:
        super().__init__(f"There is no claim {claim}; `prepay receipt claim list` lists them")


def page(session: Session, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Open receipts after a number, the oldest first, of an `entity`, `currency` and `age` in days where given."""
    return _rows(session, _PAGE, given)


def counts(session: Session) -> list[dict[str, Any]]:
    """How many are open and how much they are, by entity, currency and stage."""
    return _rows(session, _COUNTS, {})


def one(session: Session, part: int) -> dict[str, Any]:
    """All that the bank said of it, whose it may be, and what was decided. Raises NoSuchReceipt."""
    found = _rows(session, _ONE, {"part": part})
    if not found:
        raise NoSuchReceipt(part)
    given = {"part": part}
    return {
        **found[0],
        "candidates": [candidate.model_dump() for candidate in candidates(session, part)],
        "claims": _rows(session, _CLAIMS_OF, given),
        "decisions": _rows(session, _DECISIONS, given),
    }


def claim(session: Session, number: int) -> dict[str, Any]:
    """All that the customer said. Raises NoSuchClaim."""
    found = _rows(session, _CLAIM, {"claim": number})
    if not found:
        raise NoSuchClaim(number)
    return found[0]


def claims(session: Session, before: int, limit: int) -> list[dict[str, Any]]:
    """Claims before a number, the newest first."""
    return _rows(session, _CLAIMS, {"before": before, "limit": limit})


def proof(session: Session, number: int) -> tuple[str, bytes] | None:
    """What kind of file a claim's proof is, and its bytes; None where it has none. Raises NoSuchClaim."""
    claim(session, number)
    row = session.execute(_PROOF, {"claim": number}).one_or_none()
    return (row.kind, bytes(row.content)) if row else None


def _rows(session: Session, query: Any, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(query, given).mappings()]


# By number, which is the order in which they came: a page costs the same however many there are.
_PAGE = text("""
    SELECT r.part_id AS receipt, p.entry_id AS entry, r.entity, r.currency, r.amount_minor, r.stage, r.opened_at,
        r.chased, e.booked_on, p.payer_name, p.payer_account, p.remittance, p.reason,
        (SELECT count(*) FROM claim c WHERE c.part_id = r.part_id AND c.stage = 'found') AS claims
    FROM (
        SELECT * FROM receipt WHERE stage IN ('unapplied', 'returning') AND part_id > :after
            AND (CAST(:entity AS text) IS NULL OR entity = :entity)
            AND (CAST(:currency AS text) IS NULL OR currency = :currency)
            AND opened_at <= now() - CAST(:age AS integer) * interval '1 day'
        ORDER BY part_id LIMIT :limit
    ) r JOIN bank_entry_part p ON p.id = r.part_id JOIN bank_entry e ON e.id = p.entry_id
    ORDER BY r.part_id
""")

_COUNTS = text("""
    SELECT entity, currency, stage, count(*) AS receipts, sum(amount_minor)::bigint AS amount_minor,
        count(*) FILTER (WHERE opened_at <= now() - interval '30 days') AS older_than_30_days,
        count(*) FILTER (WHERE chased >= 4) AS to_return, min(opened_at) AS oldest
    FROM receipt WHERE stage IN ('unapplied', 'returning') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")

_ONE = text("""
    SELECT r.part_id AS receipt, p.entry_id AS entry, r.entity, a.code AS account, r.currency, r.amount_minor, r.stage,
        r.opened_at, r.ended_at, r.chased, e.booked_on, e.value_on, p.payer_name, p.payer_account, p.credited_account,
        p.remittance, p.end_to_end_id, p.bank_reference, p.return_reason, p.charges_minor, p.reason, p.awaits,
        (
            SELECT string_agg(DISTINCT c.number, ', ') FROM payer_link l JOIN customer c ON c.id = l.customer_id
            WHERE (l.entity, l.payer_account) = (r.entity, p.payer_account) AND l.ended_at IS NULL
        ) AS payer_linked_to
    FROM receipt r JOIN bank_entry_part p ON p.id = r.part_id JOIN bank_entry e ON e.id = p.entry_id
    JOIN collection_account a ON a.id = e.account_id WHERE r.part_id = :part
""")

_CLAIM_COLUMNS = """
    SELECT c.id AS claim, u.number AS customer, c.amount_minor, c.currency, c.paid_on, c.payer_name, c.payer_account,
        c.bank_reference, c.stage, c.part_id AS receipt, c.proof_sha256, c.created_at, c.ended_at, c.answer
    FROM claim c JOIN customer u ON u.id = c.customer_id
"""
_CLAIM = text(f"{_CLAIM_COLUMNS} WHERE c.id = :claim")
_CLAIMS = text(f"{_CLAIM_COLUMNS} WHERE c.id < :before ORDER BY c.id DESC LIMIT :limit")
_CLAIMS_OF = text(f"{_CLAIM_COLUMNS} WHERE c.part_id = :part ORDER BY c.id LIMIT 100")

_DECISIONS = text("""
    SELECT what, operator, reason, created_at FROM receipt_decision WHERE part_id = :part ORDER BY id LIMIT 1000
""")

_PROOF = text("""
    SELECT p.kind, p.content FROM claim c JOIN claim_proof p ON p.sha256 = c.proof_sha256 WHERE c.id = :claim
""")
