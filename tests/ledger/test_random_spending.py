"""Random postings and bills together against the plain Python book: deposits, credits, payments, holds, bills, refunds,
reversals, moves. Every answer, balance, lot and line is the same, and every check holds after each run."""

from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from ledger import bills, refusals
from ledger.bills import Line
from tests.conftest import Server, fresh_database
from tests.ledger.plain_book import Bill
from tests.ledger.test_random_postings import RandomPostings, spent

DUE = date(2999, 1, 1)
STEPS = 100
DATABASES, RUNS = 20, 50
_ENTITY = """
    INSERT INTO contracting_entity (code, legal_name, address, country, registration_id, time_zone, short_tolerance,
        apply_alone) VALUES (%s, 'ACME', '{}', 'DE', 'x', 'Europe/Berlin', '{}', '{}')
"""
_CUSTOMER = """
    INSERT INTO customer (number, legal_name, address, country, entity, currencies, auto_pay)
    VALUES (%s, 'ACME', '{}', 'DE', %s, '{EUR,KWD}', %s)
"""
_ORDERS = "SELECT transfer_id, replayed, state FROM ledger_pay_orders(%s, %s, %s, %s, %s) ORDER BY n"
_LACKS = """
    SELECT b.number, b.stage, array_agg(l.amount_minor - l.paid_minor ORDER BY l.position)
    FROM bill b JOIN bill_line l ON l.bill_id = b.id WHERE b.number LIKE %s GROUP BY b.id
"""
_STATES = {"PB002": refusals.InsufficientFunds, "PB004": refusals.ReceivableOpen}


class RandomSpending(RandomPostings):
    """The first customer's bills are paid by themselves, the second's by number."""

    @initialize()
    def open(self) -> None:
        super().open()
        self.bills: dict[str, tuple[dict[str, Any], Bill]] = {}
        # An entity is a customer's; the first one has a balance with another as well, which has no bills.
        self.billed = self.holders[:3]
        entity = self.holders[0]["entity"]
        self.connection.execute(_ENTITY, [entity])
        for holder, auto in ((self.holders[0], True), (self.holders[1], False)):
            self.connection.execute(_CUSTOMER, [holder["customer"], entity, auto])

    def pays_by_itself(self, holder: dict[str, Any]) -> bool:
        return bool(holder["customer"] == self.holders[0]["customer"])

    @rule(data=st.data(), lines=st.lists(st.integers(1, 70), min_size=1, max_size=4))
    def issue_bill(self, data: st.DataObject, lines: list[int]) -> None:
        holder, number = data.draw(st.sampled_from(self.billed)), self.key()
        facts = {
            "number": number,
            "customer": holder["customer"],
            "currency": holder["currency"],
            "due_on": DUE,
        }
        lines_of = [Line(f"product {n}", amount) for n, amount in enumerate(lines)]
        for again in (False, True):
            assert bills.issue(self.connection, lines=lines_of, **facts).replayed is again
        bill = Bill(number, list(lines))
        purse = self.purse(holder)
        purse.bills.append(bill)
        self.bills[number] = (holder, bill)
        if self.pays_by_itself(holder):
            purse.settle()

    @precondition(lambda self: self.bills)
    @rule(limit=st.sampled_from([1, 3, 500]))
    def settle(self, limit: int) -> None:
        while bills.settle(self.connection, limit=limit):
            pass
        for holder in self.billed:
            if self.pays_by_itself(holder):
                self.purse(holder).settle()

    @precondition(lambda self: self.bills)
    @rule(data=st.data(), amount=st.none() | spent)
    def pay_bill(self, data: st.DataObject, amount: int | None) -> None:
        holder, bill = self.bills[data.draw(st.sampled_from(sorted(self.bills)))]
        purse, part = self.purse(holder), bill.open if amount is None else amount
        expected: Any = self.may_spend(purse, part)
        if part > bill.open:
            expected = refusals.MoreThanLeft
        if bill.open == 0:
            expected = refusals.Closed
        facts = {"key": self.key(), "number": bill.number, "amount_minor": amount}
        if self.post(expected, bills.pay, **facts):
            purse.pay_bill(bill, part)

    @precondition(lambda self: self.bills)
    @rule(data=st.data())
    def void_bill(self, data: st.DataObject) -> None:
        holder, bill = self.bills[data.draw(st.sampled_from(sorted(self.bills)))]
        done = bills.void(self.connection, number=bill.number, by="First Operator", reason="a test")
        assert done is not bill.void
        if done:
            self.purse(holder).void_bill(bill)

    @rule(data=st.data(), amounts=st.lists(st.integers(1, 40), min_size=1, max_size=6), twice=st.booleans())
    def pay_orders(self, data: st.DataObject, amounts: list[int], twice: bool) -> None:
        """Of several customers in one go: each is paid or refused as if they had come one after the other."""
        orders = [(self.key(), data.draw(st.sampled_from(self.billed)), amount) for amount in amounts]
        if twice:
            orders.append(orders[0])
        keys, holders, wanted = zip(*orders, strict=True)
        names = [list(keys), [h["customer"] for h in holders], [h["currency"] for h in holders], list(wanted)]
        answers = self.connection.execute(_ORDERS, [*names, [""] * len(orders)]).fetchall()
        paid: set[str] = set()
        for (key, holder, amount), (_, replayed, state) in zip(orders, answers, strict=True):
            purse = self.purse(holder)
            if key in paid:
                assert replayed
                continue
            expected = self.may_spend(purse, amount)
            assert _STATES.get(state) is expected
            if expected is None:
                assert replayed is False
                paid.add(key)
                purse.spend(key, amount)
                self.payments[key] = (purse, amount)

    @invariant()
    def same_bills(self) -> None:
        if not getattr(self, "bills", None):
            return
        rows = self.connection.execute(_LACKS, [f"key-{self.run}-%"]).fetchall()
        for number, stage, lacks in rows:
            bill = self.bills[number][1]
            assert (stage == "void") is bill.void
            assert bill.void or lacks == bill.lacks


def _run(url: str, runs: int, **options: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        machine = type("Machine", (RandomSpending,), {"connection": connection})
        wanted = settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            **options,
        )
        run_state_machine_as_test(machine, settings=wanted)


def test_spending_does_what_the_plain_book_says(database: Any) -> None:
    _run(database.owner_url, 5)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(DATABASES))
def test_a_hundred_thousand_operations(server: Server, part: int) -> None:
    """20 books of 50 runs of 100 steps: `make chaos ARGS="-k hundred_thousand"`."""
    with fresh_database(server, f"test_spending_{part}") as fresh:
        # What fails is told at once, however long it is.
        _run(fresh.owner_url, RUNS, phases=(Phase.generate,))
