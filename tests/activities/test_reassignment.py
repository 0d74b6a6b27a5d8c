"""A credit that went to the wrong place is moved by two people: once, with its history, and nothing is rewritten."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from sqlmodel import Session
from temporalio.exceptions import ApplicationError

from activities.deposits import Cancel, Expire, Reload
from activities.explain import NoSuchEntry
from activities.reassignment import Decide, Decided, Reassignments
from activities.reassignment_proposal import (
    NoCredit,
    NoTarget,
    OpenAlready,
    OtherPlace,
    Proposed,
    ReassignInput,
    SameTarget,
    SeveralCredits,
    StillComing,
    TakenBack,
    propose,
)
from bankfiles.sample import Batch, Payment
from prepay.deposits import CancelDeposit
from prepay.reassignments import DecideReassignment
from rules.deposit import DepositState
from tests.activities.test_bank_files import Desk, desk
from tests.conftest import Database, check_book

__all__ = ["desk"]

PAYER = Payment(1).payer_account
APPROVE = {"operator": "Second", "reason": "the customer confirms it"}


@dataclass
class Case:
    """A payment of 100.00 that was booked to `wrong` and belongs to `right`."""

    desk: Desk
    wrong: DepositState
    right: DepositState

    def propose(self, to: str = "", **given: Any) -> Proposed:
        [row] = self.desk.rows("SELECT id FROM bank_entry ORDER BY id LIMIT 1")
        raw = {
            "entry": row["id"],
            "to": to or self.right.number,
            "by": "First",
            "reason": "their letter",
            **given,
        }
        with Session(self.desk.engine) as session, session.begin():
            return propose(session, ReassignInput(**raw))

    def decide(self, move: Proposed, signal: Any = "approve", **decision: str) -> Decided:
        given = DecideReassignment(**{**APPROVE, **decision})
        return Reassignments(self.desk.engine).decide(Decide(move=move.move, signal=signal, decision=given))

    def move(self, to: str = "") -> Decided:
        return self.decide(self.propose(to))

    def row(self, deposit: DepositState) -> tuple[object, object]:
        row = self.desk.deposit(deposit)
        return row["stage"], row["credited_minor"]

    def told(self, deposit: DepositState) -> list[str]:
        """The deposit's workflow is rung; the kinds of what its customer has been told."""
        row = self.desk.deposit(deposit)
        self.desk.deposits.reload(Reload(workflow_id=str(row["workflow_id"]), at=datetime.now(UTC)))
        query = "SELECT kind FROM notice WHERE deposit_id = %s ORDER BY id"
        return [str(notice["kind"]) for notice in self.desk.rows(query, deposit.deposit)]


def case(desk: Desk, customer: str = "C-1002", **payment: Any) -> Case:
    case = Case(desk, desk.issue(), desk.issue(customer))
    desk.pay(Payment(10_000, "R-1", structured=case.wrong.reference, **payment))
    return case


class TestToAnotherCustomer:
    def test_all_of_it_goes_with_both_deposits_and_the_balance(self, desk: Desk) -> None:
        moved = case(desk)
        assert moved.move().state.stage == "applied"
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)
        assert (moved.row(moved.wrong), moved.row(moved.right)) == (("issued", 0), ("credited", 10_000))

    def test_what_was_spent_becomes_owed(self, desk: Desk) -> None:
        moved = case(desk)
        desk.rows("SELECT ledger_pay('order-1', 'C-1001', 'nimbus-eu', 'EUR', 4000)")
        moved.move()
        [balance] = desk.rows("SELECT * FROM ledger_balance WHERE customer = 'C-1001' AND currency = 'EUR'")
        assert (balance["available_minor"], balance["receivable_minor"]) == (0, 4_000)
        assert desk.available("C-1002") == 10_000

    def test_the_book_names_the_move_and_the_deposit(self, desk: Desk) -> None:
        moved = case(desk)
        move = moved.propose()
        moved.decide(move)
        query = "SELECT key, deposit, cause FROM ledger_transfer WHERE kind = 'move'"
        assert desk.rows(query) == [
            {"key": f"move:{move.move}", "deposit": moved.right.number, "cause": f"reassignment-{move.move}"}
        ]

    def test_to_the_balance_itself(self, desk: Desk) -> None:
        moved = case(desk)
        moved.move("C-1002")
        assert (desk.available("C-1002"), moved.row(moved.right)) == (10_000, ("issued", 0))

    def test_a_credit_that_came_on_its_value_date(self, desk: Desk) -> None:
        moved = case(desk, value_on=date(2079, 1, 1))
        with pytest.raises(StillComing, match="on its value date, 2079-01-01: move it"):
            moved.propose()
        desk.rows("SELECT ledger_post_due_credits('2999-01-01')")
        moved.move()
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)

    def test_again_and_back(self, desk: Desk) -> None:
        moved = case(desk)
        moved.move()
        moved.move("C-1002")
        moved.move(moved.wrong.number)
        assert (desk.available(), desk.available("C-1002")) == (10_000, 0)
        assert (moved.row(moved.wrong), moved.row(moved.right)) == (("credited", 10_000), ("issued", 0))

    def test_one_of_several_credits_of_a_payment(self, desk: Desk) -> None:
        first, second, right = desk.issue(), desk.issue(), desk.issue("C-1002")
        desk.pay(Payment(20_000, free=(f"{first.reference} {second.reference}",)))
        moved = Case(desk, first, right)
        with pytest.raises(
            SeveralCredits, match=r"say which by `--credit` \(credit \d+, 100.00 EUR for deposit D-"
        ):
            moved.propose()
        [row] = desk.rows("SELECT id FROM credit WHERE deposit_id = %s", second.deposit)
        moved.decide(moved.propose(credit=row["id"]))
        assert [moved.row(deposit) for deposit in (first, second, right)] == [
            ("credited", 10_000), ("issued", 0), ("credited", 10_000),
        ]  # fmt: skip


class TestToAnotherDeposit:
    def test_of_the_customer_moves_nothing_in_the_book(self, desk: Desk) -> None:
        moved = case(desk, "C-1001")
        moved.move()
        assert (moved.row(moved.wrong), moved.row(moved.right)) == (("issued", 0), ("credited", 10_000))
        assert desk.available() == 10_000
        assert desk.rows("SELECT id FROM ledger_transfer WHERE kind = 'move'") == []

    def test_before_its_value_date(self, desk: Desk) -> None:
        moved = case(desk, "C-1001", value_on=date(2079, 1, 1))
        moved.move()
        assert moved.told(moved.right) == ["issued", "credited"]
        [notice] = desk.rows("SELECT body FROM notice WHERE kind = 'credited'")
        assert "100.00 EUR of it will be on your balance on its value date" in str(notice["body"])

    def test_then_to_another_customer(self, desk: Desk) -> None:
        moved = case(desk, "C-1001")
        moved.move()
        moved.move("C-1002")
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)


class TestNotices:
    def test_the_one_hears_of_a_mistake_and_the_other_of_a_payment(self, desk: Desk) -> None:
        moved = case(desk)
        assert moved.told(moved.wrong) == ["issued", "credited"]
        moved.move()
        assert moved.told(moved.wrong) == ["issued", "credited", "moved_away"]
        assert moved.told(moved.right) == ["issued", "credited"]
        [notice] = desk.rows("SELECT subject, body FROM notice WHERE kind = 'moved_away'")
        assert notice["subject"] == f"A payment was booked to {moved.wrong.number} by mistake"
        assert "payment of 100.00 EUR was booked" in str(notice["body"])
        assert "0.00 EUR remain credited" in str(notice["body"])

    def test_what_the_bank_takes_back_later_is_told_as_that(self, desk: Desk) -> None:
        moved = case(desk)
        moved.move()
        moved.told(moved.right)
        desk.pay(Payment(-10_000, "R-1", reversal=True))
        assert moved.told(moved.right) == ["issued", "credited", "taken_back"]
        assert moved.told(moved.wrong) == ["issued", "moved_away"]

    @pytest.mark.parametrize("stage", ["expired", "cancelled"])
    def test_a_deposit_that_was_closed_before_its_money_came_is_closed_again(
        self, desk: Desk, stage: str
    ) -> None:
        moved = Case(desk, desk.issue(), desk.issue("C-1002"))
        deposit, at = moved.wrong.deposit, moved.wrong.expires_at
        if stage == "expired":
            desk.deposits.expire(Expire(deposit=deposit, at=at))
        else:
            decision = CancelDeposit(operator="First", reason="ordered twice")
            desk.deposits.cancel(Cancel(deposit=deposit, decision=decision, at=at))
        desk.pay(Payment(10_000, structured=moved.wrong.reference))
        assert moved.row(moved.wrong) == ("credited", 10_000)
        moved.move()
        assert moved.row(moved.wrong) == (stage, 0)
        assert moved.told(moved.wrong) == ["issued", stage, "moved_away"]

    def test_both_deposits_are_rung(self, desk: Desk) -> None:
        moved = case(desk)
        desk.change("DELETE FROM outbox")
        move = moved.propose()
        assert [row["workflow_id"] for row in desk.rows("SELECT * FROM outbox")] == [
            f"reassignment-{move.move}"
        ]
        moved.decide(move)
        rung = {row["workflow_id"] for row in desk.rows("SELECT * FROM outbox WHERE version > 1")}
        assert rung == {desk.deposit(d)["workflow_id"] for d in (moved.wrong, moved.right)}


class TestPause:
    def test_the_payer_waits_for_a_person(self, desk: Desk) -> None:
        moved = case(desk)
        move = moved.propose()
        moved.decide(move)
        [pause] = desk.rows("SELECT * FROM payer_pause")
        assert (pause["entity"], pause["payer_account"], pause["paused_by"]) == ("nimbus-eu", PAYER, "Second")
        assert str(pause["reason"]).startswith(f"reassignment-{move.move} moved money of entry ")
        desk.pay(Payment(500, "R-2", structured=moved.right.reference))
        assert str(desk.parts()[-1][1]).endswith("; automatic matching of this payer pauses")

    def test_one_that_is_paused_already_stays_as_it_is(self, desk: Desk) -> None:
        moved = case(desk, "C-1001")
        moved.move()
        moved.move("C-1002")
        assert len(desk.rows("SELECT id FROM payer_pause")) == 1

    def test_a_payer_whom_the_bank_does_not_tell_cannot_pause(self, desk: Desk) -> None:
        moved = case(desk, payer_account="")
        assert moved.move().state.stage == "applied"
        assert desk.rows("SELECT id FROM payer_pause") == []


class TestPropose:
    def test_it_moves_nothing_yet(self, desk: Desk) -> None:
        proposed = case(desk).propose()
        assert (str(proposed.money), desk.available(), desk.available("C-1002")) == ("100.00 EUR", 10_000, 0)
        assert proposed.workflow_id == f"reassignment-{proposed.move}"

    def test_one_at_a_time(self, desk: Desk) -> None:
        moved = case(desk)
        first = moved.propose()
        with pytest.raises(
            OpenAlready, match=rf"First proposed to move .*: decide reassignment-{first.move} first"
        ):
            moved.propose(by="Second")
        moved.decide(first, "refuse")
        assert moved.propose().move > first.move

    def test_of_many_at_once_one_stands(self, desk: Desk) -> None:
        moved = case(desk)

        def attempt(_: int) -> int:
            try:
                return moved.propose().move
            except OpenAlready:
                return 0

        with ThreadPoolExecutor(4) as pool:
            stand = [move for move in pool.map(attempt, range(4)) if move]
        assert len(stand) == len(desk.rows("SELECT id FROM credit_move")) == 1

    def test_unknown_things_are_refused(self, desk: Desk) -> None:
        moved = case(desk)
        with pytest.raises(NoSuchEntry, match="There is no bank entry 99; "):
            moved.propose(entry=99)
        with pytest.raises(NoCredit, match="There is no credit of part 99 of bank entry "):
            moved.propose(part=99)
        with pytest.raises(NoCredit, match="There is no credit 99 of bank entry "):
            moved.propose(credit=99)
        with pytest.raises(NoTarget, match="There is no deposit and no customer D-9; "):
            moved.propose("D-9")

    def test_an_entry_that_gave_nothing_is_refused(self, desk: Desk) -> None:
        desk.pay(Payment(10_000))
        with pytest.raises(NoCredit, match=r"There is no credit of bank entry .* says where its money is"):
            Case(desk, desk.issue(), desk.issue()).propose()

    def test_of_several_parts_one_must_be_named(self, desk: Desk) -> None:
        mine, right = desk.issue(amount="300.00"), desk.issue("C-1002")
        parts = [Payment(minor, f"P-{minor}", structured=mine.reference) for minor in (10_000, 20_000)]
        desk.pay(Batch(tuple(parts)))
        moved = Case(desk, mine, right)
        with pytest.raises(SeveralCredits, match=r"say which by `--part` \(part \d+, 100.00 EUR for deposit"):
            moved.propose()
        [row] = desk.rows("SELECT part_id FROM credit WHERE amount_minor = 10000")
        moved.decide(moved.propose(part=row["part_id"]))
        assert (moved.row(mine), moved.row(right)) == (("part_paid", 20_000), ("credited", 10_000))

    def test_money_stays_with_its_entity_and_in_its_currency(self, desk: Desk) -> None:
        moved = case(desk)
        for to in ("C-2001", desk.issue("C-2001", currency="USD").number):
            with pytest.raises(OtherPlace, match=f"The credit is EUR with nimbus-eu, and {to} is not"):
                moved.propose(to)

    def test_where_it_is_already_is_refused(self, desk: Desk) -> None:
        moved = case(desk)
        with pytest.raises(SameTarget, match=f"deposit {moved.wrong.number} of customer C-1001 already"):
            moved.propose(moved.wrong.number)
        moved.move("C-1001")
        with pytest.raises(SameTarget, match="the balance of customer C-1001 already"):
            moved.propose("C-1001")

    def test_what_the_bank_took_back_is_refused(self, desk: Desk) -> None:
        moved = case(desk)
        desk.pay(Payment(-10_000, "R-1", reversal=True))
        with pytest.raises(TakenBack, match=r"has taken the money of entry .* back"):
            moved.propose()


class TestDecide:
    @pytest.mark.parametrize("operator", ["First", " FIRST "])
    def test_the_proposer_cannot_approve(self, desk: Desk, operator: str) -> None:
        moved = case(desk)
        decided = moved.decide(moved.propose(), operator=operator)
        assert decided.refused == "you proposed it already; somebody else must approve it"
        assert (decided.state.stage, desk.available()) == ("proposed", 10_000)

    def test_the_proposer_may_take_it_back(self, desk: Desk) -> None:
        moved = case(desk)
        decided = moved.decide(moved.propose(), "refuse", operator="First", reason="a mistake of mine")
        assert (decided.refused, decided.state.stage, desk.available()) == ("", "refused", 10_000)
        assert desk.rows("SELECT id FROM payer_pause") == []

    def test_twice_applies_once(self, desk: Desk) -> None:
        moved = case(desk)
        move = moved.propose()
        assert [moved.decide(move).refused for _ in range(2)] == ["", ""]
        late = moved.decide(move, operator="Third")
        assert late.refused == "the move is applied already, by Second; propose another one"
        assert (
            moved.decide(move, "refuse").refused
            == "the move is applied already, by Second; propose another one"
        )
        assert (desk.available("C-1002"), moved.row(moved.right)) == (10_000, ("credited", 10_000))

    def test_many_at_once_apply_once(self, desk: Desk) -> None:
        moved = case(desk)
        move = moved.propose()
        with ThreadPoolExecutor(4) as pool:
            refused = list(pool.map(lambda n: moved.decide(move, operator=f"Op {n}").refused, range(4)))
        assert len([why for why in refused if not why]) == 1
        assert (desk.available(), desk.available("C-1002")) == (0, 10_000)

    def test_what_the_bank_took_back_meanwhile_is_not_moved(self, desk: Desk) -> None:
        moved = case(desk)
        move = moved.propose()
        desk.pay(Payment(-10_000, "R-1", reversal=True))
        decided = moved.decide(move)
        assert decided.refused.startswith("the bank has taken the money back meanwhile")
        assert moved.decide(move, "refuse").state.stage == "refused"

    def test_beside_a_reversal_one_of_them_is_first_and_the_book_holds(
        self, desk: Desk, database: Database
    ) -> None:
        moved = case(desk)
        move = moved.propose()
        with ThreadPoolExecutor(2) as pool:
            approving = pool.submit(moved.decide, move)
            desk.pay(Payment(-10_000, "R-1", reversal=True))
            refused = approving.result().refused
        assert (desk.available(), desk.available("C-1002")) == (0, 0)
        assert (refused == "") == (desk.rows("SELECT id FROM ledger_transfer WHERE kind = 'move'") != [])
        check_book(database)

    def test_a_proposal_that_nobody_wrote_is_unknown(self, desk: Desk) -> None:
        for name in ("reassignment-9", "reassignment-x", "reassignment-" + "9" * 19, "reassignment-²"):
            with pytest.raises(ApplicationError, match="There is no reassignment"):
                Reassignments(desk.engine).look(name)


class TestReversal:
    def test_takes_a_moved_credit_from_where_it_is(self, desk: Desk) -> None:
        moved = case(desk)
        moved.move()
        desk.pay(Payment(-10_000, "R-1", reversal=True))
        assert (desk.available(), desk.available("C-1002")) == (0, 0)
        assert (moved.row(moved.wrong), moved.row(moved.right)) == (("issued", 0), ("issued", 0))

    def test_that_quotes_the_first_deposits_reference_still_finds_it(self, desk: Desk) -> None:
        moved = case(desk)
        moved.move()
        recall = Payment(-10_000, "R-2", reversal=True)
        desk.pay(replace(recall, free=(f"recall {moved.wrong.reference}",)))
        assert desk.available("C-1002") == 0


class TestKept:
    def attempt(self, database: Database, statement: str) -> None:
        with psycopg.connect(database.app_url) as connection:
            connection.execute(statement.encode())

    @pytest.mark.parametrize(
        "attempt",
        ["DELETE FROM credit_move", "UPDATE credit_move SET reason = 'another'", "TRUNCATE credit_move"],
    )
    def test_the_application_deletes_and_rewrites_nothing(self, database: Database, attempt: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            self.attempt(database, attempt)

    @pytest.mark.parametrize("by", ["'First'", "' FIRST '", "NULL"])
    def test_the_database_too_wants_a_second_person(self, desk: Desk, database: Database, by: str) -> None:
        case(desk).propose()
        with pytest.raises(psycopg.errors.CheckViolation):
            self.attempt(
                database,
                "UPDATE credit_move SET stage = 'applied', decided_reason = 'they agree', decided_at = now(), "
                f"decided_by = {by}",
            )


class TestInvariants:
    @pytest.mark.breaks_the_book
    @pytest.mark.parametrize(
        ("breach", "check"),
        [
            ("UPDATE credit SET customer_id = (SELECT id FROM customer WHERE number = 'C-1001')", "placed"),
            ("UPDATE credit SET deposit_id = NULL", "credit-moves"),
            ("UPDATE deposit SET moved_away_minor = 1", "deposits"),
            ("UPDATE ledger_lot SET live = false", "placed"),
        ],
    )
    def test_a_moved_credit_that_is_not_where_it_should_be_is_found(
        self, desk: Desk, database: Database, breach: str, check: str
    ) -> None:
        case(desk).move()
        check_book(database)
        with psycopg.connect(database.owner_url) as connection:
            connection.execute(breach.encode())
        with pytest.raises(AssertionError, match=check):
            check_book(database)
