"""What spendings were for (an order and its product, a bill and its lines), and what of each deposit is left."""

from collections.abc import Sequence
from typing import Any

import psycopg

Row = dict[str, Any]


def name_spendings(connection: psycopg.Connection[Row], movements: Sequence[Row]) -> None:
    """Give each movement `spent_on`: the order or the bill that it is about, or None; its `use` goes."""
    uses = [movement.pop("use") for movement in movements]
    named = connection.execute(_SPENT_ON, {"uses": sorted(set(uses))}).fetchall()
    spent_on = {row["use"]: row["spent_on"] for row in named}
    for movement, use in zip(movements, uses, strict=True):
        movement["spent_on"] = spent_on.get(use)


def deposits_of(connection: psycopg.Connection[Row], accounts: Sequence[int], limit: int) -> list[Row]:
    """What each deposit brought to an account, what it is meant for, and what of it is left; the newest first."""
    return connection.execute(_DEPOSITS, {"accounts": list(accounts), "limit": limit}).fetchall()


_SPENT_ON = """
    SELECT t.id AS use, CASE
        WHEN p.lines IS NOT NULL THEN jsonb_build_object('bill', p.bill, 'lines', p.lines)
        ELSE jsonb_build_object('order', substr(o.key, 7), 'product', o.cause)
    END AS spent_on
    FROM ledger_transfer t
    LEFT JOIN ledger_transfer o ON o.id = coalesce(t.pending_id, t.id) AND starts_with(o.key, 'order:')
    LEFT JOIN LATERAL (
        SELECT min(b.number) AS bill,
            jsonb_agg(jsonb_build_object('product', l.product, 'amount_minor', p.amount_minor)
                ORDER BY p.position) AS lines
        FROM bill_payment p JOIN bill b ON b.id = p.bill_id
        JOIN bill_line l ON (l.bill_id, l.position) = (p.bill_id, p.position) WHERE p.transfer_id = t.id
    ) p ON true
    WHERE t.id = ANY(%(uses)s) AND (o.id IS NOT NULL OR p.lines IS NOT NULL)
"""

_DEPOSITS = """
    SELECT account_id, deposit, intended, brought_minor, left_minor, of FROM (
        SELECT l.account_id, t.deposit, d.product AS intended, sum(l.amount_minor)::bigint AS brought_minor,
            sum(l.free_minor + l.reserved_minor)::bigint AS left_minor,
            count(*) OVER (PARTITION BY l.account_id) AS of,
            row_number() OVER (PARTITION BY l.account_id ORDER BY max(l.id) DESC) AS place
        FROM ledger_lot l JOIN ledger_transfer t ON t.id = l.id LEFT JOIN deposit d ON d.number = t.deposit
        WHERE l.account_id = ANY(%(accounts)s) AND l.live AND t.deposit IS NOT NULL
        GROUP BY l.account_id, t.deposit, d.product
    ) every WHERE place <= %(limit)s ORDER BY account_id, place
"""
