"""Receipts without an owner as rows: opened and ended with their parts, applied once, whoever is quicker."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session

from activities.payers import LinkInput, PauseInput, pause, put_link
from activities.receipt_candidates import ranked
from activities.receipt_deciding import Decide
from activities.receipts import ChaseReceipt, Decided, Receipts, UnknownReceipt
from activities.screening import FreezeInput, freeze_customer
from bankfiles.sample import Batch, Payment
from prepay.receipts import ApplyReceipt, DecideApplication, ReturnReceipt, Target
from tests.activities.test_bank_files import Desk, desk

__all__ = ["desk"]

PAYER = Payment(1).payer_account
OPERATOR = {"operator": "First Operator", "reason": "their letter"}


def decide(desk: Desk, part: int, signal: Any, decision: Any, key: str = "") -> Decided:
    given = Decide(part=part, key=key or str(uuid4()), signal=signal, decision=decision)
    return Receipts(desk.engine).decide(given)


def apply(desk: Desk, part: int, *to: Target, key: str = "") -> Decided:
    return decide(desk, part, "apply", ApplyReceipt(**OPERATOR, to=list(to)), key)


def stages(desk: Desk) -> list[object]:
    return [row["stage"] for row in desk.rows("SELECT stage FROM receipt ORDER BY part_id")]


def doorbells(desk: Desk, kind: str) -> int:
    return len(desk.rows("SELECT FROM outbox WHERE workflow_id LIKE %s", f"{kind}-%"))


class TestOpened:
    def test_one_for_each_part_that_nobody_is_credited_with(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(
            Payment(10_000, "R-1", structured=deposit.reference), Payment(300, "R-2"), Payment(400, "R-3")
        )
        assert desk.rows("SELECT entity, currency, amount_minor, stage FROM receipt ORDER BY part_id") == [
            {"entity": "nimbus-eu", "currency": "EUR", "amount_minor": minor, "stage": "unapplied"}
            for minor in (300, 400)
        ]
        assert doorbells(desk, "receipt") == 2

    def test_once_however_often_it_is_told(self, desk: Desk) -> None:
        for kind in ("camt.054", "camt.053"):
            from bankfiles.sample import Sheet
            from tests.activities.test_bank_files import ACCOUNT

            desk.deliver(Sheet(ACCOUNT, "EUR", [Payment(300, "R-1")], closing_minor=300), kind=kind)
        assert stages(desk) == ["unapplied"]
        assert doorbells(desk, "receipt") == 1


class TestEnded:
    def test_by_a_lump_sums_details(self, desk: Desk) -> None:
        deposit = desk.issue()
        parts = (Payment(10_000, "P-1", structured=deposit.reference), Payment(500, "P-2"))
        desk.pay(Batch(parts, "B-1", details=False))
        assert stages(desk) == ["unapplied"]
        desk.pay(Batch(parts, "B-1"))
        assert stages(desk) == ["settled", "unapplied"]
        assert desk.available() == 10_000

    def test_a_lump_sum_goes_back_to_nobody(self, desk: Desk) -> None:
        deposit = desk.issue()
        parts = (Payment(10_000, "P-1", structured=deposit.reference), Payment(500, "P-2"))
        desk.pay(Batch(parts, "B-1", details=False))
        refused = decide(desk, 1, "return_to_payer", ReturnReceipt(**OPERATOR)).refused
        assert refused.startswith("the bank does not say which account it came from")
        desk.pay(Batch(parts, "B-1"))
        assert (stages(desk), desk.available()) == (["settled", "unapplied"], 10_000)

    def test_what_goes_back_is_not_credited_when_its_payer_is_linked(self, desk: Desk) -> None:
        deposit = desk.issue()
        with Session(desk.engine) as session, session.begin():
            pause(session, PauseInput(entity="nimbus-eu", account=PAYER, by="First", reason="a test"))
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        decide(desk, 1, "return_to_payer", ReturnReceipt(**OPERATOR))
        with Session(desk.engine) as session, session.begin():
            put_link(session, LinkInput(customer="C-1001", account=PAYER, by="First", reason="a test"))
        assert (stages(desk), desk.available()) == (["returning"], 0)


class TestApplied:
    def test_the_same_decision_twice_is_done_once(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1"))
        for _ in range(2):
            assert apply(desk, 1, Target(customer="C-1001"), key="one").refused == ""
        assert desk.available() == 300

    def test_by_many_at_once_credits_one(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1"))
        customers = ["C-1001", "C-1002"] * 4
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda customer: apply(desk, 1, Target(customer=customer)), customers))
        assert [d.refused == "" for d in done].count(True) == 1
        assert desk.available() + desk.available("C-1002") == 300

    def test_while_its_details_and_a_reversal_come_is_one_of_them(self, desk: Desk) -> None:
        for n in range(4):
            desk.pay(Payment(300, f"R-{n}", end_to_end_id=f"E-{n}"))
        backs = [Payment(-300, f"B-{n}", end_to_end_id=f"E-{n}", reversal=True) for n in range(4)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda work: work(), [
                *(lambda n=n: apply(desk, n + 1, Target(customer="C-1001")) for n in range(4)),
                *(lambda back=back: desk.pay(back) for back in backs),
            ]))  # fmt: skip
        assert desk.available() == 0
        assert set(stages(desk)) <= {"applied", "settled"}

    def test_details_of_a_lump_sum_are_applied_from_its_receipt(self, desk: Desk) -> None:
        parts = (Payment(700, "P-1"), Payment(500, "P-2"))
        desk.pay(Batch(parts, "B-1", details=False))
        desk.pay(Batch(parts, "B-1"))
        assert apply(desk, 2, Target(customer="C-1001")).refused == ""
        assert decide(desk, 3, "return_to_payer", ReturnReceipt(**OPERATOR)).refused == ""
        assert (stages(desk), desk.available()) == (["settled", "applied", "returning"], 700)

    def test_before_its_value_date_it_is_still_coming(self, desk: Desk) -> None:
        from datetime import date

        desk.pay(Payment(300, "R-1", value_on=date(2079, 1, 1)))
        apply(desk, 1, Target(customer="C-1001"))
        assert (stages(desk), desk.available()) == (["applied"], 0)
        desk.rows("SELECT ledger_post_due_credits('2079-01-01')")
        assert desk.available() == 300

    def test_a_stage_that_a_file_has_changed_refuses(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1", end_to_end_id="E-1"))
        desk.pay(Payment(-300, "R-2", end_to_end_id="E-1", reversal=True))
        assert apply(desk, 1, Target(customer="C-1001")).refused.startswith("the receipt is settled already")


class TestTwoPeople:
    @pytest.mark.breaks_the_book
    def test_are_a_constraint_of_the_database_as_well(self, desk: Desk) -> None:
        import psycopg

        desk.pay(Payment(1_000_001, "R-1"))
        apply(desk, 1, Target(customer="C-1001"))
        with pytest.raises(psycopg.errors.CheckViolation, match="receipt_application_takes_two_people"):
            desk.rows(
                "UPDATE receipt_application SET stage = 'applied', decided_by = ' first OPERATOR', decided_reason = 'x'"
            )

    def test_a_currency_without_a_limit_takes_two(self, desk: Desk) -> None:
        with desk.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE contracting_entity SET apply_alone = '{}'")
        desk.pay(Payment(1, "R-1"))
        assert apply(desk, 1, Target(customer="C-1001")).state.application is not None
        approve = DecideApplication(operator="Second Operator", reason="it is theirs", application=1)
        assert decide(desk, 1, "approve", approve).state.stage == "applied"


class TestChased:
    def test_never_backwards_and_never_what_is_settled(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1"))
        receipts = Receipts(desk.engine)
        assert [receipts.chase(ChaseReceipt(part=1, number=n)).chased for n in (2, 1, 9)] == [2, 2, 4]
        apply(desk, 1, Target(customer="C-1001"))
        assert receipts.look("receipt-1").next_chase is None

    @pytest.mark.parametrize("name", ["receipt-", "receipt-x", "receipt-99", "receipt-1" + "0" * 30])
    def test_what_is_no_receipt_is_refused(self, desk: Desk, name: str) -> None:
        with pytest.raises(UnknownReceipt):
            Receipts(desk.engine).look(name)


class TestCandidates:
    def _hint(self, customer: str, deposit: str | None, weight: int, reason: str) -> dict[str, Any]:
        return {"customer": customer, "deposit": deposit, "weight": weight, "reason": reason}

    def test_a_customers_hints_stand_for_their_deposit(self) -> None:
        hints = [self._hint("A", None, 50, "paid before"), self._hint("A", "D-1", 30, "amount"),
                 self._hint("B", None, 60, "linked")]  # fmt: skip
        found = [(c.customer, c.deposit, c.reasons) for c in ranked(hints)]
        assert found == [("A", "D-1", ("paid before", "amount")), ("B", None, ("linked",))]

    def test_the_same_account_before_and_a_name_that_is_alike(self, desk: Desk) -> None:
        deposit = desk.issue()
        desk.pay(Payment(10_000, "R-1", structured=deposit.reference))
        desk.pay(Payment(77, "R-2", payer_name="ACME  Gmbh."))
        [found] = Receipts(desk.engine).look("receipt-2").candidates
        assert (found.customer, found.deposit) == ("C-1001", None)
        assert found.reasons[0] == "money of the same account was credited to them before, once"
        assert found.reasons[1].startswith("its payer has a similar name (")


class TestFrozen:
    FROZEN = "it is frozen: two compliance operators must release it first"

    def _list(self, desk: Desk) -> None:
        with desk.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO screening_subject (kind, value, listed_by) VALUES ('account', %s, 'a test')",
                (PAYER,),
            )

    def test_money_of_a_payer_on_the_list_is_neither_applied_nor_sent_back(self, desk: Desk) -> None:
        self._list(desk)
        desk.pay(Payment(300, "R-1"))
        assert apply(desk, 1, Target(customer="C-1001")).refused.startswith(self.FROZEN)
        assert decide(desk, 1, "return_to_payer", ReturnReceipt(**OPERATOR)).refused.startswith(self.FROZEN)
        assert not Receipts(desk.engine).look("receipt-1").needs_human

    def test_a_payer_who_is_listed_later_is_frozen_when_somebody_decides(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1"))
        self._list(desk)
        for _ in range(2):
            assert apply(desk, 1, Target(customer="C-1001")).refused.startswith(self.FROZEN)
        assert desk.rows("SELECT part_id FROM money_freeze") == [{"part_id": 1}]
        assert desk.rows("SELECT awaits FROM bank_entry_part") == [{"awaits": "screening"}]
        assert doorbells(desk, "freeze") == 1
        desk.rows("UPDATE money_freeze SET ended_at = now() RETURNING id")
        desk.rows("UPDATE bank_entry_part SET awaits = '' RETURNING id")
        assert apply(desk, 1, Target(customer="C-1001")).refused == ""

    def test_nothing_is_credited_to_a_frozen_customer(self, desk: Desk) -> None:
        desk.pay(Payment(300, "R-1"))
        with Session(desk.engine) as session, session.begin():
            freeze_customer(session, FreezeInput(customer="C-1001", by="Third Operator", reason="a letter"))
        done = apply(desk, 1, Target(customer="C-1001"))
        assert done.refused == "customer C-1001 is frozen until two compliance operators release them"
        assert (done.state.application, stages(desk)) == (None, ["unapplied"])
        assert apply(desk, 1, Target(customer="C-1002")).refused == ""
