"""Business events as postings: one round trip each, inside the caller's transaction, never committing.

Every event has an idempotency key that is bound to its content for ever. The same request again changes
nothing and answers `replayed`; the same key with another content is refused, and so is whatever the book does
not allow (`ledger.refusals`). Amounts are minor units. A date that is not given is today in UTC.

An event locks its customers' accounts itself. Who composes several events of different customers in one
transaction calls `lock` first.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ledger.events import (
    Balance,
    Correction,
    Credit,
    CreditPosting,
    HouseMovement,
    KeyPosting,
    Line,
    PayoutReturn,
    Posting,
    Receipt,
    RefundHold,
    Reservation,
    Settled,
)
from ledger.refusals import refusal

Connection = psycopg.Connection[Any]


@cache
def _query(function: str, kinds: str) -> bytes:
    arguments = ", ".join(f"%s::{kind}" for kind in kinds.split())
    return f"SELECT * FROM {function}({arguments})".encode()


def _call(conn: Connection, function: str, kinds: str, *arguments: object) -> list[tuple[Any, ...]]:
    try:
        with conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(_query(function, kinds), arguments).fetchall()
    except psycopg.Error as error:
        if refused := refusal(error):
            raise refused from error
        raise


def _columns(items: Sequence[object], *names: str) -> list[list[object]]:
    return [[getattr(item, name) for item in items] for name in names]


def open_customer(conn: Connection, *, customer: str, entity: str, currency: str) -> int:
    """Open the customer's accounts with an entity in a currency, once. Answers the account's id."""
    return int(_call(conn, "ledger_open_customer", "text text text", customer, entity, currency)[0][0])


def lock(conn: Connection, *, entity: str, currency: str, customers: Iterable[str]) -> None:
    """Lock these customers' accounts in the order that all postings keep, until the transaction ends."""
    names = list(customers)
    same = [entity] * len(names), [currency] * len(names)
    _call(conn, "ledger_lock_customers", "text[] text[] text[]", names, *same)


def receive_many(conn: Connection, receipts: Sequence[Receipt]) -> list[KeyPosting]:
    """Post booked receipts, bank → unapplied, whatever their value date."""
    columns = _columns(
        receipts, "key", "account", "entity", "currency", "amount_minor", "effective_on", "cause"
    )
    kinds = "text[] text[] text[] text[] bigint[] date[] text[]"
    rows = _call(conn, "ledger_receive_many", kinds, *columns)
    return [KeyPosting(*row[1:]) for row in rows]


def credit_many(
    conn: Connection, credits: Sequence[Credit], *, today: date | None = None
) -> list[CreditPosting]:
    """Give unapplied money to customers, pending until its value date. Receivables are repaid first."""
    names = ("key", "source", "customer", "entity", "currency", "amount_minor")
    columns = _columns(credits, *names, "effective_on", "value_on", "deposit", "cause")
    kinds = "text[] text[] text[] text[] text[] bigint[] date[] date[] text[] text[] date"
    rows = _call(conn, "ledger_credit_many", kinds, *columns, today)
    return [CreditPosting(*row[1:]) for row in rows]


def receive_and_credit_many(
    conn: Connection, receipts: Sequence[Receipt], credits: Sequence[Credit], *, today: date | None = None
) -> list[CreditPosting]:
    """Post booked receipts, and give all the money of each to the customer of the credit at its place."""
    columns = [
        *_columns(receipts, "key", "account"),
        *_columns(credits, "key", "customer"),
        *_columns(receipts, "entity", "currency", "amount_minor", "effective_on"),
        *_columns(credits, "value_on", "deposit", "cause"),
    ]
    kinds = "text[] text[] text[] text[] text[] text[] bigint[] date[] date[] text[] text[] date"
    rows = _call(conn, "ledger_receive_and_credit_many", kinds, *columns, today)
    return [CreditPosting(*row[1:]) for row in rows]


def absorb_fee(
    conn: Connection,
    *,
    key: str,
    source: str,
    amount_minor: int,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Add to a receipt what banks took on the way: bank-fees → unapplied."""
    arguments = (key, source, amount_minor, effective_on, cause)
    return Posting(*_call(conn, "ledger_absorb_fee", "text text bigint date text", *arguments)[0])


def post_due_credits(conn: Connection, *, today: date | None = None, limit: int = 1000) -> list[Settled]:
    """Post the pending credits whose value date has come."""
    rows = _call(conn, "ledger_post_due_credits", "date integer", today, limit)
    return [
        Settled(key, id_, customer, cause, amount, deposit)
        for key, id_, customer, deposit, cause, amount in rows
    ]


def book_house_many(conn: Connection, movements: Sequence[HouseMovement]) -> list[KeyPosting]:
    """Post what a bank books that is nobody's payment: fees, interest, sweeps, the unexplained."""
    names = ("key", "debit", "credit", "entity", "currency", "amount_minor", "effective_on", "cause")
    kinds = "text[] text[] text[] text[] text[] bigint[] date[] text[]"
    rows = _call(conn, "ledger_book_house_many", kinds, *_columns(movements, *names))
    return [KeyPosting(*row[1:]) for row in rows]


def house_transfer(
    conn: Connection,
    *,
    key: str,
    debit: str,
    credit: str,
    entity: str,
    currency: str,
    amount_minor: int,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Fee, sweep, interest, opening balance. Accounts are `bank:<code>`, `bank-fees`, `company`, `interest`,
    `opening`, `sales`, `unexplained`."""
    kinds = "text text text text text bigint date text"
    arguments = (key, debit, credit, entity, currency, amount_minor, effective_on, cause)
    return Posting(*_call(conn, "ledger_house_transfer", kinds, *arguments)[0])


def pay(
    conn: Connection,
    *,
    key: str,
    customer: str,
    entity: str,
    currency: str,
    amount_minor: int,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Pay an order or a bill from the balance, from the oldest lots."""
    arguments = (key, customer, entity, currency, amount_minor, effective_on, cause)
    return Posting(*_call(conn, "ledger_pay", "text text text text bigint date text", *arguments)[0])


def hold(
    conn: Connection,
    *,
    key: str,
    customer: str,
    entity: str,
    currency: str,
    amount_minor: int,
    expires_at: datetime | None = None,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Set money aside for an order until it is captured, voided or `expires_at` has passed."""
    arguments = (key, customer, entity, currency, amount_minor, expires_at, effective_on, cause)
    kinds = "text text text text bigint timestamptz date text"
    return Posting(*_call(conn, "ledger_hold", kinds, *arguments)[0])


def capture(
    conn: Connection,
    *,
    key: str,
    hold: str,
    amount_minor: int | None = None,
    final: bool = False,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Take a part of a hold, or all that is left. A final part frees the rest."""
    arguments = (key, hold, amount_minor, final, effective_on, cause)
    return Posting(*_call(conn, "ledger_capture", "text text bigint boolean date text", *arguments)[0])


def void(
    conn: Connection, *, key: str, hold: str, effective_on: date | None = None, cause: str | None = None
) -> Posting:
    """Give up what is left of a hold, a reserved refund, a return, or a credit before its value date."""
    return Posting(*_call(conn, "ledger_void", "text text date text", key, hold, effective_on, cause)[0])


def expire_holds(conn: Connection, *, limit: int = 1000) -> list[Settled]:
    """Void the holds whose time has run out. Their captures are refused from that time on, swept or not."""
    rows = _call(conn, "ledger_expire_holds", "integer", limit)
    return [Settled(*row) for row in rows]


def refund_order(
    conn: Connection,
    *,
    key: str,
    payment: str,
    amount_minor: int | None = None,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """An order is refunded or a bill voided, in whole or in part: the last used lots get it back first."""
    arguments = (key, payment, amount_minor, effective_on, cause)
    return Posting(*_call(conn, "ledger_refund_order", "text text bigint date text", *arguments)[0])


def reserve_refund(
    conn: Connection,
    *,
    key: str,
    customer: str,
    entity: str,
    currency: str,
    amount_minor: int,
    lots: Sequence[str] | None = None,
    effective_on: date | None = None,
    cause: str | None = None,
) -> RefundHold:
    """Hold money for a refund in the lots of the named credits, or of the newest ones."""
    named = list(lots) if lots is not None else None
    arguments = (key, customer, entity, currency, amount_minor, named, effective_on, cause)
    rows = _call(conn, "ledger_reserve_refund", "text text text text bigint text[] date text", *arguments)
    return RefundHold(rows[0][0], rows[0][1], tuple(Reservation(*row[2:]) for row in rows))


def return_unapplied(
    conn: Connection,
    *,
    key: str,
    source: str,
    amount_minor: int | None = None,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """Set unapplied money of a receipt aside to return it to its payer, all or a part of it."""
    arguments = (key, source, amount_minor, effective_on, cause)
    return Posting(*_call(conn, "ledger_return_unapplied", "text text bigint date text", *arguments)[0][:2])


def payout_sent(
    conn: Connection, *, key: str, hold: str, effective_on: date | None = None, cause: str | None = None
) -> Posting:
    """The payout of a reserved refund or return goes into a payment file: its hold is posted."""
    return Posting(
        *_call(conn, "ledger_payout_sent", "text text date text", key, hold, effective_on, cause)[0]
    )


def payout_settled(
    conn: Connection,
    *,
    key: str,
    sent: str,
    account: str,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Posting:
    """The bank has booked a payout: in-transit → bank."""
    arguments = (key, sent, account, effective_on, cause)
    return Posting(*_call(conn, "ledger_payout_settled", "text text text date text", *arguments)[0])


def payout_returned(
    conn: Connection,
    *,
    key: str,
    sent: str,
    account: str | None = None,
    fee_minor: int = 0,
    hold: str | None = None,
    effective_on: date | None = None,
    cause: str | None = None,
) -> PayoutReturn:
    """A payout came back: rejected before booking (no account), or booked on `account`, less the bank's fee.

    The whole amount is the customer's again. With `hold`, a key, a refund is held again at once, except for
    what repaid a receivable.
    """
    arguments = (key, sent, account, fee_minor, hold, effective_on, cause)
    return PayoutReturn(
        *_call(conn, "ledger_payout_returned", "text text text bigint text date text", *arguments)[0]
    )


def _correction(rows: list[tuple[Any, ...]]) -> Correction:
    return Correction(tuple(Line(id_, *rest) for id_, _, *rest in rows), replayed=rows[0][1])


def reverse_receipt(
    conn: Connection,
    *,
    key: str,
    source: str,
    amount_minor: int,
    effective_on: date | None = None,
    cause: str | None = None,
) -> Correction:
    """The bank took a whole receipt back: from unapplied and balances; what is missing becomes owed."""
    arguments = (key, source, amount_minor, effective_on, cause)
    return _correction(_call(conn, "ledger_reverse_receipt", "text text bigint date text", *arguments))


def move_credit(
    conn: Connection,
    *,
    key: str,
    credit: str,
    customer: str,
    effective_on: date | None = None,
    cause: str | None = None,
    deposit: str | None = None,
) -> Correction:
    """A credit was given to the wrong customer: it goes to `customer`; what was spent of it becomes owed.

    Of a credit that was moved before, `credit` is the key of its last move.
    """
    arguments = (key, credit, customer, effective_on, cause, deposit)
    return _correction(_call(conn, "ledger_move_credit", "text text text date text text", *arguments))


def balances(conn: Connection, customer: str) -> list[Balance]:
    """All balances of a customer, by entity and currency."""
    query = "SELECT * FROM ledger_balance WHERE customer = %s ORDER BY entity, currency"
    with conn.cursor(row_factory=tuple_row) as cursor:
        return [Balance(*row) for row in cursor.execute(query, [customer])]


def balance(conn: Connection, *, customer: str, entity: str, currency: str) -> Balance | None:
    """One balance, or None where the customer has no such account."""
    found = [b for b in balances(conn, customer) if (b.entity, b.currency) == (entity, currency)]
    return found[0] if found else None
