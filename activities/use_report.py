"""Intended and actual use: what deposits were meant for, and what their money went to, through lots.

A spending rests on lots, and is for one product (an order) or several (the lines of a bill). Where it has several of
both, they are laid beside each other in their order and meet exactly, to the minor unit.
"""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from prepay.errors import NotFound

Row = dict[str, Any]


def use_report(url: str, customer: str | None = None) -> list[Row]:
    """A row for each entity, currency, intended product and actual product; `went_to` is None for what is left.

    `intended` is None for money that came without a deposit. Amounts are minor units. Raises NotFound.
    """
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if customer is not None and connection.execute(_EXISTS, [customer]).fetchone() is None:
            raise NotFound("customer", customer)
        return connection.execute(_REPORT, {"customer": customer}).fetchall()


_EXISTS = "SELECT 1 AS one FROM customer WHERE number = %s"

_REPORT = """
    WITH account AS MATERIALIZED (
        SELECT id, entity, currency FROM ledger_account
        WHERE kind = 'customer' AND (%(customer)s::text IS NULL OR holder = %(customer)s)
    ), rest AS (
        SELECT use_id, lot_id, amount_minor,
            sum(amount_minor) OVER (PARTITION BY use_id ORDER BY lot_id) AS until
        FROM (
            SELECT x.use_id, x.lot_id, - sum(x.amount_minor) AS amount_minor
            FROM ledger_allocation x JOIN account ON account.id = x.account_id
            JOIN ledger_transfer u ON u.id = x.use_id AND u.kind IN ('pay', 'capture')
            WHERE NOT x.reserves GROUP BY x.use_id, x.lot_id HAVING sum(x.amount_minor) < 0
        ) used
    ), part AS (
        SELECT p.transfer_id AS use_id, l.product, p.amount_minor,
            sum(p.amount_minor) OVER (PARTITION BY p.transfer_id ORDER BY p.position) AS until
        FROM bill_payment p JOIN bill_line l ON (l.bill_id, l.position) = (p.bill_id, p.position)
        JOIN bill b ON b.id = p.bill_id AND b.stage <> 'void' JOIN account ON account.id = b.account_id
        UNION ALL
        SELECT t.id, t.cause, t.amount_minor, t.amount_minor FROM ledger_transfer t
        JOIN account ON account.id = t.debit_account_id
        WHERE t.debits_customer AND t.kind IN ('pay', 'capture')
            AND NOT EXISTS (SELECT FROM bill_payment p WHERE p.transfer_id = t.id)
    ), went AS (
        SELECT rest.lot_id, part.product,
            least(rest.until, part.until)
                - greatest(rest.until - rest.amount_minor, part.until - part.amount_minor) AS minor
        FROM rest JOIN part ON part.use_id = rest.use_id
            AND part.until > rest.until - rest.amount_minor AND rest.until > part.until - part.amount_minor
        UNION ALL
        SELECT l.id, NULL, l.free_minor + l.reserved_minor FROM ledger_lot l JOIN account ON account.id = l.account_id
        WHERE l.live AND l.free_minor + l.reserved_minor > 0
    )
    SELECT account.entity, account.currency, d.product AS intended, went.product AS went_to,
        sum(went.minor)::bigint AS amount_minor
    FROM went JOIN ledger_lot l ON l.id = went.lot_id AND l.live JOIN account ON account.id = l.account_id
    JOIN ledger_transfer t ON t.id = l.id LEFT JOIN deposit d ON d.number = t.deposit
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3 NULLS LAST, 4 NULLS LAST
"""
