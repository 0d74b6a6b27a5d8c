"""From a ready payout to the bank and back, on a real database: sent once, in one file, settled once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlmodel import Session

from activities.payouts import Collect, DecideFile, Payouts
from activities.screening import FreezeInput, freeze_customer
from bankfiles.sample import Batch, Payment, Sheet
from rules.payment_file import PaymentFileState
from settings import Settings
from tests.activities.test_bank_files import ACCOUNT, Desk, desk
from tests.payouts import Ready, approve, ready_payout

__all__ = ["desk"]


class Cashier:
    """The desk, with what it pays."""

    def __init__(self, desk: Desk, outbox: Path) -> None:
        self.desk, self.outbox = desk, outbox
        self.payouts = Payouts(desk.engine, Settings(outbox=outbox))
        self.fund("C-1001", 100_000)

    def fund(self, customer: str, amount_minor: int) -> None:
        deposit = self.desk.issue(customer, f"{amount_minor / 100:.2f}")
        self.desk.pay(Payment(amount_minor, f"IN-{deposit.number}", structured=deposit.reference))

    def ready(self, amount_minor: int = 1_000, customer: str = "C-1001", **given: Any) -> Ready:
        with psycopg.connect(self.desk.url) as connection:
            return ready_payout(connection, customer, amount_minor, **given)

    def run(self) -> list[PaymentFileState]:
        """All that is ready goes to the bank."""
        made = self.payouts.collect(Collect(at_once=True)).files
        return [self.payouts.send(int(name.removeprefix("payment-file-"))) for name in made]

    def payout(self, ready: Ready) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payout WHERE id = %s", ready.payout)[0])

    def stage(self, ready: Ready) -> tuple[object, object]:
        """Of the payout and of its ticket."""
        refund = self.desk.rows("SELECT stage FROM refund WHERE id = %s", ready.refund)[0]
        return self.payout(ready)["stage"], refund["stage"]

    def next_of(self, ready: Ready) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payout WHERE previous_id = %s", ready.payout)[0])

    def file(self, state: PaymentFileState) -> dict[str, Any]:
        return dict(self.desk.rows("SELECT * FROM payment_file WHERE id = %s", state.file)[0])


@pytest.fixture
def cashier(desk: Desk, tmp_path: Path) -> Cashier:
    return Cashier(desk, tmp_path / "outbox")


def debit(ready: Ready, reference: str = "", **given: Any) -> Payment:
    """The bank books it."""
    facts = {"code": "PMNT/ICDT/ESCT", "end_to_end_id": ready.end_to_end_id} | given
    return Payment(-ready.amount_minor, reference or f"OUT-{ready.payout}", **facts)


def credit(ready: Ready, fee_minor: int = 0, **given: Any) -> Payment:
    """It comes back."""
    facts = {"code": "PMNT/ICDT/RRTN", "end_to_end_id": ready.end_to_end_id, "return_reason": "AC04"} | given
    return Payment(ready.amount_minor - fee_minor, f"BACK-{ready.payout}", **facts)


class TestTheWayOfAPayout:
    def test_to_the_bank_and_settled(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        (file,) = cashier.run()
        assert (file.stage, file.payouts, file.sum_minor, file.open) == ("sent", 1, 1_000, 1)
        assert cashier.stage(ready) == ("sent", "sent")
        written = (cashier.outbox / f"{file.message_id}.xml").read_bytes()
        assert written == bytes(cashier.file(file)["content"])
        cashier.desk.pay(debit(ready))
        assert cashier.stage(ready) == ("settled", "settled")
        assert cashier.desk.parts()[-1] == ("payout", f"it books payout {ready.payout}")
        row = cashier.file(file)
        assert (row["stage"], row["ended_at"] is not None) == ("accepted", True)


class TestCollect:
    def test_each_payout_goes_into_one_file_whoever_collects(self, cashier: Cashier) -> None:
        for amount in range(1_000, 1_020):
            cashier.ready(amount)
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda _: cashier.payouts.collect(Collect(at_once=True)).files, range(6)))
        assert sum(len(files) for files in made) == 1
        assert cashier.desk.rows("SELECT payouts, sum_minor FROM payment_file") == [
            {"payouts": 20, "sum_minor": sum(range(1_000, 1_020))}
        ]

    def test_what_was_ready_after_the_last_cut_off_waits(self, cashier: Cashier) -> None:
        early, late = cashier.ready(), cashier.ready(ready="now()")
        assert len(cashier.payouts.collect(Collect()).files) == 1
        assert (cashier.payout(early)["stage"], cashier.payout(late)["stage"]) == ("sent", "ready")

    def test_a_new_account_cools_whatever_an_operator_wants(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.desk.change(
            "UPDATE payout SET not_before = now() + interval '1 h' WHERE id = %s", ready.payout
        )
        assert cashier.run() == []

    def test_other_payments_than_sepas_have_a_file_of_their_own(self, cashier: Cashier) -> None:
        cashier.ready(100)
        abroad = {"country": "GB", "town": "London", "bic": "NWBKGB2L"}
        cashier.ready(200, payee=("ACME Ltd", "CH9300762011623852957"), **abroad | {"bic": "UBSWCHZH80A"})
        cashier.ready(
            300, payee=("ACME LLC", "AE070331234567890123456"), country="AE", town="Dubai", bic="EBILAEAD",
            purpose="GDDS",
        )  # fmt: skip
        assert sorted(file.payouts for file in cashier.run()) == [1, 2]

    def test_what_no_bank_takes_stays_and_is_told(self, cashier: Cashier) -> None:
        good, bad = cashier.ready(), cashier.ready(payee=("京东", "DE02120300000000202051"))
        state = cashier.payouts.collect(Collect(at_once=True))
        assert (cashier.payout(good)["stage"], cashier.payout(bad)["stage"]) == ("sent", "ready")
        assert [p.startswith(f"Payout {bad.payout} stays: The payee's name") for p in state.problems] == [
            True
        ]
        assert [due.ready for due in state.accounts] == [1]

    def test_a_frozen_customer_is_not_paid(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        with Session(cashier.desk.engine) as session, session.begin():
            freeze_customer(
                session, FreezeInput(customer="C-1001", by="Third Operator", reason="a sanctions list")
            )
        assert cashier.run() == []
        assert cashier.payout(ready)["stage"] == "ready"


class TestSend:
    def test_again_writes_nothing_again(self, cashier: Cashier) -> None:
        cashier.ready()
        (file,) = cashier.run()
        target = cashier.outbox / f"{file.message_id}.xml"
        target.unlink()
        assert cashier.payouts.send(file.file).stage == "sent"
        assert not target.exists()

    @pytest.mark.parametrize("dies_in", ["_stage", "_move"])
    def test_dying_before_the_row_knows_gives_the_same_file_once(
        self, cashier: Cashier, dies_in: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cashier.ready()
        (made,) = cashier.payouts.collect(Collect(at_once=True)).files
        file = int(made.removeprefix("payment-file-"))
        whole = getattr(Payouts, dies_in)

        def die(*given: Any) -> None:
            whole(*given)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Payouts, dies_in, die)
            with pytest.raises(KeyboardInterrupt):
                cashier.payouts.send(file)
        bank = cashier.outbox.parent / "bank"
        bank.mkdir()
        for path in cashier.outbox.glob("*.xml"):
            path.rename(bank / path.name)
        assert cashier.payouts.send(file).stage == "sent"
        for path in cashier.outbox.glob("*.xml"):
            path.rename(bank / path.name)
        assert len(list(bank.iterdir())) == 1

    def test_what_somebody_changed_is_not_sent(self, cashier: Cashier) -> None:
        cashier.ready()
        (made,) = cashier.payouts.collect(Collect(at_once=True)).files
        file = int(made.removeprefix("payment-file-"))
        with Session(cashier.desk.engine) as session, session.begin():
            cashier.payouts._stage(session, file, cashier.outbox)
        (staged,) = (cashier.outbox / ".sending").iterdir()
        staged.write_bytes(staged.read_bytes().replace(b"10.00", b"99.00"))
        assert "its SHA-256 differs" in cashier.payouts.send(file).problem
        assert list(cashier.outbox.glob("*.xml")) == []

    def test_without_a_folder_it_waits(self, cashier: Cashier) -> None:
        cashier.ready()
        (made,) = cashier.payouts.collect(Collect(at_once=True)).files
        file = int(made.removeprefix("payment-file-"))
        state = Payouts(cashier.desk.engine, Settings(outbox=None)).send(file)
        assert (state.stage, state.needs_human) == ("written", True)
        assert state.problem.startswith("PREPAY_OUTBOX is not set")

    def test_into_what_is_no_folder_it_waits(self, cashier: Cashier) -> None:
        cashier.ready()
        cashier.outbox.write_text("a file")
        (state,) = cashier.run()
        assert (state.stage, state.problem) == ("written", "The outbox cannot be written: Not a directory.")
        cashier.outbox.unlink()
        assert cashier.payouts.send(state.file).stage == "sent"

    def test_an_operator_sends_the_same_bytes_again_once_each_decision(self, cashier: Cashier) -> None:
        cashier.ready()
        (file,) = cashier.run()
        given = DecideFile(
            file=file.file,
            key="attestation 1",
            signal="resend",
            operator="Second Operator",
            reason="the bank lost it",
        )
        assert [cashier.payouts.decide(given).refused for _ in range(2)] == ["", ""]
        assert cashier.payouts.send(file.file).resent == 1
        first, second = (cashier.outbox / f"{file.message_id}{end}.xml" for end in ("", "-2"))
        assert first.read_bytes() == second.read_bytes()


class TestBooked:
    def test_as_one_batch(self, cashier: Cashier) -> None:
        several = [cashier.ready(amount) for amount in (1_000, 2_000, 3_000)]
        (file,) = cashier.run()
        booked = tuple(debit(one) for one in several)
        cashier.desk.pay(Batch(booked, "B-1", details=False, payment_information_id=file.message_id))
        assert [cashier.stage(one) for one in several] == [("settled", "settled")] * 3
        cashier.desk.deliver(
            Sheet(
                ACCOUNT,
                "EUR",
                [Batch(booked, "B-1", payment_information_id=file.message_id)],
                opening_minor=100_000,
                closing_minor=94_000,
            ),
            kind="camt.053",
        )

    def test_a_batch_of_another_sum_is_for_a_person(self, cashier: Cashier) -> None:
        several = [cashier.ready(amount) for amount in (1_000, 2_000)]
        (file,) = cashier.run()
        cashier.desk.pay(
            Batch((Payment(-2_999, "B-1"),), "B-1", details=False, payment_information_id=file.message_id)
        )
        assert [cashier.payout(one)["stage"] for one in several] == ["sent", "sent"]
        state, reason = cashier.desk.parts()[-1]
        assert (state, str(reason).startswith("it names a payment file of ours")) == ("house", True)

    def test_once_in_three_kinds_of_files(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        for kind in ("camt.052", "camt.054", "camt.053"):
            sheet = Sheet(ACCOUNT, "EUR", [debit(ready)], opening_minor=100_000, closing_minor=99_000)
            cashier.desk.deliver(sheet, kind=kind)
        assert cashier.stage(ready) == ("settled", "settled")
        assert [state for state, _ in cashier.desk.parts()] == ["credited", "payout"]

    def test_shown_before_it_is_booked_settles_nothing(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready, status="PDNG"))
        assert cashier.payout(ready)["stage"] == "sent"
        cashier.desk.pay(debit(ready))
        assert cashier.payout(ready)["stage"] == "settled"

    def test_booked_twice_is_for_a_person(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready), debit(ready, "OUT-AGAIN"))
        states = [state for state, _ in cashier.desk.parts()]
        assert states == ["credited", "payout", "house"]
        assert "settled already" in str(cashier.desk.parts()[-1][1])

    @pytest.mark.parametrize("given", [{"amount": 999}, {"end_to_end_id": "R-2026-999999-1"}])
    def test_a_debit_that_is_no_payout_stays_unexplained(
        self, cashier: Cashier, given: dict[str, Any]
    ) -> None:
        ready = cashier.ready()
        cashier.run()
        amount = given.get("amount", 1_000)
        name = given.get("end_to_end_id", ready.end_to_end_id)
        cashier.desk.pay(Payment(-amount, "OUT", code="PMNT/ICDT/ESCT", end_to_end_id=name))
        assert (cashier.payout(ready)["stage"], cashier.desk.parts()[-1][0]) == ("sent", "house")


class TestCameBack:
    @pytest.mark.parametrize("fee_minor", [0, 5])
    def test_after_it_was_booked(self, cashier: Cashier, fee_minor: int) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready))
        cashier.desk.pay(credit(ready, fee_minor))
        assert cashier.stage(ready) == ("returned", "returned")
        row, again = cashier.payout(ready), cashier.next_of(ready)
        assert (row["reason_code"], row["reason"], row["fee_minor"]) == (
            "AC04",
            "the account is closed",
            fee_minor,
        )
        assert (again["stage"], again["attempt"], again["amount_minor"], again["payee_id"]) == (
            "planned",
            2,
            1_000,
            None,
        )
        assert again["end_to_end_id"] == f"{ready.end_to_end_id}.2"
        assert cashier.desk.available() == 99_000

    def test_before_it_was_booked_waits_for_that(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(credit(ready))
        assert cashier.stage(ready) == ("sent", "sent")
        cashier.desk.pay(credit(ready))
        cashier.desk.pay(debit(ready))
        assert cashier.stage(ready) == ("returned", "returned")
        assert [state for state, _ in cashier.desk.parts()] == ["credited", "payout", "payout"]

    def test_in_one_file_with_its_debit_in_any_order(self, cashier: Cashier) -> None:
        first, second = cashier.ready(), cashier.ready()
        cashier.run()
        cashier.desk.pay(credit(first), debit(first), debit(second), credit(second))
        assert [cashier.stage(one) for one in (first, second)] == [("returned", "returned")] * 2

    def test_a_batch_of_them(self, cashier: Cashier) -> None:
        several = [cashier.ready(amount) for amount in (1_000, 2_000)]
        cashier.run()
        cashier.desk.pay(*(debit(one) for one in several))
        cashier.desk.pay(Batch(tuple(credit(one) for one in several), "BACK"))
        assert [cashier.stage(one) for one in several] == [("returned", "returned")] * 2

    def test_twice_is_for_a_person(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready), credit(ready))
        cashier.desk.pay(replace(credit(ready), bank_reference="BACK-AGAIN"))
        assert [state for state, _ in cashier.desk.parts()] == ["credited", "payout", "payout", "unapplied"]

    def test_money_that_only_quotes_it_is_no_return(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready))
        cashier.desk.pay(credit(ready, return_reason="", code="PMNT/RCDT/ESCT"))
        assert (cashier.payout(ready)["stage"], cashier.desk.parts()[-1][0]) == ("settled", "unapplied")

    def test_what_is_tried_again_is_paid(self, cashier: Cashier) -> None:
        ready = cashier.ready()
        cashier.run()
        cashier.desk.pay(debit(ready), credit(ready))
        with psycopg.connect(cashier.desk.url) as connection:
            approve(connection, ready.refund)
        cashier.desk.change(
            "UPDATE payout SET stage = 'ready', ready_at = now(),"
            " payee_id = (SELECT payee_id FROM payout WHERE id = %s) WHERE previous_id = %s",
            ready.payout, ready.payout,
        )  # fmt: skip
        again = cashier.next_of(ready)
        cashier.run()
        cashier.desk.pay(replace(debit(ready, "OUT-2"), end_to_end_id=str(again["end_to_end_id"])))
        assert cashier.stage(ready) == ("returned", "settled")


class TestAtOnce:
    def test_files_with_the_same_entries_settle_each_payout_once(self, cashier: Cashier) -> None:
        several = [cashier.ready(amount) for amount in range(1_000, 1_010)]
        cashier.run()
        sheets = [
            Sheet(ACCOUNT, "EUR", [debit(one) for one in several], statement_id=f"S{n}") for n in range(4)
        ]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(cashier.desk.deliver, sheets))
        assert {cashier.stage(one) for one in several} == {("settled", "settled")}
