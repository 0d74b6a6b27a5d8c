"""Money that a bank tells in two groupings: nothing of it is lost, and nothing counts twice."""

from dataclasses import replace

import psycopg
import pytest

from bankfiles.sample import Batch, Payment, Sheet
from ledger.checks import run_checks
from tests.activities.test_bank_files import ACCOUNT, Desk, desk
from tests.conftest import Database

__all__ = ["desk"]


@pytest.mark.parametrize("status", ["PDNG", "INFO"])
def test_one_payment_of_a_batch_was_shown_alone_before_the_batch_is_booked(desk: Desk, status: str) -> None:
    one, other = (
        Payment(10_000, f"R{d.deposit}", d.reference) for d in (desk.issue("C-1001"), desk.issue("C-1002"))
    )
    desk.pay(replace(one, status=status))
    desk.pay(Batch((one, other), "RX"))
    assert (desk.available("C-1001"), desk.available("C-1002")) == (10_000, 10_000)


def test_what_was_shown_and_is_booked_as_a_reversal_is_no_new_money(desk: Desk) -> None:
    paid = Payment(10_000, "R-1", desk.issue().reference)
    desk.pay(replace(paid, status="PDNG"))
    desk.pay(replace(paid, reversal=True))
    assert desk.parts() == [("unapplied", "the bank marks it as a reversal")]


PAID = tuple(Payment(1_000 + number, f"T-{number}") for number in range(20))


def received(desk: Desk) -> object:
    """What the book says that came to the bank."""
    query = "SELECT sum(amount_minor)::bigint AS minor FROM ledger_transfer WHERE kind = 'receipt'"
    return desk.rows(query)[0]["minor"]


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_file_shows_singly_what_it_books_as_a_batch(desk: Desk, batch_first: bool) -> None:
    shown = [replace(payment, status="PDNG") for payment in PAID]
    sheets = [Sheet(ACCOUNT, "EUR", [Batch(PAID, "RX")]), Sheet(ACCOUNT, "EUR", shown)]
    desk.deliver(*sheets[:: 1 if batch_first else -1])
    assert received(desk) == sum(payment.amount_minor for payment in PAID)


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_file_tells_the_details_of_a_lump_sum_singly_too(desk: Desk, batch_first: bool) -> None:
    batch = Batch(PAID, "RX")
    desk.pay(replace(batch, details=False))
    sheets = [Sheet(ACCOUNT, "EUR", [batch]), Sheet(ACCOUNT, "EUR", PAID)]
    desk.deliver(*sheets[:: 1 if batch_first else -1])
    assert received(desk) == sum(payment.amount_minor for payment in PAID)
    assert {state for state, _ in desk.parts()} == {"detailed", "unapplied"}


def test_details_that_one_file_tells_of_two_lump_sums_wait_for_a_person(desk: Desk) -> None:
    batches = [Batch(PAID, "RX"), Batch(PAID, "RY")]
    desk.pay(*[replace(batch, details=False) for batch in batches])
    desk.deliver(*[Sheet(ACCOUNT, "EUR", [batch]) for batch in batches])
    assert desk.parts() == [("unapplied", "some of its details are told of another lump sum too")] * 2


@pytest.mark.parametrize("alone_first", [True, False])
def test_a_payment_alone_and_an_equal_one_in_a_batch_without_references(
    desk: Desk, alone_first: bool
) -> None:
    deposit = desk.issue(amount="200.00")
    alone = Payment(10_000, structured=deposit.reference)
    batch = Batch((alone, Payment(700, free=("thank you",))))
    desk.pay(alone if alone_first else batch)
    desk.pay(*((batch, alone) if alone_first else (alone, batch)))
    assert desk.available() == 20_000


def test_a_statement_books_singly_what_another_books_as_a_batch(desk: Desk, database: Database) -> None:
    alone = (Payment(10_000, "R1"), Payment(5_000, "R2"))
    told: list[tuple[Payment | Batch, ...]] = [alone, (Batch(alone, "RX"),)]
    for number, entries in enumerate(told):
        sheet = Sheet(ACCOUNT, "EUR", entries, f"S-{number}", closing_minor=15_000)
        assert desk.deliver(sheet, kind="camt.053").stage == "posted"
    with psycopg.connect(database.owner_url) as connection:
        assert [check.name for check in run_checks(connection) if check.breaches] == []
