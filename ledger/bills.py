"""Bills in the book: issued, settled the oldest first, paid by number, voided; and what is not billed yet.

As with all postings: one round trip inside the caller's transaction, refusals are those of `ledger.refusals`.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.events import Posting
from ledger.postings import Connection, _call

SETTLED_AT_ONCE = 100
"""More would hold up payments of these customers for longer."""


class Line(NamedTuple):
    """What a bill is for."""

    product: str
    amount_minor: int


class Issued(NamedTuple):
    """`bill` is its row; the same bill again is `replayed`."""

    bill: int
    replayed: bool


def issue(
    conn: Connection,
    *,
    number: str,
    customer: str,
    currency: str,
    due_on: date,
    lines: Sequence[Line],
    period: str = "",
) -> Issued:
    """A bill comes; what is available pays the oldest open ones at once, where the customer pays by themselves."""
    products, amounts = [line.product for line in lines], [line.amount_minor for line in lines]
    kinds = "text text text date text text[] bigint[]"
    given = (number, customer, currency, due_on, period, products, amounts)
    return Issued(*_call(conn, "ledger_issue_bill", kinds, *given)[0])


def settle(conn: Connection, *, limit: int = SETTLED_AT_ONCE) -> int:
    """Pay open bills of balances that grew, the oldest issued first. Answers how many balances were looked at.

    A call pays about `limit` bills. Whoever calls commits and calls again until it answers 0.
    """
    return int(_call(conn, "ledger_settle_bills", "integer", limit)[0][0])


def pay(conn: Connection, *, key: str, number: str, amount_minor: int | None = None) -> Posting:
    """Pay a bill by its number, all that it lacks or a part, whatever older ones are open."""
    return Posting(*_call(conn, "ledger_pay_bill", "text text bigint", key, number, amount_minor)[0])


def void(conn: Connection, *, number: str, by: str, reason: str, attestation: int | None = None) -> bool:
    """Void a bill: what was paid comes back to the balance and its lots. False where it was void already."""
    return bool(
        _call(conn, "ledger_void_bill", "text text text bigint", number, by, reason, attestation)[0][0]
    )


def report_usage(
    conn: Connection,
    *,
    report: str,
    customer: str,
    currency: str,
    product: str,
    period: str,
    amount_minor: int,
) -> Posting:
    """What was used of a product in a period and is not billed yet; nothing is posted, the id is the report's row."""
    given = (report, customer, currency, product, period, amount_minor)
    return Posting(*_call(conn, "ledger_report_usage", "text text text text text bigint", *given)[0])
