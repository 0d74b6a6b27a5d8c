"""The rows behind statements: which movements of an account count up to which day and which recording."""

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import psycopg

from prepay.record_queries import COLUMNS, DETAILS, MOVED

Row = dict[str, Any]
Cursor = psycopg.Cursor[Row]


class Point(NamedTuple):
    """Up to a day, as recorded up to a movement; what the account came to there."""

    through_on: date
    bound: int
    next_from: int
    """All movements before this one count."""
    balance_minor: int
    held_minor: int
    coming_minor: int
    receivable_minor: int


def account_of(cursor: Cursor, customer: str, entity: str | None, currency: str | None) -> list[Row]:
    """The accounts of the book that fit, with all that a paper says of the customer and the entity."""
    asked = {"customer": customer, "entity": entity, "currency": currency}
    return cursor.execute(_ACCOUNTS, asked).fetchall()


def lock(cursor: Cursor, account: int) -> None:
    """One statement of an account at a time."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('statement'), %s::int)", [account % 2**31])


def newest(cursor: Cursor, account: Row, recorded_by: date | None) -> int:
    """The newest movement of the account, or the newest that was recorded on that day (UTC) or before."""
    asked = {**_sides(account), "recorded_by": recorded_by}
    row = cursor.execute(_NEWEST.encode(), asked).fetchone()
    return int(row["bound"]) if row else 0


def close_months(cursor: Cursor, account: Row, through: date, bound: int) -> None:
    """Close the months of the account that are not closed yet, up to the one that ends on that day."""
    asked = {**_sides(account), "month": through.replace(day=1), "bound": bound}
    cursor.execute(_CLOSE.encode(), asked)


def closed(cursor: Cursor, account: int, ends_on: date) -> Point:
    """Where a month ended that is closed, or lies before the first one that is."""
    row = cursor.execute(_CLOSED, {"account": account, "ends_on": ends_on}).fetchone()
    if row is None:
        first = cursor.execute(_FIRST, {"account": account}).fetchone()
        return Point(ends_on, first["bound"] if first else 0, 0, 0, 0, 0, 0)
    return Point(**row)


def closed_at(cursor: Cursor, account: int, ends_on: date) -> datetime:
    """When a month was closed, or the first one after it that was."""
    row = cursor.execute(_CLOSED_AT, {"account": account, "ends_on": ends_on}).fetchone()
    assert row is not None
    closed: datetime = row["created_at"]
    return closed.astimezone(UTC)


def reached(cursor: Cursor, account: Row, through_on: date, bound: int) -> Point:
    """The same for any day and recording, from the last closed month before it."""
    asked = {**_sides(account), "through_on": through_on, "bound": bound}
    row = cursor.execute(_REACHED.encode(), asked).fetchone()
    assert row is not None
    return Point(through_on, bound, **row)


def movements(cursor: Cursor, account: int, start: Point, end: Point, limit: int) -> list[Row]:
    """What moved the balance between two points, by effective day."""
    asked = {
        "account": account,
        "before": end.bound + 1,
        "next_from": start.next_from,
        "through_on": end.through_on,
        "counted_on": start.through_on,
        "counted": start.bound,
        "limit": limit,
    }
    return cursor.execute(_MOVEMENTS.encode(), asked).fetchall()


def credit(cursor: Cursor, account: int, transfer: int) -> Row | None:
    """A credit of the account that is on the balance."""
    return cursor.execute(_CREDIT.encode(), {"account": account, "transfer": transfer}).fetchone()


def _sides(account: Row) -> Row:
    return {"account": account["account"], "receivable": account["receivable"]}


_ACCOUNTS = b"""
    SELECT a.id AS account, a.receivable_id AS receivable, a.currency, c.id AS customer_id, c.number, c.legal_name,
        c.address, c.country, c.locale, e.code AS entity, e.legal_name AS entity_name, e.address AS entity_address,
        e.country AS entity_country, e.registration_id, e.tax_id
    FROM customer c JOIN ledger_account a ON a.holder = c.number AND a.kind = 'customer'
    JOIN contracting_entity e ON e.code = a.entity
    WHERE c.number = %(customer)s AND (%(entity)s::text IS NULL OR a.entity = %(entity)s)
        AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
    ORDER BY a.entity, a.currency
"""

_BOTH = """
    SELECT id, created_at FROM ledger_transfer WHERE credit_account_id = {side} AND credits_customer
        AND (%(recorded_by)s::date IS NULL OR created_at < (%(recorded_by)s::date + 1)::timestamp AT TIME ZONE 'UTC')
    UNION ALL
    SELECT id, created_at FROM ledger_transfer WHERE debit_account_id = {side} AND debits_customer
        AND (%(recorded_by)s::date IS NULL OR created_at < (%(recorded_by)s::date + 1)::timestamp AT TIME ZONE 'UTC')
"""
# Both accounts are written under the lock of the customer's, so one number bounds both.
_NEWEST = f"""
    SELECT coalesce(greatest(
        (SELECT id FROM ({_BOTH.format(side="%(account)s")}) b ORDER BY id DESC LIMIT 1),
        (SELECT id FROM ({_BOTH.format(side="%(receivable)s")}) b ORDER BY id DESC LIMIT 1)), 0) AS bound
"""

# What each movement does to the balance, and to what is held, coming and owed.
_MEASURED = f"""
    SELECT id, effective_on, amount_minor AS balance_minor, held_minor, pending_minor AS coming_minor,
        0::bigint AS receivable_minor FROM ({MOVED.format(account="%(account)s", before="%(bound)s + 1")}) moved
    UNION ALL
    SELECT id, effective_on, 0, 0, 0, amount_minor FROM ledger_transfer
    WHERE debit_account_id = %(receivable)s AND debits_customer AND id < %(bound)s + 1
    UNION ALL
    SELECT id, effective_on, 0, 0, 0, - amount_minor FROM ledger_transfer
    WHERE credit_account_id = %(receivable)s AND credits_customer AND id < %(bound)s + 1
"""
_MEASURES = ("balance_minor", "held_minor", "coming_minor", "receivable_minor")

# What is recorded late, for a month that is closed, counts for the first that is not.
_SO_FAR = ", ".join(
    f"coalesce((SELECT {name} FROM base), 0)"
    f" + coalesce((SELECT sum(s.{name}) FROM sums s WHERE s.month <= m.month), 0)"
    for name in _MEASURES
)
_CLOSE = f"""
    WITH base AS (
        SELECT * FROM statement_close WHERE account_id = %(account)s ORDER BY ends_on DESC LIMIT 1
    ), sums AS (
        SELECT date_trunc('month', greatest(m.effective_on, b.ends_on + 1)::timestamp)::date AS month,
            min(m.id) AS first_id, {", ".join(f"sum(m.{name}) AS {name}" for name in _MEASURES)}
        FROM ({_MEASURED}) m LEFT JOIN base b ON true
        WHERE m.id >= coalesce((SELECT next_from FROM base), 0)
            AND (m.id <= b.bound AND m.effective_on <= b.ends_on) IS NOT TRUE
        GROUP BY 1
    ), months AS (
        SELECT month::date FROM generate_series(
            coalesce((SELECT ends_on + 1 FROM base), least((SELECT min(month) FROM sums), %(month)s::date)),
            %(month)s::date, interval '1 month') AS month
    )
    INSERT INTO statement_close (account_id, ends_on, bound, next_from, {", ".join(_MEASURES)})
    SELECT %(account)s, (m.month + interval '1 month - 1 day')::date, %(bound)s,
        coalesce((SELECT min(first_id) FROM sums s WHERE s.month > m.month), %(bound)s + 1), {_SO_FAR}
    FROM months m ON CONFLICT DO NOTHING
"""

_CLOSED = b"""
    SELECT ends_on AS through_on, bound, next_from, balance_minor, held_minor, coming_minor, receivable_minor
    FROM statement_close WHERE account_id = %(account)s AND ends_on = %(ends_on)s
"""

_CLOSED_AT = b"""
    SELECT created_at FROM statement_close WHERE account_id = %(account)s AND ends_on >= %(ends_on)s
    ORDER BY ends_on LIMIT 1
"""

_FIRST = b"SELECT bound FROM statement_close WHERE account_id = %(account)s ORDER BY ends_on LIMIT 1"

_REACHES = ", ".join(
    f"(coalesce((SELECT {name} FROM base), 0)"
    f" + coalesce(sum(m.{name}) FILTER (WHERE m.effective_on <= %(through_on)s), 0))::bigint AS {name}"
    for name in _MEASURES
)
_REACHED = f"""
    WITH base AS (
        SELECT * FROM statement_close
        WHERE account_id = %(account)s AND ends_on <= %(through_on)s AND bound <= %(bound)s
        ORDER BY ends_on DESC LIMIT 1
    )
    SELECT coalesce(min(m.id) FILTER (WHERE m.effective_on > %(through_on)s), %(bound)s + 1) AS next_from, {_REACHES}
    FROM ({_MEASURED}) m LEFT JOIN base b ON true
    WHERE m.id >= coalesce((SELECT next_from FROM base), 0)
        AND (m.id <= b.bound AND m.effective_on <= b.ends_on) IS NOT TRUE
"""

_MOVED = MOVED.format(account="%(account)s", before="%(before)s")
_MOVEMENTS = f"""
    SELECT {COLUMNS}, billed.parts FROM ({_MOVED}) m {DETAILS}
    WHERE m.amount_minor <> 0 AND m.id >= %(next_from)s AND m.effective_on <= %(through_on)s
        AND NOT (m.id <= %(counted)s AND m.effective_on <= %(counted_on)s)
    ORDER BY m.effective_on, m.id LIMIT %(limit)s
"""

_CREDIT = f"""
    SELECT {COLUMNS} FROM ({MOVED.format(account="%(account)s", before="%(transfer)s + 1")}) m {DETAILS}
    WHERE m.id = %(transfer)s AND m.kind = 'credit' AND m.amount_minor > 0
"""
