"""A bank's file from bytes to balances, on a real database: each money once, whatever happens on the way."""

import hashlib
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine

from activities.bank_decisions import Decide, Decided
from activities.bank_files import BankFiles, FileEmpty, FileTooLarge, store
from activities.deposits import Cancel, Deposits, Expire, Issue
from bankfiles.sample import Batch, Payment, Sheet, write_camt
from bankfiles.sample_bai2 import write_bai2
from bankfiles.sample_mt import write_mt940
from prepay.bank_files import DecideBankFile
from prepay.deposits import CancelDeposit, DepositRequest
from rules.bank_file import BankFileState, Signal
from rules.deposit import DepositState
from settings import Settings
from tests.bankfiles import mt_files
from tests.conftest import Database, connected, engine_of

ACCOUNT = "NL07MOCK0000001001"
SETUP = Path(__file__).resolve().parents[2] / "examples" / "setup.toml"


class Desk:
    """What a test does with the database: issue forms, deliver files, look."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self.url = database.app_url
        self.engine = engine
        self.files = BankFiles(engine)
        self.deposits = Deposits(engine, Settings(forms="off"))

    def issue(self, customer: str = "C-1001", amount: str = "100.00", currency: str = "EUR") -> DepositState:
        request = DepositRequest(
            customer=customer, request_id=str(uuid4()), amount=amount, currency=currency, product="Compute"
        )
        issue = Issue(request=request, workflow_id=f"deposit-{request.request_id}", at=datetime.now(UTC))
        return self.deposits.issue(issue)

    def deliver(self, *sheets: Sheet, kind: str = "camt.054", version: int = 8) -> BankFileState:
        return self.work_off(camt(*sheets, kind=kind, version=version))

    def work_off(self, content: bytes, by: str = "a test") -> BankFileState:
        sha256, _ = store(self.engine, content, "test.xml", by)
        read = self.files.read(sha256)
        return self.files.post(sha256) if read.stage in ("read", "alarm") else read

    def decide(self, content: bytes, signal: Signal, operator: str, hold: int | None = None) -> Decided:
        sha256 = sha256_of(content)
        decision = DecideBankFile(operator=operator, reason="a good reason")
        seen = self.files.look(sha256).hold if hold is None else hold
        return self.files.decide(
            Decide(sha256=sha256, hold=seen, key=str(uuid4()), signal=signal, decision=decision)
        )

    def release(self, content: bytes) -> BankFileState:
        """Two people do, and the file is worked off again."""
        for operator in ("First Operator", "Second Operator"):
            self.decide(content, "release", operator)
        return self.work_off(content)

    def pay(self, *payments: Payment | Batch) -> BankFileState:
        return self.deliver(Sheet(ACCOUNT, "EUR", payments))

    def rows(self, query: str, *given: object) -> list[dict[str, object]]:
        return connected(self.url).execute(query.encode(), given).fetchall()

    def change(self, query: str, *given: object) -> None:
        connected(self.url).execute(query.encode(), given)

    def available(self, customer: str = "C-1001") -> int:
        found = self.rows("SELECT available_minor FROM ledger_balance WHERE customer = %s", customer)
        return sum(int(str(row["available_minor"])) for row in found)

    def deposit(self, state: DepositState) -> dict[str, object]:
        return self.rows("SELECT * FROM deposit WHERE id = %s", state.deposit)[0]

    def parts(self) -> list[tuple[object, object]]:
        return [
            (row["state"], row["reason"]) for row in self.rows("SELECT * FROM bank_entry_part ORDER BY id")
        ]


def camt(*sheets: Sheet, kind: str = "camt.054", version: int = 8) -> bytes:
    file = BytesIO()
    write_camt(file, sheets, format=kind, version=version)
    return file.getvalue()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def written(write: Callable[..., None], *payments: Payment, interim: bool = False) -> bytes:
    file = BytesIO()
    sheet = Sheet(ACCOUNT, "EUR", payments, closing_minor=sum(payment.amount_minor for payment in payments))
    write(file, [sheet], interim=interim)
    return file.getvalue()


@pytest.fixture
def desk(set_up: Database) -> Desk:
    engine = engine_of(set_up.app_url)
    return Desk(set_up, engine)


class TestCredit:
    def test_a_structured_reference_credits_its_deposit(self, desk: Desk) -> None:
        deposit = desk.issue()
        file = desk.pay(Payment(10_000, structured=deposit.reference))
        assert (file.stage, file.credited, file.unapplied) == ("posted", 1, 0)
        assert desk.available() == 10_000
        assert desk.deposit(deposit)["stage"] == "credited"
        assert desk.parts() == [("credited", f"its structured reference is that of {deposit.number}")]

    def test_a_reference_broken_over_lines_in_lower_case_is_found(self, desk: Desk) -> None:
        deposit = desk.issue()
        text = f"prepayment of december {deposit.reference.lower()}"
        desk.pay(Payment(10_000, free=(text[:35], text[35:])))
        assert desk.parts() == [("credited", f"the reference in its text is that of {deposit.number}")]

    def test_a_part_payment_leaves_the_rest_awaited(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(4_000, structured=deposit.reference))
        assert desk.deposit(deposit)["stage"] == "part_paid"
        desk.pay(Payment(6_000, structured=deposit.reference, bank_reference="B2"))
        assert desk.deposit(deposit)["stage"] == "credited"

    def test_too_much_is_credited_all(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(25_000, structured=deposit.reference))
        assert (desk.available(), desk.deposit(deposit)["credited_minor"]) == (25_000, 25_000)

    def test_late_money_is_credited_and_marked(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.deposits.expire(Expire(deposit=deposit.deposit, at=deposit.expires_at))
        desk.pay(Payment(10_000, structured=deposit.reference))
        row = desk.deposit(deposit)
        assert (row["stage"], row["late"], desk.available()) == ("credited", True, 10_000)

    def test_money_for_a_cancelled_form_is_credited_and_marked(self, desk: Desk) -> None:
        deposit = desk.issue()
        decision = CancelDeposit(operator="op", reason="ordered twice")
        desk.deposits.cancel(Cancel(deposit=deposit.deposit, decision=decision, at=datetime.now(UTC)))
        desk.pay(Payment(1_000, structured=deposit.reference))
        row = desk.deposit(deposit)
        assert (row["stage"], row["late"], desk.available()) == ("cancelled", True, 1_000)

    @pytest.mark.parametrize("write", [write_bai2, write_mt940])
    def test_interim_money_is_shown_and_credited_once_when_it_is_final(
        self, desk: Desk, write: Callable[..., None]
    ) -> None:
        deposit = desk.issue()
        paid = Payment(10_000, "R1", structured=deposit.reference)
        seen = []
        for content in (
            written(write, replace(paid, status="PDNG"), interim=True),
            written(write, paid),
            camt(Sheet(ACCOUNT, "EUR", [paid], closing_minor=10_000), kind="camt.053"),
            written(write, replace(paid, status="PDNG"), interim=True),
        ):
            assert desk.work_off(content).stage == "posted"
            seen.append((desk.available(), desk.parts()[0][0]))
        assert seen == [(0, "shown"), *[(10_000, "credited")] * 3]
        assert len(desk.parts()) == 1

    def test_an_mt940_entry_of_zero_is_shown(self, desk: Desk) -> None:
        deposit = desk.issue()
        paid, balance = mt_files.entry(f"RF {deposit.reference[2:]}"), mt_files.entry(amount="0,00")
        file = desk.work_off(mt_files.of(paid, balance, account=ACCOUNT))
        assert (file.stage, file.credited, file.unapplied) == ("posted", 1, 0)
        assert sorted(str(state) for state, _ in desk.parts()) == ["credited", "shown"]

    def test_each_credit_leaves_a_doorbell_for_its_workflow(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference))
        rung = desk.rows("SELECT o.workflow_id FROM outbox o JOIN deposit d USING (workflow_id)")
        assert len(rung) == 1


class TestUnapplied:
    def test_money_without_a_reference_waits(self, desk: Desk) -> None:
        desk.issue()
        desk.pay(Payment(10_000, free=("thank you",)))
        assert desk.parts() == [("unapplied", "no payment reference of ours was found")]
        assert desk.available() == 0

    def test_references_of_two_customers_credit_nobody(self, desk: Desk) -> None:
        one, other = desk.issue("C-1001"), desk.issue("C-1002")
        desk.pay(Payment(10_000, free=(f"{one.reference} and {other.reference}",)))
        assert desk.parts() == [("unapplied", "its references belong to several customers")]

    def test_two_references_of_one_customer_credit_that_customer(self, desk: Desk) -> None:
        one, other = desk.issue(), desk.issue()
        desk.pay(Payment(10_000, free=(f"{one.reference} and {other.reference}",)))
        assert desk.available() == 10_000

    def test_the_reference_of_a_form_in_another_currency_is_never_converted(self, desk: Desk) -> None:
        deposit = desk.issue("C-2001", "100.00", "USD")
        desk.pay(Payment(10_000, structured=deposit.reference))
        assert desk.parts()[0][0] == "unapplied"
        assert desk.available("C-2001") == 0

    def test_what_is_not_booked_is_shown_and_never_posted(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, status="PDNG", bank_reference="B1"))
        assert desk.parts() == [("shown", "the bank has not booked it yet")]
        desk.pay(Payment(10_000, structured=deposit.reference, status="INFO", bank_reference="B2"))
        assert desk.available() == 0

    def test_what_was_pending_is_credited_once_it_is_booked(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, status="PDNG", bank_reference="B1"))
        desk.pay(Payment(10_000, structured=deposit.reference, bank_reference="B1"))
        assert desk.available() == 10_000


class TestDebit:
    def test_a_debit_waits_for_a_person(self, desk: Desk) -> None:
        desk.pay(Payment(-5_000, bank_reference="FEE"))
        assert desk.parts() == [("house", "a debit that nobody has explained yet")]


class TestOnce:
    def test_the_same_file_ten_times_credits_once(self, desk: Desk) -> None:
        deposit = desk.issue()
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(10_000, structured=deposit.reference)]))
        for _ in range(10):
            desk.work_off(content)
        assert desk.available() == 10_000
        assert len(desk.rows("SELECT FROM bank_file")) == 1

    def test_the_same_money_in_a_statement_credits_once(self, desk: Desk) -> None:
        deposit = desk.issue()
        payment = Payment(10_000, structured=deposit.reference, bank_reference="B1")
        desk.pay(payment)
        sheet = Sheet(ACCOUNT, "EUR", [payment], opening_minor=0, closing_minor=10_000)
        file = desk.deliver(sheet, kind="camt.053")
        assert (file.stage, file.known_before, file.posted) == ("posted", 1, 0)
        assert desk.available() == 10_000

    def test_two_equal_payments_on_one_day_are_two(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(*[Payment(5_000, structured=deposit.reference) for _ in range(2)])
        assert desk.available() == 10_000

    def test_a_batch_posts_its_parts(self, desk: Desk) -> None:
        one, other = desk.issue("C-1001"), desk.issue("C-1002")
        batch = Batch((Payment(7_000, structured=one.reference), Payment(3_000, structured=other.reference)))
        desk.pay(batch)
        assert (desk.available("C-1001"), desk.available("C-1002")) == (7_000, 3_000)

    def test_a_batch_without_details_waits_as_one(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Batch((Payment(7_000, structured=deposit.reference),) * 2, details=False))
        assert [state for state, _ in desk.parts()] == ["unapplied"]

    @pytest.mark.parametrize("statements", range(0, 100, 9))
    def test_dying_between_any_two_statements_it_still_credits_once(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, statements: int
    ) -> None:
        monkeypatch.setattr("activities.bank_incoming.CHUNK", 3)
        deposits = [desk.issue() for _ in range(10)]
        payments = [Payment(10_000, structured=d.reference, bank_reference=f"B{d.deposit}") for d in deposits]
        sha256, _ = store(desk.engine, camt(Sheet(ACCOUNT, "EUR", payments)), "test.xml", "a test")
        desk.files.read(sha256)
        with monkeypatch.context() as dying:
            dying.setattr("psycopg.Connection.execute", _dies_after(statements))
            with pytest.raises(_Killed):
                desk.files.post(sha256)
        assert desk.files.post(sha256).stage == "posted"
        assert desk.available() == 100_000

    def test_eight_senders_of_overlapping_files_credit_each_money_once(self, desk: Desk) -> None:
        deposits = [desk.issue(random.choice(["C-1001", "C-1002"])) for _ in range(40)]
        payments = [Payment(10_000, structured=d.reference, bank_reference=f"B{d.deposit}") for d in deposits]

        def send(seed: int) -> None:
            shuffled = random.Random(seed).sample(payments, 30)
            desk.pay(*shuffled)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(24)))
        desk.pay(*payments)
        assert desk.available("C-1001") + desk.available("C-1002") == 400_000


class TestHeld:
    def test_an_account_that_nobody_set_up_holds_the_file(self, desk: Desk) -> None:
        file = desk.deliver(Sheet("NL26MOCK0000009001", "EUR", [Payment(1_000)]))
        assert file.stage == "held"
        assert "NL26MOCK0000009001" not in file.reason
        assert file.reason.startswith("Ntfctn[1], line ")
        assert "expected an account that an entity has set up, in EUR, found something else" in file.reason
        assert "found 'NL26MOCK0000009001'" in str(desk.rows("SELECT reason FROM bank_file")[0]["reason"])

    def test_a_statement_that_does_not_add_up_is_held(self, desk: Desk) -> None:
        sheet = Sheet(ACCOUNT, "EUR", [Payment(1_000)], opening_minor=0, closing_minor=999)
        assert desk.deliver(sheet, kind="camt.053").stage == "held"
        assert desk.rows("SELECT FROM bank_entry") == []

    def test_a_truncated_file_posts_nothing(self, desk: Desk) -> None:
        deposit = desk.issue()
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(10_000, structured=deposit.reference)] * 5))
        assert desk.work_off(content[: len(content) * 2 // 3]).stage == "held"
        assert desk.available() == 0

    @pytest.mark.parametrize("reference", ["", "R-1"])
    def test_two_formats_about_one_account_are_held(self, desk: Desk, reference: str) -> None:
        paid = Sheet(ACCOUNT, "EUR", [Payment(10_000, reference)], closing_minor=10_000)
        file = desk.work_off(camt(paid, kind="camt.052") + camt(paid, kind="camt.053"))
        assert (file.stage, file.held_for, desk.parts()) == ("held", "structure", [])
        assert (
            "expected camt.052 about account nimbus-eu-eur, as before in this file, found camt.053. Both may tell of "
            "the same money: discard it, and deliver each format in a file of its own."
        ) in file.reason

    def test_a_held_file_is_read_again_when_the_account_is_there(self, desk: Desk) -> None:
        with psycopg.connect(desk.url) as connection:
            connection.execute(
                "UPDATE collection_account SET bank_number = 'ELSEWHERE' WHERE iban = %s", [ACCOUNT]
            )
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(1_000)]))
        assert desk.work_off(content).stage == "held"
        with psycopg.connect(desk.url) as connection:
            connection.execute("UPDATE collection_account SET bank_number = iban WHERE iban = %s", [ACCOUNT])
        assert desk.work_off(content).stage == "held"
        assert desk.release(content).stage == "posted"

    def test_a_discarded_file_stays_unposted(self, desk: Desk) -> None:
        content = camt(Sheet("NL26MOCK0000009001", "EUR", [Payment(1_000)]))
        desk.work_off(content)
        assert desk.decide(content, "discard", "op").state.stage == "discarded"
        assert desk.work_off(content).stage == "discarded"


class TestRefused:
    def test_a_doctype_is_refused(self, desk: Desk) -> None:
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(1_000)]))
        evil = content.replace(b"?>\n", b'?>\n<!DOCTYPE x [<!ENTITY a "1">]>\n', 1)
        assert desk.work_off(evil).stage == "refused"

    def test_what_is_no_bank_file_is_refused(self, desk: Desk) -> None:
        file = desk.work_off(b"hello")
        assert file.stage == "refused"
        assert file.reason

    def test_an_empty_file_is_not_stored(self, desk: Desk) -> None:
        with pytest.raises(FileEmpty):
            store(desk.engine, b"", "empty.xml", "a test")

    def test_a_file_that_is_too_large_is_not_stored(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("activities.bank_files.MAX_FILE_BYTES", 10)
        with pytest.raises(FileTooLarge):
            store(desk.engine, b"12345678901", "large.xml", "a test")


class _Killed(BaseException):
    pass


def _dies_after(statements: int) -> Any:
    """psycopg's execute, until the process dies."""
    execute, left = psycopg.Connection.execute, iter(range(statements))

    def dying(self: Any, *given: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise _Killed
        return execute(self, *given, **options)

    return dying


class TestRegrouped:
    def test_what_was_shown_singly_is_credited_when_it_is_booked_as_a_batch(self, desk: Desk) -> None:
        one, other = desk.issue(), desk.issue("C-1002")
        single = [
            Payment(10_000, structured=d.reference, bank_reference=f"R{d.deposit}", status="INFO")
            for d in (one, other)
        ]
        desk.pay(*single)
        booked = tuple(replace(p, status="BOOK") for p in single)
        desk.pay(Batch(booked, bank_reference="RX"))
        assert (desk.available("C-1001"), desk.available("C-1002")) == (10_000, 10_000)

    def test_what_was_shown_as_a_batch_is_credited_when_it_is_booked_singly(self, desk: Desk) -> None:
        one, other = desk.issue(), desk.issue("C-1002")
        booked = [
            Payment(10_000, structured=d.reference, bank_reference=f"R{d.deposit}") for d in (one, other)
        ]
        desk.pay(Batch(tuple(replace(p, status="INFO") for p in booked), bank_reference="RX"))
        assert desk.available("C-1001") == 0
        desk.pay(*booked)
        assert (desk.available("C-1001"), desk.available("C-1002")) == (10_000, 10_000)

    def test_one_entry_in_two_notifications_of_a_file_is_credited_once(self, desk: Desk) -> None:
        deposit = desk.issue()
        sheet = Sheet(ACCOUNT, "EUR", [Payment(10_000, structured=deposit.reference, bank_reference="R1")])
        assert desk.deliver(sheet, replace(sheet, statement_id="STATEMENT-2")).stage == "posted"
        assert desk.available() == 10_000

    def test_the_same_reference_with_another_value_date_waits_for_a_person(self, desk: Desk) -> None:
        deposit = desk.issue()
        payment = Payment(10_000, structured=deposit.reference, bank_reference="R1")
        desk.pay(payment)
        desk.pay(replace(payment, value_on=payment.booked_on + timedelta(days=1)))
        assert [state for state, _ in desk.parts()] == ["credited", "unapplied"]
        assert desk.available() == 10_000

    def test_a_reversal_is_no_new_money(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference, reversal=True))
        assert desk.parts() == [("unapplied", "the bank marks it as a reversal")]


class TestLumpSum:
    """A batch that is booked without its details waits, unapplied, for the file that has them."""

    def batch(self, desk: Desk) -> Batch:
        one, other = desk.issue("C-1001"), desk.issue("C-1002")
        payments = (Payment(7_000, "T1", one.reference), Payment(3_000, "T2", other.reference))
        return Batch((*payments, Payment(500, "T3")), "B1")

    def booked(self, desk: Desk, batch: Batch, **told: object) -> BankFileState:
        total = sum(payment.amount_minor for payment in batch.payments)
        sheet = Sheet(ACCOUNT, "EUR", [replace(batch, **told)], closing_minor=total)  # type: ignore[arg-type]
        return desk.deliver(sheet, kind="camt.053")

    def states(self, desk: Desk) -> list[tuple[object, object]]:
        rows = desk.rows("SELECT state, amount_minor FROM bank_entry_part ORDER BY entry_id, position")
        return [(row["state"], row["amount_minor"]) for row in rows]

    def unapplied(self, desk: Desk) -> int:
        query = "SELECT credits_posted - debits_posted AS minor FROM ledger_account_balance WHERE kind = 'unapplied'"
        return sum(int(str(row["minor"])) for row in desk.rows(query))

    def test_is_credited_from_its_receipt_when_the_details_come(self, desk: Desk) -> None:
        batch = self.batch(desk)
        self.booked(desk, batch, details=False)
        assert (self.states(desk), self.unapplied(desk)) == ([("unapplied", 10_500)], 10_500)
        desk.pay(batch)
        details = [("credited", 7_000), ("credited", 3_000), ("unapplied", 500)]
        assert self.states(desk) == [("detailed", 10_500), *details]
        assert (desk.available("C-1001"), desk.available("C-1002"), self.unapplied(desk)) == (
            7_000,
            3_000,
            500,
        )

    @pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0, 1), (1, 0, 0, 1), (0, 0, 1, 1)])
    def test_is_credited_once_in_any_order(self, desk: Desk, order: tuple[int, ...]) -> None:
        batch = self.batch(desk)
        for number, index in enumerate(order):
            version = (2, 4, 6, 8)[number]
            sheet = Sheet(ACCOUNT, "EUR", [replace(batch, details=bool(index))], closing_minor=10_500)
            kind = "camt.054" if index else "camt.053"
            assert desk.deliver(sheet, kind=kind, version=version).stage == "posted"
        assert (desk.available("C-1001"), desk.available("C-1002"), self.unapplied(desk)) == (
            7_000,
            3_000,
            500,
        )

    def test_of_equal_payments_waits_however_often_it_is_told_until_one_file_tells_them(
        self, desk: Desk
    ) -> None:
        payment = Payment(2_500, "T1", desk.issue().reference)
        batch = Batch((payment, payment), "B1")
        for kind in ("camt.054", "camt.053", "camt.052"):
            sheet = Sheet(ACCOUNT, "EUR", [replace(batch, details=False)], closing_minor=5_000)
            assert desk.deliver(sheet, kind=kind).stage == "posted"
        assert (desk.available(), self.unapplied(desk)) == (0, 5_000)
        desk.pay(batch)
        self.booked(desk, batch)
        assert (desk.available(), self.unapplied(desk)) == (5_000, 0)

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_and_details_in_one_file_are_one_money(self, desk: Desk, order: tuple[int, int]) -> None:
        batch = self.batch(desk)
        told = [batch, replace(batch, details=False)]
        desk.deliver(*[Sheet(ACCOUNT, "EUR", [told[index]]) for index in order])
        assert (desk.available("C-1001"), desk.available("C-1002"), self.unapplied(desk)) == (
            7_000,
            3_000,
            500,
        )

    def test_that_is_only_information_tells_the_details_of_what_is_booked(self, desk: Desk) -> None:
        batch = self.batch(desk)
        self.booked(desk, batch, details=False)
        desk.pay(replace(batch, payments=tuple(replace(p, status="INFO") for p in batch.payments)))
        assert desk.available("C-1001") == 7_000

    @pytest.mark.parametrize("write", [write_bai2, write_mt940])
    def test_of_another_format_is_credited_when_the_details_come(
        self, desk: Desk, write: Callable[..., None]
    ) -> None:
        batch, lump = self.batch(desk), BytesIO()
        write(lump, [Sheet(ACCOUNT, "EUR", [batch], closing_minor=10_500)])
        desk.work_off(lump.getvalue())
        assert self.unapplied(desk) == 10_500
        desk.pay(batch)
        assert (desk.available("C-1001"), desk.available("C-1002"), self.unapplied(desk)) == (
            7_000,
            3_000,
            500,
        )

    def test_that_was_only_shown_gives_way_to_its_details(self, desk: Desk) -> None:
        batch = self.batch(desk)
        shown = replace(
            batch, payments=tuple(replace(p, status="PDNG") for p in batch.payments), details=False
        )
        desk.pay(shown)
        assert self.states(desk) == [("shown", 10_500)]
        desk.pay(batch)
        assert [state for state, _ in self.states(desk)] == ["credited", "credited", "unapplied"]

    def test_of_one_payment_is_credited_when_its_text_comes(self, desk: Desk) -> None:
        deposit = desk.issue()
        alone = Batch((Payment(10_000, structured=deposit.reference),), "B1")
        self.booked(desk, alone, details=False)
        assert desk.available() == 0
        desk.pay(alone)
        assert self.states(desk) == [("credited", 10_000)]
        assert (desk.available(), self.unapplied(desk)) == (10_000, 0)

    def test_of_credits_and_debits_waits_for_a_person(self, desk: Desk) -> None:
        batch = self.batch(desk)
        mixed = replace(batch, payments=(*batch.payments, Payment(-400, "T4")))
        self.booked(desk, mixed, details=False)
        desk.pay(mixed)
        assert desk.parts() == [
            ("unapplied", "its details are credits and debits, which only a person divides")
        ]

    def test_whose_payments_were_posted_singly_waits_for_a_person(self, desk: Desk) -> None:
        batch = self.batch(desk)
        desk.pay(*batch.payments)
        self.booked(desk, batch, details=False)
        desk.pay(batch)
        assert desk.parts()[-1] == (
            "unapplied",
            "some of its details were posted before, as payments of their own",
        )
        assert (desk.available("C-1001"), desk.available("C-1002")) == (7_000, 3_000)

    def test_eight_senders_bring_the_details_at_once(self, desk: Desk) -> None:
        batch = self.batch(desk)
        self.booked(desk, batch, details=False)

        def send(number: int) -> None:
            sheet = Sheet(ACCOUNT, "EUR", [batch], statement_id=f"N-{number}")
            desk.deliver(sheet)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(16)))
        assert (desk.available("C-1001"), desk.available("C-1002"), self.unapplied(desk)) == (
            7_000,
            3_000,
            500,
        )


class TestLarge:
    def test_a_batch_of_many_parts_is_posted_at_once(self, desk: Desk) -> None:
        deposits = [desk.issue("C-1001" if n % 2 else "C-1002") for n in range(40)]
        parts = tuple(
            Payment(100, structured=deposits[n % 40].reference, end_to_end_id=f"E{n}") for n in range(5_000)
        )
        desk.pay(Batch(parts, bank_reference="RX"))
        assert desk.available("C-1001") + desk.available("C-1002") == 500_000

    def test_sums_that_no_book_can_hold_hold_the_file(self, desk: Desk) -> None:
        deposit = desk.issue()
        huge = [Payment(2**62, structured=deposit.reference, bank_reference=f"R{n}") for n in range(2)]
        file = desk.pay(*huge)
        assert (file.stage, file.held_for) == ("held", "sums")
        assert "expected sums of at most 1000000000000000.00 EUR" in file.reason
        assert desk.available() == 0

    @pytest.mark.parametrize(
        ("error", "sqlstate"),
        [
            (psycopg.errors.NumericValueOutOfRange, "22003"),
            (psycopg.errors.ProgramLimitExceeded, "54000"),
        ],
    )
    def test_what_postgresql_refuses_is_shown_to_a_person(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, error: type[Exception], sqlstate: str
    ) -> None:
        def refuse(*_: object) -> None:
            raise error

        monkeypatch.setattr("activities.bank_pipeline.post_chunk", refuse)
        file = desk.pay(Payment(10_000))
        assert (file.stage, file.held_for) == ("held", "posting")
        assert re.match(r"Lines (\d+) to \1: expected 1 entries to be posted", file.reason)
        assert f"SQLSTATE {sqlstate}" in file.reason


class TestReason:
    def test_what_stood_in_the_file_stays_in_the_database(self, desk: Desk) -> None:
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(1_000)], closing_minor=1_000), kind="camt.053")
        file = desk.work_off(content.replace(b">0.00</Amt>", b">NL26MOCK0000009001</Amt>", 1))
        assert file.stage == "held"
        assert "NL26MOCK0000009001" not in file.reason
        assert "NL26MOCK0000009001" in str(desk.rows("SELECT reason FROM bank_file")[0]["reason"])

    @pytest.mark.parametrize("cut", [b"<IBAN>", b"<Id>"])
    def test_what_the_parser_quotes_of_a_broken_file_stays_there_too(self, desk: Desk, cut: bytes) -> None:
        content = camt(Sheet(ACCOUNT, "EUR", [Payment(1_000)]))
        assert cut in content
        file = desk.work_off(content.replace(cut, cut[:-1], 1))
        assert (file.stage, file.held_for) == ("held", "structure")
        assert "expected well-formed XML, found something else" in file.reason
        assert ACCOUNT not in file.reason

    @pytest.mark.parametrize(
        "number", ["NL26'MOCK0000009001", "NL26'\"MOCK0000009001", "NL26\\'MOCK0000009001"]
    )
    def test_a_quotation_mark_in_it_changes_nothing(self, desk: Desk, number: str) -> None:
        file = desk.deliver(Sheet(number, "EUR", [Payment(1_000)]))
        assert file.held_for == "account"
        assert "MOCK0000009001" not in file.reason

    def test_a_quotation_that_is_cut_off_is_left_out_too(self, desk: Desk) -> None:
        desk.deliver(Sheet("NL26MOCK0000009001", "EUR", [Payment(1_000)]))
        with psycopg.connect(desk.url) as connection:
            connection.execute("UPDATE bank_file SET reason = left(reason, strpos(reason, '9001') + 3)")
        [row] = desk.rows("SELECT sha256, reason FROM bank_file")
        assert str(row["reason"]).endswith("found 'NL26MOCK0000009001")
        assert "9001" not in desk.files.look(str(row["sha256"])).reason
