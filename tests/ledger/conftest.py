"""A connection of the application's role, and short ways to say what happened in a story."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger import postings, seals
from ledger.events import Balance, Correction, Credit, Posting, Receipt, RefundHold

PLACE: dict[str, Any] = {"entity": "acme-de", "currency": "EUR"}


class Book:
    """The book as a test tells it: customers of one entity in one currency."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn

    def open(self, *customers: str) -> None:
        for customer in customers:
            postings.open_customer(self.conn, customer=customer, **PLACE)

    def receive(self, key: str, amount_minor: int) -> None:
        postings.receive_many(
            self.conn, [Receipt(key=key, account="GIRO", amount_minor=amount_minor, **PLACE)]
        )

    def credit(self, source: str, customer: str, amount_minor: int, value_on: date | None = None) -> None:
        """The credit of a receipt is called as the receipt is, with `+`."""
        facts: dict[str, Any] = {
            "source": source,
            "customer": customer,
            "amount_minor": amount_minor,
            **PLACE,
        }
        postings.credit_many(self.conn, [Credit(key=f"{source}+", value_on=value_on, **facts)])

    def give(self, customer: str, source: str, amount_minor: int) -> None:
        """Money comes in and is credited."""
        self.receive(source, amount_minor)
        self.credit(source, customer, amount_minor)

    def pay(self, customer: str, key: str, amount_minor: int) -> Posting:
        return postings.pay(self.conn, key=key, customer=customer, amount_minor=amount_minor, **PLACE)

    def hold(self, customer: str, key: str, amount_minor: int) -> Posting:
        return postings.hold(self.conn, key=key, customer=customer, amount_minor=amount_minor, **PLACE)

    def refund(self, customer: str, key: str, amount_minor: int, lots: list[str] | None = None) -> RefundHold:
        facts: dict[str, Any] = {"key": key, "customer": customer, "amount_minor": amount_minor, **PLACE}
        return postings.reserve_refund(self.conn, lots=lots, **facts)

    def reverse(self, source: str, amount_minor: int) -> Correction:
        return postings.reverse_receipt(self.conn, key=f"{source}-", source=source, amount_minor=amount_minor)

    def balance(self, customer: str) -> Balance:
        found = postings.balance(self.conn, customer=customer, **PLACE)
        assert found
        return found

    def seal(self) -> list[seals.Seal]:
        """Seal all that is booked. Other tests' transactions on the same server hold seals up for a moment."""
        cut: list[seals.Seal] = []
        until = time.monotonic() + 30
        while self.conn.execute("SELECT 1 FROM ledger_unsealed LIMIT 1").fetchone():
            assert time.monotonic() < until, "nothing was sealed for 30 seconds"
            if seal := seals.seal_now(self.conn):
                cut.append(seal)
            else:
                time.sleep(0.01)
        return cut

    def lots(self, customer: str) -> dict[str, int]:
        """What is left of each lot, by its receipt."""
        query = "SELECT source, remaining_minor FROM ledger_lot_detail WHERE customer = %s ORDER BY id"
        return dict(self.conn.execute(query, [customer]).fetchall())


@pytest.fixture
def book(database: Any) -> Iterator[Book]:
    """Two customers, A and B, without money; each statement commits."""
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        book = Book(conn)
        book.open("A", "B")
        yield book
