"""Whose money a receipt may be: suggestions with reasons, each looked up by an index. Nothing follows by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from rules.receipt import Candidate

SHOWN = 5
ALIKE = 0.45
"""From which likeness of two names on, of 1."""
NEAR_PERCENT = 2
LOOKED_AT = 100
"""Of the payer's earlier payments, the newest."""


def candidates(session: Session, part: int) -> tuple[Candidate, ...]:
    """The best first, each deposit or customer once with all reasons for it."""
    session.execute(_SET_ALIKE, {"alike": str(ALIKE)})
    given = {"part": part, "percent": NEAR_PERCENT, "looked_at": LOOKED_AT, "shown": SHOWN}
    return ranked(session.execute(_HINTS, given).mappings().all())


def ranked(hints: Sequence[Mapping[Any, Any]]) -> tuple[Candidate, ...]:
    """What hints at a customer hints at each of their deposits that comes into question, else at their balance."""
    with_deposit = {hint["customer"] for hint in hints if hint["deposit"]}
    places = {
        (hint["customer"], hint["deposit"])
        for hint in hints
        if hint["deposit"] or hint["customer"] not in with_deposit
    }
    found: list[tuple[int, Candidate]] = []
    for customer, deposit in places:
        theirs = [h for h in hints if h["customer"] == customer and h["deposit"] in (None, deposit)]
        reasons = tuple(hint["reason"] for hint in theirs)
        weight = sum(hint["weight"] for hint in theirs)
        found.append((weight, Candidate(customer=customer, deposit=deposit, reasons=reasons)))
    found.sort(key=lambda one: (-one[0], one[1].customer, one[1].deposit or ""))
    return tuple(candidate for _, candidate in found[:SHOWN])


_SET_ALIKE = text("SELECT set_config('pg_trgm.similarity_threshold', :alike, true)")

# Deposits of which nearly the amount is missing: unpaid ones by their amount, others by their rest.
_NEAR = """(
    SELECT d.id, d.customer_id, d.{missing} AS missing_minor FROM deposit d
    WHERE d.entity = p.entity AND d.currency = p.currency AND {which} AND d.{missing} {bounds}
    ORDER BY d.{missing} {order} LIMIT :shown
)"""
_FROM = {"bounds": "BETWEEN p.amount_minor AND p.amount_minor * (100 + :percent) / 100", "order": ""}
_BELOW = {
    "bounds": "BETWEEN p.amount_minor * (100 - :percent) / 100 AND p.amount_minor - 1",
    "order": "DESC",
}
_UNPAID_NEAR, _PART_PAID_NEAR = (
    " UNION ALL ".join(_NEAR.format(missing=missing, which=which, **side) for side in (_FROM, _BELOW))
    for missing, which in (
        ("amount_minor", "d.live AND d.stage = 'issued'"),
        ("rest_minor", "d.rest_minor IS NOT NULL"),
    )
)

# Only who has a balance there can be credited. Each way is a look-up of its own, with its own limit.
_HINTS = text(
    f"""
    WITH part AS MATERIALIZED (
        SELECT p.*, e.entity FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id WHERE p.id = :part
    ), hint AS (
        SELECT c.customer_id, NULL::bigint AS deposit_id, 100 AS weight, 'their claim ' || c.id || ' fits' AS reason
        FROM claim c WHERE c.part_id = :part AND c.stage = 'found'
        UNION ALL
        SELECT d.customer_id, d.id, 80, 'its text has the reference of this deposit'
        FROM part p JOIN deposit d ON d.reference = ANY (p.structured_references || p.text_references)
        UNION ALL
        SELECT l.customer_id, NULL, 60, 'its payer is linked to them'
        FROM part p JOIN payer_link l ON (l.entity, l.payer_account) = (p.entity, p.payer_account)
        WHERE l.ended_at IS NULL AND p.payer_account <> ''
        UNION ALL
        SELECT c.customer_id, NULL, 40, 'they look for this amount (claim ' || c.id || ', ' || c.stage || ')'
        FROM part p CROSS JOIN LATERAL (
            SELECT * FROM claim c WHERE (c.currency, c.amount_minor) = (p.currency, p.amount_minor)
                AND c.stage IN ('waiting', 'closed') ORDER BY c.id DESC LIMIT :shown
        ) c
        UNION ALL
        SELECT before.customer_id, NULL, 50, 'money of the same account was credited to them before, '
            || CASE before.times WHEN 1 THEN 'once' ELSE before.times || ' times' END
        FROM part p CROSS JOIN LATERAL (
            SELECT credit.customer_id, count(*) AS times FROM (
                SELECT o.id FROM bank_entry_part o WHERE o.payer_account = p.payer_account AND o.payer_account <> ''
                ORDER BY o.id DESC LIMIT :looked_at
            ) o JOIN credit ON credit.part_id = o.id GROUP BY 1
        ) before
        UNION ALL
        SELECT near.customer_id, near.id,
            CASE near.missing_minor WHEN p.amount_minor THEN 30 ELSE 10 END,
            CASE near.missing_minor WHEN p.amount_minor THEN 'exactly this amount is awaited'
                ELSE 'nearly this amount is awaited' END
        FROM part p CROSS JOIN LATERAL (
            {_UNPAID_NEAR} UNION ALL {_PART_PAID_NEAR}
        ) near
        UNION ALL
        SELECT alike.id, NULL, 20 + (20 * alike.likeness)::int,
            'its payer has a similar name (' || round(100 * alike.likeness::numeric) || ' %)'
        FROM part p CROSS JOIN LATERAL (
            SELECT c.id, similarity(c.legal_name, p.payer_name) AS likeness FROM customer c
            WHERE c.legal_name % p.payer_name AND p.payer_name <> '' ORDER BY 2 DESC, 1 LIMIT :shown
        ) alike
    )
    SELECT c.number AS customer, d.number AS deposit, hint.weight, hint.reason
    FROM hint CROSS JOIN part p JOIN customer c ON c.id = hint.customer_id
    LEFT JOIN deposit d ON d.id = hint.deposit_id
    WHERE EXISTS (
            SELECT FROM ledger_account a WHERE a.code = 'customer:' || c.number || ':' || p.entity || ':' || p.currency
        )
        AND (d.id IS NULL OR (d.entity, d.currency) = (p.entity, p.currency))
    ORDER BY hint.weight DESC, c.number, d.number
"""
)
