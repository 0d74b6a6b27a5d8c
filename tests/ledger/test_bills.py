"""Bills: settled the oldest first whenever money comes, split by line, paid by name, voided."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import bills, postings, refusals
from ledger.bills import Line
from ledger.checks import run_checks
from tests.conftest import Server, fresh_database
from tests.ledger.conftest import Book

DUE = date(2026, 12, 15)
WITH_BILLS = """
    INSERT INTO contracting_entity (code, legal_name, address, country, registration_id, time_zone,
        short_tolerance, apply_alone)
    VALUES ('acme-de', 'ACME', '{}', 'DE', 'x', 'Europe/Berlin', '{}', '{}')
"""
CUSTOMER = """
    INSERT INTO customer (number, legal_name, address, country, entity, currencies, auto_pay)
    VALUES (%s, %s, '{}', 'DE', 'acme-de', '{EUR}', %s)
"""


class Billing(Book):
    """Customer A pays bills by themselves, B does not."""

    def bill(self, number: str, *amounts: int, customer: str = "A") -> bills.Issued:
        lines = [Line(f"product {n}", amount) for n, amount in enumerate(amounts, 1)]
        return bills.issue(
            self.conn, number=number, customer=customer, currency="EUR", due_on=DUE, lines=lines
        )

    def settle(self, limit: int = 500) -> int:
        return bills.settle(self.conn, limit=limit)

    def settle_all(self) -> None:
        while self.settle():
            pass

    def paid(self, number: str) -> int:
        return int(self.one("SELECT paid_minor FROM bill WHERE number = %s", number))

    def stage(self, number: str) -> str:
        return str(self.one("SELECT stage FROM bill WHERE number = %s", number))

    def lines(self, number: str) -> list[int]:
        query = """
            SELECT l.paid_minor FROM bill_line l JOIN bill b ON b.id = l.bill_id WHERE b.number = %s ORDER BY position
        """
        return [row[0] for row in self.conn.execute(query, [number])]

    def queued(self) -> int:
        return int(self.one("SELECT count(*) FROM bill_queue"))

    def one(self, query: str, *given: Any) -> Any:
        row = self.conn.execute(query.encode(), given).fetchone()
        assert row
        return row[0]


def billing(conn: psycopg.Connection[Any]) -> Billing:
    conn.execute(WITH_BILLS)
    for number, auto in (("A", True), ("B", False)):
        conn.execute(CUSTOMER, [number, number, auto])
    book = Billing(conn)
    book.open("A", "B")
    return book


@pytest.fixture
def book(database: Any) -> Iterator[Billing]:
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        yield billing(conn)


class TestIssuing:
    def test_a_bill_waits_while_there_is_no_money(self, book: Billing) -> None:
        assert not book.bill("1", 60, 40).replayed
        assert (book.stage("1"), book.queued()) == ("issued", 0)

    def test_what_is_available_pays_it_at_once(self, book: Billing) -> None:
        book.give("A", "r", 130)
        book.bill("1", 60, 40)
        book.bill("2", 50)
        assert (book.stage("1"), book.stage("2")) == ("paid", "part_paid")
        assert book.balance("A").available_minor == 0

    def test_the_same_bill_again_changes_nothing(self, book: Billing) -> None:
        first = book.bill("1", 60, 40)
        assert book.bill("1", 60, 40) == (first.bill, True)
        with pytest.raises(refusals.KeyReused):
            book.bill("1", 60, 41)
        with pytest.raises(refusals.KeyReused):
            book.bill("1", 60, 40, customer="B")

    def test_it_needs_an_account_in_its_currency(self, book: Billing) -> None:
        with pytest.raises(refusals.UnknownAccount):
            book.bill("1", 60, customer="nobody")

    @pytest.mark.parametrize("amount", [0, -5])
    def test_lines_are_above_zero(self, book: Billing, amount: int) -> None:
        with pytest.raises(refusals.RequestRefused):
            book.bill("1", 60, amount)

    def test_what_is_paid_at_once_needs_no_workflow(self, book: Billing) -> None:
        book.give("A", "r", 100)
        book.bill("1", 100)
        assert book.one("SELECT handled_version = version FROM bill")


class TestSettling:
    def test_the_oldest_is_paid_first_and_completely(self, book: Billing) -> None:
        for number in "123":
            book.bill(number, 100)
        book.give("A", "r", 150)
        book.settle_all()
        assert [book.paid(number) for number in "123"] == [100, 50, 0]

    def test_it_goes_on_where_it_was_interrupted(self, book: Billing) -> None:
        for n in range(10):
            book.bill(f"{n}", 10)
        book.give("A", "r", 95)
        assert [book.settle(limit=3) for _ in range(5)] == [1, 1, 1, 1, 0]
        assert [book.paid(f"{n}") for n in range(10)] == [10] * 9 + [5]

    def test_who_does_not_pay_by_themselves_pays_nothing(self, book: Billing) -> None:
        book.bill("1", 100, customer="B")
        book.give("B", "r", 100)
        book.settle_all()
        assert (book.paid("1"), book.queued()) == (0, 0)

    @pytest.mark.parametrize(
        "way", ["order refund", "void", "final capture", "value date", "move", "release"]
    )
    def test_whatever_makes_the_balance_grow_pays(self, book: Billing, way: str) -> None:
        book.give("A", "r", 100)
        if way == "order refund":
            book.pay("A", "p", 100)
        elif way in ("void", "final capture"):
            book.hold("A", "h", 100)
        elif way == "value date":
            book.receive("later", 40)
            book.credit("later", "A", 40, value_on=date(2999, 1, 1))
            book.pay("A", "p", 100)
        elif way == "move":
            book.give("B", "theirs", 40)
            book.pay("A", "p", 100)
        else:
            book.one("SELECT ledger_freeze('A', true)")
        book.bill("1", 40)
        assert book.paid("1") == 0
        if way == "order refund":
            postings.refund_order(book.conn, key="back", payment="p", amount_minor=40)
        elif way == "void":
            postings.void(book.conn, key="v", hold="h")
        elif way == "final capture":
            postings.capture(book.conn, key="c", hold="h", amount_minor=60, final=True)
        elif way == "value date":
            postings.post_due_credits(book.conn, today=date(2999, 1, 1))
        elif way == "move":
            postings.move_credit(book.conn, key="m", credit="theirs+", customer="A")
        else:
            book.one("SELECT ledger_freeze('A', false)")
        assert book.queued() == 1
        book.settle_all()
        assert book.paid("1") == 40

    @pytest.mark.breaks_the_book
    def test_a_balance_that_cannot_be_settled_does_not_hold_up_the_others(
        self, database: Any, book: Billing
    ) -> None:
        book.conn.execute("UPDATE customer SET auto_pay = true")
        for customer in ("A", "B"):
            book.bill(f"of {customer}", 50, customer=customer)
            book.give(customer, f"r{customer}", 50)
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute(
                "UPDATE ledger_lot SET free_minor = 0 WHERE account_id = (SELECT min(account_id) FROM ledger_lot)"
            )
        book.settle_all()
        assert (book.paid("of A"), book.paid("of B")) == (0, 50)
        assert book.one("SELECT created_at > now() FROM bill_queue")

    def test_a_receivable_goes_first(self, book: Billing) -> None:
        book.give("A", "gone", 100)
        book.pay("A", "p", 100)
        book.reverse("gone", 100)
        book.bill("1", 50)
        book.give("A", "r", 120)
        book.settle_all()
        assert (book.paid("1"), book.balance("A").receivable_minor) == (20, 0)

    def test_payments_of_bills_come_from_the_oldest_lots(self, book: Billing) -> None:
        book.give("A", "r1", 30)
        book.give("A", "r2", 50)
        book.bill("1", 40)
        assert book.lots("A") == {"r1": 0, "r2": 40}


class TestLines:
    def test_a_part_payment_is_split_in_proportion(self, book: Billing) -> None:
        book.give("A", "r", 50)
        book.bill("1", 60, 40)
        assert book.lines("1") == [30, 20]

    def test_what_rounding_left_goes_to_the_lines_that_lack_most(self, book: Billing) -> None:
        book.give("A", "r", 2)
        book.bill("1", 1, 2, 2)
        assert book.lines("1") == [0, 1, 1]

    def test_equal_lines_get_it_in_their_order(self, book: Billing) -> None:
        book.give("A", "r", 2)
        book.bill("1", 1, 1, 1)
        assert book.lines("1") == [1, 1, 0]

    def test_amounts_beyond_64_bits_in_between_are_exact(self, book: Billing) -> None:
        book.give("A", "r", 10**15)
        book.bill("1", 10**15, 10**15 - 1, 1)
        assert sum(book.lines("1")) == 10**15

    def test_any_split_is_exact_and_within_its_lines(self, server: Server) -> None:
        with fresh_database(server, "test_split") as fresh, psycopg.connect(fresh.app_url) as conn:
            book = billing(conn)
            book.give("B", "r", 10**9)

            @settings(max_examples=40)
            @given(
                st.lists(st.integers(1, 10**4), min_size=1, max_size=6),
                st.lists(st.integers(1, 10**4), min_size=1, max_size=4),
            )
            def split(amounts: list[int], parts: list[int]) -> None:
                with conn.transaction(force_rollback=True):
                    book.bill("1", *amounts, customer="B")
                    left, before = sum(amounts), [0] * len(amounts)
                    for n, wanted in enumerate([*parts, sum(amounts)]):
                        part = min(wanted, left)
                        if part:
                            bills.pay(conn, key=f"p{n}", number="1", amount_minor=part)
                        now, left = book.lines("1"), left - part
                        assert all(b <= n <= a for b, n, a in zip(before, now, amounts, strict=True))
                        assert sum(now) == sum(amounts) - left
                        before = now

            split()


class TestPaying:
    def test_a_bill_is_paid_by_its_number(self, book: Billing) -> None:
        book.bill("1", 100, customer="B")
        book.bill("2", 60, customer="B")
        book.give("B", "r", 100)
        assert not bills.pay(book.conn, key="p", number="2").replayed
        assert (book.paid("1"), book.stage("2")) == (0, "paid")
        assert bills.pay(book.conn, key="p", number="2").replayed

    def test_a_part_of_it(self, book: Billing) -> None:
        book.bill("1", 100, customer="B")
        book.give("B", "r", 100)
        bills.pay(book.conn, key="p", number="1", amount_minor=30)
        assert (book.paid("1"), book.stage("1")) == (30, "part_paid")

    def test_never_more_than_it_lacks_or_is_available(self, book: Billing) -> None:
        book.bill("1", 100, customer="B")
        book.give("B", "r", 50)
        with pytest.raises(refusals.MoreThanLeft):
            bills.pay(book.conn, key="p", number="1", amount_minor=101)
        with pytest.raises(refusals.InsufficientFunds):
            bills.pay(book.conn, key="p", number="1")

    def test_what_is_closed_is_not_paid_again(self, book: Billing) -> None:
        book.give("A", "r", 500)
        book.bill("1", 100)
        with pytest.raises(refusals.Closed):
            bills.pay(book.conn, key="p", number="1")
        with pytest.raises(refusals.UnknownPosting):
            bills.pay(book.conn, key="p", number="nothing")

    def test_it_is_not_refunded_as_an_order(self, book: Billing) -> None:
        book.bill("1", 100, customer="B")
        book.give("B", "r", 100)
        bills.pay(book.conn, key="p", number="1")
        with pytest.raises(refusals.RequestRefused):
            postings.refund_order(book.conn, key="back", payment="p")


class TestVoiding:
    def test_all_that_was_paid_comes_back_to_its_lots(self, book: Billing) -> None:
        book.give("A", "r1", 30)
        book.bill("1", 60, 40)
        book.give("A", "r2", 50)
        book.settle_all()
        assert bills.void(book.conn, number="1", by="First Operator", reason="billed twice")
        assert (book.stage("1"), book.paid("1"), book.lots("A")) == ("void", 0, {"r1": 30, "r2": 50})
        assert not bills.void(book.conn, number="1", by="First Operator", reason="billed twice")

    def test_it_pays_what_else_is_open(self, book: Billing) -> None:
        book.give("A", "r", 100)
        book.bill("1", 100)
        book.bill("2", 70)
        bills.void(book.conn, number="1", by="First Operator", reason="billed twice")
        book.settle_all()
        assert (book.stage("2"), book.balance("A").available_minor) == ("paid", 30)

    def test_an_unpaid_one_moves_nothing(self, book: Billing) -> None:
        book.bill("1", 100)
        bills.void(book.conn, number="1", by="First Operator", reason="billed twice")
        book.give("A", "r", 100)
        book.settle_all()
        assert (book.stage("1"), book.balance("A").available_minor) == ("void", 100)


class TestOrders:
    def test_what_was_captured_in_parts_is_refunded_the_last_part_first(self, book: Billing) -> None:
        book.give("A", "r1", 60)
        book.give("A", "r2", 60)
        book.hold("A", "h", 100)
        postings.capture(book.conn, key="c1", hold="h", amount_minor=60)
        postings.capture(book.conn, key="c2", hold="h", amount_minor=40)
        postings.refund_order(book.conn, key="back", payment="h", amount_minor=50)
        assert book.lots("A") == {"r1": 10, "r2": 60}
        with pytest.raises(refusals.MoreThanLeft):
            postings.refund_order(book.conn, key="more", payment="h", amount_minor=51)
        postings.refund_order(book.conn, key="rest", payment="h")
        assert book.lots("A") == {"r1": 60, "r2": 60}

    def test_a_hold_of_which_nothing_was_captured_has_nothing_to_refund(self, book: Billing) -> None:
        book.give("A", "r", 60)
        book.hold("A", "h", 60)
        with pytest.raises(refusals.MoreThanLeft):
            postings.refund_order(book.conn, key="back", payment="h")


@pytest.mark.breaks_the_book
@pytest.mark.parametrize(
    ("name", "breach"),
    [
        ("bills", "UPDATE bill_line SET paid_minor = paid_minor - 1 WHERE paid_minor > 0"),
        ("bills", "UPDATE bill_payment SET amount_minor = amount_minor + 1"),
        ("bills", "UPDATE ledger_transfer SET amount_minor = 1 WHERE key LIKE 'ledger:bill:%'"),
        ("bills-settled", "UPDATE ledger_account SET bills_open = NOT bills_open WHERE kind = 'customer'"),
        ("bills-settled", "DELETE FROM bill_queue"),
    ],
)
def test_a_breach_is_found(database: Any, book: Billing, name: str, breach: str) -> None:
    book.bill("1", 100)
    book.give("A", "r", 40)
    book.settle_all()
    book.give("A", "more", 40)
    with psycopg.connect(database.superuser_url) as conn:
        assert [check.name for check in run_checks(conn) if check.breaches] == []
        conn.execute("SET session_replication_role = replica")
        conn.execute(breach.encode())
        assert name in [check.name for check in run_checks(conn) if check.breaches]
