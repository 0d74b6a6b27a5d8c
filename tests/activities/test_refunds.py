"""Refunds in the database: many at once, the same twice, and what the database refuses whoever writes it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.exceptions import ApplicationError

from activities.payouts import Collect, Payouts
from activities.refund_opening import RefundRefused
from activities.refunds import Look
from settings import Settings
from tests.activities.refund_desk import RefundDesk
from tests.activities.test_bank_files import Desk
from tests.bankfiles.answer_files import pain002
from tests.conftest import Database, engine_of
from tests.ledger.test_concurrency import together

PAY = "SELECT ledger_pay(%s, 'C-1001', 'nimbus-eu', 'EUR', 100)"
APPROVE = """
    INSERT INTO refund_approval (refund_id, content_hash, operator, reason, attestation_id) VALUES (%s, %s, %s, %s, %s)
"""


@pytest.fixture
def desk(set_up: Database) -> Desk:
    engine = engine_of(set_up.app_url)
    return Desk(set_up, engine)


@pytest.fixture
def refunds(desk: Desk) -> RefundDesk:
    return RefundDesk(desk)


def race(refunds: RefundDesk, number: int, payments: int = 50) -> None:
    """So many payments of 1.00 against one refund of half the balance, all at the same moment."""
    refunds.credit(payments * 100)
    before = refunds.desk.available()
    asked = refunds.request(f"{payments / 2:.2f}", request_id=f"race-{number}")

    def work(connection: psycopg.Connection[Any], client: int) -> int:
        if client == payments:
            try:
                return int(refunds.refunds.open(asked).refund)
            except RefundRefused:
                return 0
        try:
            connection.execute(PAY, (f"{number}-{client}",))
        except psycopg.DatabaseError:
            return 0
        return 100

    done = together(refunds.desk.url, payments + 1, work)
    held = payments * 50 if done.pop() else 0
    assert refunds.desk.available() == before - held - sum(done)
    for row in refunds.desk.rows("SELECT id, workflow_id FROM refund WHERE ended_at IS NULL"):
        refunds.decide(refunds.refunds.look(look(row)), "Second Operator", "reject")


def look(row: dict[str, Any]) -> Look:
    return Look(workflow_id=row["workflow_id"], at=datetime.now(UTC))


class TestRace:
    def test_of_payments_and_a_refund_pays_nothing_that_is_not_there(self, refunds: RefundDesk) -> None:
        for number in range(2):
            race(refunds, number)

    @pytest.mark.chaos
    def test_of_payments_and_a_refund_in_a_thousand_rounds(self, refunds: RefundDesk) -> None:
        for number in range(1000):
            race(refunds, number)

    def test_of_two_requests_opens_one_ticket(self, refunds: RefundDesk) -> None:
        refunds.credit(10_000)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(refunds.open, "60.00", request_id=f"r-{n % 2}") for n in range(8)]
            opened = {done.result().number for done in asked if done.exception() is None}
        assert len(opened) == 1
        assert refunds.desk.available() == 4_000


class TestApproving:
    @pytest.mark.parametrize("rounds", [3, pytest.param(1000, marks=pytest.mark.chaos)])
    def test_twice_at_once_by_one_person_counts_once(self, refunds: RefundDesk, rounds: int) -> None:
        refunds.credit(2_000 * 100 * 100)
        for _ in range(rounds):
            state = refunds.open("2000.00")
            decisions = [refunds.decision(state, "Second Operator") for _ in range(4)]
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(refunds.refunds.decide, decisions))
            assert sorted(bool(answer.refused) for answer in answers) == [False, True, True, True]
            assert refunds.look(state).stage == "in_review"
            refunds.decide(state, "Fifth Operator", "reject")

    def test_the_same_decision_again_changes_nothing(self, refunds: RefundDesk) -> None:
        refunds.credit(10_000)
        state = refunds.open("10.00")
        decision = refunds.decision(state, "Second Operator")
        first, again = refunds.refunds.decide(decision), refunds.refunds.decide(decision)
        assert (first.refused, again.refused, again.state.stage) == ("", "", "approved")
        assert len(refunds.desk.rows("SELECT id FROM refund_approval")) == 1

    @pytest.mark.parametrize("signal", ["approve", "reject"])
    def test_and_another_decision_at_once_leaves_one_of_them(self, refunds: RefundDesk, signal: str) -> None:
        refunds.credit(10_000)
        state = refunds.open("10.00")
        both = [
            refunds.decision(state, "Second Operator", "approve"),
            refunds.decision(state, "Fifth Operator", "reject"),
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(refunds.refunds.decide, both if signal == "approve" else both[::-1]))
        assert refunds.look(state).stage == "rejected"
        assert refunds.desk.available() == 10_000


class TestAnotherAccount:
    @pytest.mark.parametrize("named", [False, True])
    def test_entered_again_by_a_step_that_is_tried_again_is_entered_once(
        self, refunds: RefundDesk, named: bool
    ) -> None:
        refunds.credit(10_000, payer_account="")
        state = refunds.open("10.00")
        given = refunds.attachment(state, "DE89370400440532013000", proven=True)
        if not named:
            given = given.model_copy(update={"given": given.given.model_copy(update={"payout": None})})
        first, again = refunds.refunds.attach(given), refunds.refunds.attach(given)
        assert (first.refused, again.refused) == ("", "")
        assert (again.state.stage, again.state.version) == ("in_review", first.state.version)

    COOLING = """
        INSERT INTO refund_policy (entity, currency, valid_from, one_up_to_minor, two_up_to_minor, cooling_hours)
        VALUES ('nimbus-eu', 'EUR', '2026-02-01', 50000, 2000000, 24)
    """

    def test_is_one_that_only_other_money_came_from(self, refunds: RefundDesk) -> None:
        refunds.credit(1, payer_account="NL26MOCK0000009001", payer_name="ACME GmbH")
        refunds.credit(10_000, payer_account="NL96MOCK0000009002", payer_name="ACME GmbH")
        state = refunds.open("100.00")
        assert "send a proof" in refunds.attach(state, "NL26MOCK0000009001").refused
        assert refunds.attach(state, "NL96MOCK0000009002").refused == ""

    def test_cools_from_when_the_ticket_was_to_pay_it(self, refunds: RefundDesk) -> None:
        refunds.desk.change(self.COOLING)
        refunds.credit(10_000)
        state = refunds.open("10.00")
        assert refunds.attach(state, "DE89370400440532013000", proven=True).refused == ""
        state = refunds.look(state)
        for operator in ("First Operator", "Second Operator"):
            assert refunds.decide(state, operator).refused == ""
        [payout] = refunds.desk.rows(
            "SELECT stage, not_before > now() + interval '23 h' AS cools FROM payout"
        )
        assert payout == {"stage": "ready", "cools": True}


class TestThirtyDays:
    """The policy asks for two people above 500.00 of what a customer gets in 30 days."""

    def test_count_from_when_it_was_paid(self, refunds: RefundDesk, tmp_path: Path) -> None:
        refunds.credit(100_000)
        state = refunds.open("300.00")
        refunds.decide(state, "Second Operator")
        Payouts(refunds.desk.engine, Settings(outbox=tmp_path)).collect(Collect(at_once=True))
        # It was asked for long ago, and has waited for bank details until now.
        refunds.desk.change("UPDATE refund SET opened_at = now() - interval '44 days'")
        assert refunds.open("300.00").people == 2

    def test_count_what_was_asked_for_later(self, refunds: RefundDesk, desk: Desk, tmp_path: Path) -> None:
        refunds.credit(100_000, payer_account="NL26MOCK0000009001", payer_name="ACME GmbH")
        first = refunds.open("300.00")
        refunds.decide(first, "Second Operator")
        payouts = Payouts(desk.engine, Settings(outbox=tmp_path))
        payouts.collect(Collect(at_once=True))
        [file] = desk.rows("SELECT message_id FROM payment_file")
        desk.work_off(pain002(str(file["message_id"]), group="RJCT", reason="FF01"))
        refunds.open("300.00")
        assert refunds.attach(first).state.stage == "in_review"
        assert refunds.look(first).people == 2


class TestDatabase:
    """What holds whoever writes the rows."""

    def refused(self, desk: Desk, query: str, *given: object) -> str:
        with pytest.raises(psycopg.DatabaseError) as refusal:
            desk.change(query, *given)
        return str(refusal.value)

    def test_refuses_an_approval_of_who_opened_it(self, refunds: RefundDesk) -> None:
        refunds.credit(10_000)
        state = refunds.open("10.00", opened_by="First Operator")
        given = (
            state.refund,
            "0" * 64,
            " first operator ",
            "a good reason",
            refunds.attested("First Operator"),
        )
        assert "Whoever opened it does not approve" in self.refused(refunds.desk, APPROVE, *given)

    def test_refuses_a_second_approval_of_one_person(self, refunds: RefundDesk) -> None:
        refunds.credit(200_000)
        state = refunds.open("2000.00")
        refunds.decide(state, "Second Operator")
        [row] = refunds.desk.rows("SELECT content_hash FROM refund_approval")
        given = (
            state.refund,
            row["content_hash"],
            "SECOND operator",
            "again",
            refunds.attested("Second Operator"),
        )
        assert "refund_approval_once_each_person" in self.refused(refunds.desk, APPROVE, *given)

    def test_refuses_to_approve_with_too_few(self, refunds: RefundDesk) -> None:
        refunds.credit(200_000)
        state = refunds.open("2000.00")
        refunds.decide(state, "Second Operator")
        query = "UPDATE refund SET stage = 'approved', approved_hash = (SELECT min(content_hash) FROM refund_approval)"
        assert "has not been approved by enough people" in self.refused(refunds.desk, query)

    def test_refuses_to_pay_what_is_not_approved(self, refunds: RefundDesk) -> None:
        refunds.credit(10_000)
        refunds.open("10.00")
        query = "UPDATE payout SET stage = 'ready', ready_at = now()"
        assert "is of a refund that is not approved" in self.refused(refunds.desk, query)

    def test_refuses_another_account_for_what_was_approved(self, refunds: RefundDesk) -> None:
        refunds.credit(10_000)
        state = refunds.open("10.00")
        assert refunds.decide(state, "Second Operator").state.stage == "approved"
        query = """
            WITH other AS (INSERT INTO payee (name, iban, origin) VALUES ('X', 'DE89370400440532013000', 'entered')
                RETURNING id)
            UPDATE payout SET payee_id = other.id FROM other
        """
        assert "is ready: where it goes cannot be changed" in self.refused(refunds.desk, query)

    def test_refuses_to_change_an_approval(self, refunds: RefundDesk) -> None:
        assert "permission denied" in self.refused(refunds.desk, "UPDATE refund_approval SET operator = 'x'")


class TestHands:
    def test_who_applied_its_money_does_not_approve(self, refunds: RefundDesk, desk: Desk) -> None:
        refunds.credit(10_000)
        state = refunds.open("10.00")
        [part] = desk.rows("SELECT id FROM bank_entry_part")
        desk.change(
            "INSERT INTO receipt (part_id, entity, currency, amount_minor, stage, ended_at)"
            " VALUES (%s, 'nimbus-eu', 'EUR', 10000, 'applied', now())",
            part["id"],
        )
        desk.change(
            "INSERT INTO receipt_application (part_id, targets, takes_two, proposed_by, reason, stage, decided_by)"
            " VALUES (%s, '[]', true, 'First Operator', 'x', 'applied', 'Second Operator')",
            part["id"],
        )
        answer = refunds.decide(state, "Second Operator")
        assert answer.refused == "you applied its money: somebody else must approve it"
        assert refunds.decide(state, "Fifth Operator").refused == ""

    @pytest.mark.parametrize("before", [True, False])
    def test_who_released_its_customer_does_not_approve(
        self, refunds: RefundDesk, desk: Desk, before: bool
    ) -> None:
        """What came after the release they had no hand in."""
        if before:
            refunds.credit(10_000)
        desk.change(
            "INSERT INTO money_freeze (customer_id, reason, ended_at)"
            " SELECT id, 'a letter', now() FROM customer WHERE number = 'C-1001'"
        )
        desk.change(
            "INSERT INTO freeze_release (freeze_id, operator, reason) VALUES (1, 'Second Operator', 'lifted')"
        )
        if not before:
            refunds.credit(10_000)
        refused = refunds.decide(refunds.open("10.00"), "Second Operator").refused
        assert refused == ("you released its money: somebody else must approve it" if before else "")


class TestCameBack:
    """A ticket that pays two accounts, of which the bank refuses one after the other."""

    def test_while_people_decide_about_the_other_the_customer_is_asked(
        self, refunds: RefundDesk, desk: Desk, tmp_path: Path
    ) -> None:
        refunds.credit(10_000, payer_account="NL26MOCK0000009001", payer_name="ACME GmbH")
        refunds.credit(20_000, payer_account="NL96MOCK0000009002", payer_name="ACME GmbH")
        state = refunds.open("250.00")
        refunds.decide(state, "Second Operator")
        payouts = Payouts(desk.engine, Settings(outbox=tmp_path))
        [file] = payouts.collect(Collect(at_once=True)).files
        sent = payouts.send(int(file.removeprefix("payment-file-")))
        first, second = desk.rows("SELECT end_to_end_id FROM payout ORDER BY id")
        desk.work_off(pain002(sent.message_id, [(str(first["end_to_end_id"]), "RJCT", "AC04")]))
        assert refunds.attach(state).state.stage == "in_review"
        desk.work_off(pain002(sent.message_id, [(str(second["end_to_end_id"]), "RJCT", "AC06")]))
        assert refunds.look(state).stage == "returned"
        assert refunds.attach(state).state.stage == "in_review"


def test_what_is_asked_of_nothing_is_refused_for_good(refunds: RefundDesk) -> None:
    with pytest.raises(ApplicationError) as refusal:
        refunds.open("1.00")
    assert refusal.value.non_retryable
