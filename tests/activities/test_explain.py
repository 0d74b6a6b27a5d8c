"""Every amount on a balance is followed to the bank's line it came from, and to where it went; the sums are exact."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from activities.explain import NoSuchBalance, NoSuchEntry, explain_balances, explain_entry
from bankfiles.sample import Batch, Payment
from bankfiles.sample_mt import write_mt940
from ledger import postings
from tests.activities.test_bank_files import Desk, written
from tests.conftest import Database, engine_of
from tests.ledger.conftest import Book
from tests.ledger.test_random_postings import RandomPostings


@pytest.fixture
def desk(set_up: Database) -> Desk:
    engine = engine_of(set_up.app_url)
    return Desk(set_up, engine)


@contextmanager
def book(desk: Desk) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(desk.url, autocommit=True) as connection:
        yield connection


def balance(url: str, customer: str, limit: int = 50) -> dict[str, Any]:
    """The one balance in euros, whose lots and pending amounts must make it up."""
    (found,) = explain_balances(url, customer, "EUR", limit)
    assert_sums(found)
    return found


def assert_sums(found: dict[str, Any]) -> None:
    """By what is shown and what is said to be left out, never by the sums that the answer makes itself."""
    assert found["problems"] == []
    for lot in found["lots"]:
        shown = sum(movement["amount_minor"] for movement in lot["movements"])
        assert lot["amount_minor"] + shown + lot["movements_left_out_minor"] == lot["remaining_minor"]
        if not lot["movements_left_out"]:
            assert lot["movements_left_out_minor"] == 0
        if not lot["reservations_left_out"]:
            assert sum(held["amount_minor"] for held in lot["reservations"]) == lot["reserved_minor"]
    if not found["lots_left_out"]:
        assert sum(lot["remaining_minor"] for lot in found["lots"]) == found["posted_minor"]
    if not found["pending_left_out"]:
        coming = [p["amount_minor"] for p in found["pending"] if p["kind"] == "credit"]
        held = [p["amount_minor"] for p in found["pending"] if p["kind"] != "credit"]
        assert (sum(coming), sum(held)) == (found["pending_minor"], found["held_minor"])
    assert found["available_minor"] == found["posted_minor"] - found["held_minor"]


def told(lot: dict[str, Any]) -> list[tuple[str, str, str | None, int]]:
    return [(m["kind"], m["key"], m["for_key"], m["amount_minor"]) for m in lot["movements"]]


class TestEntry:
    def test_it_is_followed_from_each_line_to_where_its_money_went(self, desk: Desk) -> None:
        deposit = desk.issue()
        paid = Payment(10_000, "R1", structured=deposit.reference)
        desk.pay(Payment(700, "R0"), paid)
        desk.work_off(written(write_mt940, paid))
        (known,) = desk.rows("SELECT id FROM bank_entry WHERE bank_reference = 'R1'")
        with book(desk) as connection:
            place: dict[str, Any] = {"customer": "C-1001", "entity": "nimbus-eu", "currency": "EUR"}
            postings.pay(connection, key="order-7", amount_minor=2_500, cause="order 7", **place)
            postings.refund_order(connection, key="back-7", payment="order-7", amount_minor=500)
        found = explain_entry(desk.url, int(str(known["id"])), 50)

        assert (found["account"], found["amount_minor"], found["direction"]) == (
            "nimbus-eu-eur",
            10_000,
            "credit",
        )
        assert [(s["format"], s["line"] > 0, s["delivered_by"]) for s in found["sightings"]] == [
            ("camt.054.001.08", True, "a test"),
            ("mt940", True, "a test"),
        ]
        (part,) = found["parts"]
        assert (part["state"], part["customer"], part["deposit"]) == ("credited", "C-1001", deposit.number)
        assert part["reason"] == f"its structured reference is that of {deposit.number}"
        assert [p["kind"] for p in part["postings"]] == ["receipt", "credit"]
        (lot,) = part["lots"]
        assert told(lot) == [("pay", "order-7", None, -2_500), ("order-refund", "back-7", "order-7", 500)]
        assert (lot["amount_minor"], lot["used_minor"], lot["remaining_minor"]) == (10_000, -2_000, 8_000)
        assert (lot["entry"], lot["file_name"], lot["sightings"]) == (known["id"], "test.xml", 2)
        json.dumps(found, default=str)

    def test_the_line_is_the_one_in_the_file(self, desk: Desk) -> None:
        desk.pay(Payment(700, "R0"), Payment(800, "R1"))
        (stored,) = desk.rows("SELECT content FROM bank_file")
        lines = gzip.decompress(stored["content"]).splitlines()  # type: ignore[arg-type]
        for row in desk.rows("SELECT id, bank_reference FROM bank_entry"):
            found = explain_entry(desk.url, int(str(row["id"])), 50)
            (seen,) = found["sightings"]
            assert b"<Ntry>" in lines[seen["line"] - 1]
            told_there = b"".join(lines[seen["line"] - 1 :]).split(b"<Ntry>")[1]
            assert str(row["bank_reference"]).encode() in told_there

    def test_a_debit_an_unapplied_and_a_shown_part_say_why(self, desk: Desk) -> None:
        desk.pay(Payment(-900, "D"), Payment(700, "U"), Payment(600, "P", status="PDNG"))
        answers = {
            str(row["bank_reference"]): explain_entry(desk.url, int(str(row["id"])), 50)["parts"][0]
            for row in desk.rows("SELECT id, bank_reference FROM bank_entry")
        }
        seen = {
            ref: (p["state"], [t["kind"] for t in p["postings"]], p["lots"]) for ref, p in answers.items()
        }
        assert seen == {
            "D": ("house", ["house"], []),
            "U": ("unapplied", ["receipt"], []),
            "P": ("shown", [], []),
        }
        assert all(part["reason"] for part in answers.values())

    def test_the_parts_of_a_batch_are_bounded(self, desk: Desk) -> None:
        desk.pay(Batch(tuple(Payment(100 + n) for n in range(5)), "B"))
        (row,) = desk.rows("SELECT id FROM bank_entry")
        found = explain_entry(desk.url, int(str(row["id"])), 2)
        assert ([p["amount_minor"] for p in found["parts"]], found["parts_left_out"]) == ([100, 101], 3)

    def test_an_unknown_one(self, desk: Desk) -> None:
        with pytest.raises(NoSuchEntry, match="There is no bank entry 7"):
            explain_entry(desk.url, 7, 50)


class TestBalances:
    def test_each_lot_names_its_entry_file_line_and_deposit(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R1", structured=deposit.reference))
        later = Payment(3_000, "R2", structured=deposit.reference)
        desk.pay(replace(later, value_on=date.today() + timedelta(days=400)))
        found = balance(desk.url, "C-1001")
        entries = [row["id"] for row in desk.rows("SELECT id FROM bank_entry ORDER BY id")]
        (lot,), (coming,) = found["lots"], found["pending"]
        assert [(r["entry"], r["file_name"], r["deposit"]) for r in (lot, coming)] == [
            (entry, "test.xml", deposit.number) for entry in entries
        ]
        assert (found["posted_minor"], found["pending_minor"]) == (10_000, 3_000)

    def test_unknown_customers_and_currencies(self, desk: Desk) -> None:
        with pytest.raises(NoSuchBalance, match="no balance of a customer C-9"):
            explain_balances(desk.url, "C-9", None, 50)
        with pytest.raises(NoSuchBalance, match="no XXX balance of a customer C-1001"):
            explain_balances(desk.url, "C-1001", "XXX", 50)


class TestStories:
    @pytest.fixture
    def url(self, database: Database) -> str:
        return database.app_url

    @pytest.fixture
    def book(self, database: Database) -> Iterator[Book]:
        with psycopg.connect(database.app_url, autocommit=True) as connection:
            book = Book(connection)
            book.open("A", "B")
            yield book

    def test_a_capture_and_what_is_still_held(self, book: Book, url: str) -> None:
        book.give("A", "x", 100)
        book.hold("A", "h", 60)
        postings.capture(book.conn, key="c", hold="h", amount_minor=20)
        found = balance(url, "A")
        assert told(found["lots"][0]) == [("capture", "c", None, -20)]
        assert [(p["key"], p["amount_minor"]) for p in found["pending"]] == [("h", 40)]

    def test_a_refund_is_reserved_sent_settled_and_comes_back(self, book: Book, url: str) -> None:
        book.give("A", "x", 100)
        book.refund("A", "f", 60)
        (lot,) = balance(url, "A")["lots"]
        assert [(r["key"], r["amount_minor"]) for r in lot["reservations"]] == [("f", 60)]
        postings.payout_sent(book.conn, key="s", hold="f")
        postings.payout_settled(book.conn, key="t", sent="s", account="GIRO", effective_on=date(2026, 3, 4))
        (lot,) = balance(url, "A")["lots"]
        assert lot["reservations"] == []
        assert [m["settled_on"] for m in lot["movements"]] == [date(2026, 3, 4)]
        postings.payout_returned(book.conn, key="b", sent="s", account="GIRO")
        (lot,) = balance(url, "A")["lots"]
        assert told(lot) == [("refund", "s", None, -60), ("payout-return", "b", "s", 60)]

    def test_a_reversal_into_a_receivable_and_its_repayment(self, book: Book, url: str) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 70)
        book.reverse("x", 100)
        found = balance(url, "A")
        assert (found["posted_minor"], found["receivable_minor"]) == (0, 70)
        assert told(found["lots"][0]) == [
            ("pay", "p", None, -70),
            ("reversal", "x-", "p", 70),
            ("reversal", "x-", None, -100),
        ]
        book.give("A", "y", 100)
        found = balance(url, "A")
        assert (found["posted_minor"], found["receivable_minor"]) == (30, 0)
        assert [(lot["receipt"], lot["remaining_minor"]) for lot in found["lots"]] == [("y", 30), ("x", 0)]
        assert [(kind, amount) for kind, _, _, amount in told(found["lots"][0])] == [("repayment", -70)]

    def test_a_credit_that_was_moved_names_its_giver(self, book: Book, url: str) -> None:
        book.give("A", "x", 100)
        book.pay("A", "p", 30)
        postings.move_credit(book.conn, key="m", credit="x+", customer="B")
        assert balance(url, "A")["receivable_minor"] == 30
        lots = balance(url, "B")["lots"]
        assert [(lot["moved_from"], lot["receipt"], lot["remaining_minor"]) for lot in lots] == [
            ("A", "x", 30),
            ("A", "x", 70),
        ]

    def test_what_is_left_out_is_counted_and_summed(self, book: Book, url: str) -> None:
        for source in ("x", "y", "z"):
            book.give("A", source, 100)
        for number in range(3):
            book.pay("A", f"p{number}", 10)
        found = balance(url, "A", limit=1)
        assert (found["lots"][0]["receipt"], found["lots_left_out"]) == ("z", 2)
        assert found["credited_minor"] + found["used_minor"] == found["posted_minor"] == 270
        oldest = balance(url, "A", limit=3)["lots"][2]
        assert (len(oldest["movements"]), oldest["movements_left_out"]) == (3, 0)
        book.pay("A", "p3", 10)
        oldest = balance(url, "A", limit=3)["lots"][2]
        assert [m["key"] for m in oldest["movements"]] == ["p1", "p2", "p3"]
        assert (oldest["movements_left_out"], oldest["movements_left_out_minor"]) == (1, -10)

    @pytest.mark.breaks_the_book
    def test_a_balance_that_is_not_the_sum_of_its_lots_is_told(
        self, book: Book, url: str, database: Database
    ) -> None:
        book.give("A", "x", 100)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("UPDATE ledger_account SET available_minor = 101 WHERE available_minor = 100")
        (found,) = explain_balances(url, "A", None, 50)
        (problem,) = found["problems"]
        assert problem.startswith("The EUR balance of A with acme-de says posted 101, but ")
        assert "come to 100 (minor units): run `prepay ledger check`" in problem


class Explained(RandomPostings):
    """After random postings every balance is explained to the last unit, as the plain Python book has it.

    After each posting that is looked at for one customer in turn, in the end for all.
    """

    url: str

    @invariant()
    def every_unit_is_explained(self) -> None:
        if holders := getattr(self, "holders", []):
            self.is_explained(
                holders[0] if len(self.calls) % 2 else holders[len(self.calls) // 2 % len(holders)]
            )

    def teardown(self) -> None:
        for holder in getattr(self, "holders", []):
            self.is_explained(holder)
        super().teardown()

    def is_explained(self, holder: dict[str, Any]) -> None:
        for limit in (1, 1000):
            (found,) = [
                found
                for found in explain_balances(self.url, holder["customer"], holder["currency"], limit)
                if found["entity"] == holder["entity"]
            ]
            assert_sums(found)
        left = [lot["remaining_minor"] for lot in sorted(found["lots"], key=lambda lot: lot["lot"])]
        assert left == [lot.left for lot in self.purse(holder).lots]


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.chaos)])
def test_random_postings_are_explained_to_the_last_unit(database: Database, runs: int) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        machine = type("Machine", (Explained,), {"connection": connection, "url": database.app_url})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
