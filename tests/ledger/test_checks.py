"""Each invariant finds the breach that it is there for, and says nothing about a sound book."""

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger import postings
from ledger.checks import CHECKS, Check, run_checks
from tests.ledger.conftest import Book

BREACHES = {
    "accounts": "UPDATE ledger_account SET code = 'customer:B' WHERE code = 'customer:A:acme-de:EUR'",
    "available": "UPDATE ledger_account SET debits_posted = 1 WHERE code = 'receivable:A:acme-de:EUR'",
    "holds-in-time": "UPDATE ledger_transfer SET expires_at = created_at - interval '1 day' WHERE kind = 'hold'",
    "house-balances": "UPDATE ledger_seal_total SET debits_posted = debits_posted + 1",
    "keys": "UPDATE ledger_transfer SET key = 'pay', leg = 1 WHERE key = 'capture'",
    "lots": "UPDATE ledger_lot SET free_minor = free_minor - 1 WHERE free_minor > 0",
    "lots-cover-balances": "DELETE FROM ledger_lot WHERE NOT spent",
    "one-entity-one-currency": "UPDATE ledger_account SET currency = 'USD' WHERE kind = 'sales'",
    "order-refunds": "UPDATE ledger_transfer SET amount_minor = 1000 WHERE kind = 'order-refund'",
    "payouts": "UPDATE ledger_transfer SET about_id = NULL WHERE kind = 'settlement'",
    "pending": "UPDATE ledger_pending SET remaining_minor = remaining_minor + 1",
    "receipts": "UPDATE ledger_transfer SET amount_minor = 1 WHERE kind = 'receipt'",
    "refunds-from-lots": "UPDATE ledger_lot_change SET amount_minor = amount_minor + 1 WHERE reserves",
    "running-totals": "UPDATE ledger_account SET available_minor = available_minor + 1 WHERE kind = 'customer'",
    "seals": "UPDATE ledger_transfer SET cause = 'forged'",
    "spendings-and-lots": "UPDATE ledger_transfer SET lot_id = NULL WHERE kind = 'pay'",
    "trial-balance": "UPDATE ledger_account SET available_minor = available_minor + 1 WHERE kind = 'customer'",
}


def tell(book: Book) -> None:
    """Something of everything."""
    book.give("A", "r", 500)
    book.receive("later", 50)
    book.credit("later", "A", 50, value_on=date(2999, 1, 1))
    book.pay("A", "pay", 100)
    postings.refund_order(book.conn, key="order-refund", payment="pay", amount_minor=20)
    book.hold("A", "hold", 100)
    postings.capture(book.conn, key="capture", hold="hold", amount_minor=30)
    book.refund("A", "refund", 40)
    postings.payout_sent(book.conn, key="sent", hold="refund")
    postings.payout_settled(book.conn, key="settled", sent="sent", account="GIRO")
    book.refund("A", "waiting", 40)
    book.seal()


def broken(database: Any) -> set[str]:
    with psycopg.connect(database.owner_url) as conn:
        return {result.name for result in run_checks(conn) if result.breaches}


def test_a_sound_book_has_no_breaches(database: Any, book: Book) -> None:
    tell(book)
    assert broken(database) == set()


def test_every_invariant_is_proven_to_find_something() -> None:
    assert {check.name for check in CHECKS if check.name in BREACHES} == set(BREACHES)


@pytest.mark.breaks_the_book
@pytest.mark.parametrize("name", sorted(BREACHES))
def test_a_breach_is_found(database: Any, book: Book, name: str) -> None:
    tell(book)
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(BREACHES[name].encode())
    assert name in broken(database)


def test_a_room_adds_its_own(database: Any) -> None:
    mine = Check("mine", "There is one.", "SELECT 1 AS one")
    with psycopg.connect(database.owner_url) as conn:
        results = run_checks(conn, [*CHECKS, mine])
    assert results[-1].breaches == [{"one": 1}]


def test_each_says_in_a_sentence_what_must_hold() -> None:
    assert [check.name for check in CHECKS if not check.sentence.endswith(".")] == []
