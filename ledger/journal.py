"""The journal for the company's own books: what was posted in a period, line by line and by account, balanced.

A transfer is two lines, its debit and its credit. The period is one of effective days. Only transactions below the
oldest that still runs are in it, as in a seal: with `after`, the next journal has exactly what was recorded since.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

Connection = psycopg.Connection[Any]
ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which entity, currency and days; `after` and `bound` are numbers of transactions, the first one included."""

    entity: str
    currency: str
    from_on: date
    through_on: date
    after: int = 0
    bound: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a transfer; one of the two amounts is zero. `account` is the account's kind, `holder` whose it is."""

    transfer: int
    effective_on: date
    recorded_at: Any
    kind: str
    account: str
    holder: str | None
    debit_minor: int
    credit_minor: int
    key: str
    deposit: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class AccountSum:
    """What an account's lines come to: all customers together are one account."""

    account: str
    lines: int
    debit_minor: int
    credit_minor: int


class Unbalanced(RuntimeError):
    """Debits and credits differ: the book is broken."""

    def __init__(self, debit_minor: int, credit_minor: int) -> None:
        super().__init__(
            f"The journal's debits come to {debit_minor} and its credits to {credit_minor} minor units: "
            "run `prepay ledger check`."
        )


class NoBook(ValueError):
    """An empty journal for a misspelt name would look like a quiet period."""

    def __init__(self, entity: str, currency: str) -> None:
        super().__init__(f"There is no book of entity {entity[:60]!r} in {currency[:10]!r}.")


class NoPeriod(ValueError):
    """The last day comes before the first."""

    def __init__(self, from_on: date, through_on: date) -> None:
        super().__init__(f"The period ends on {through_on}, before it begins on {from_on}.")


@contextmanager
def snapshot(connection: Connection) -> Iterator[int]:
    """One moment of the book; gives the number of the first transaction that is not in it."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
        assert row is not None
        yield row[0]


def lines(connection: Connection, wanted: Wanted) -> Iterator[Line]:
    """The lines in the order of transfers, debit before credit, a few at a time."""
    with connection.cursor("journal", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS
        cursor.execute(_LINES.encode(), _given(wanted))
        for row in cursor:
            yield Line(**row)


def sums(connection: Connection, wanted: Wanted) -> list[AccountSum]:
    """Each account's debits and credits. Raises NoBook, NoPeriod, Unbalanced."""
    if wanted.from_on > wanted.through_on:
        raise NoPeriod(wanted.from_on, wanted.through_on)
    with connection.cursor(row_factory=dict_row) as cursor:
        if cursor.execute(_BOOK, _given(wanted)).fetchone() is None:
            raise NoBook(wanted.entity, wanted.currency)
        found = [AccountSum(**row) for row in cursor.execute(_SUMS.encode(), _given(wanted))]
    debits, credits = sum(s.debit_minor for s in found), sum(s.credit_minor for s in found)
    if debits != credits:
        raise Unbalanced(debits, credits)
    return found


def _given(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


_BOOK = b"SELECT 1 AS one FROM ledger_account WHERE entity = %(entity)s AND currency = %(currency)s LIMIT 1"

# Each side by its own account: a transfer that crossed entities or currencies would show as a difference.
_SIDES = """
    FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id
    JOIN ledger_account c ON c.id = t.credit_account_id
    CROSS JOIN LATERAL (VALUES
        (1, d.kind, d.holder, d.entity, d.currency, t.amount_minor::bigint, 0::bigint),
        (2, c.kind, c.holder, c.entity, c.currency, 0, t.amount_minor::bigint)
    ) AS s (side, kind, holder, entity, currency, debit_minor, credit_minor)
    WHERE s.entity = %(entity)s AND s.currency = %(currency)s AND t.phase IN ('posted', 'post')
        AND t.effective_on BETWEEN %(from_on)s AND %(through_on)s AND t.xid >= %(after)s AND t.xid < %(bound)s
"""

_LINES = f"""
    SELECT t.id AS transfer, t.effective_on, t.created_at AS recorded_at, t.kind, s.kind AS account, s.holder,
        s.debit_minor, s.credit_minor, t.key, t.deposit, t.cause {_SIDES} ORDER BY t.id, s.side
"""

# A bank account is an account of the company's books; a customer is not.
_SUMS = f"""
    SELECT CASE WHEN s.kind = 'bank' THEN 'bank:' || s.holder ELSE s.kind END AS account, count(*) AS lines,
        sum(s.debit_minor)::bigint AS debit_minor, sum(s.credit_minor)::bigint AS credit_minor
    {_SIDES} GROUP BY 1 ORDER BY 1
"""
