"""A virtual account's life: approved by a second person, waiting for numbers, closed; typing does no harm."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.sweep import Upkeep
from rules.reminders import reminder_times
from tests.activities.virtual_desk import no_pool
from tests.conftest import Database
from tests.office import Office, open_office
from tests.workflows.deposits import change, details, eventually, open_deposit
from tests.workflows.test_time import Calendar, calendar
from tests.workflows.virtual import add_numbers, allow, apply, in_review

__all__ = ["calendar", "no_pool"]

APPROVE = {"operator": "Second Operator", "reason": "the contract is signed"}
SIGNALS = ("approve", "reject", "close")


class TestLife:
    async def test_approved_used_and_closed(self, office: Office) -> None:
        application = await in_review(office)
        await application.handle.signal("approve", APPROVE)
        shown = await application.until("| **Stage** | active")
        assert "approved by Second Operator at 2" in shown
        assert "VIRTUAL" not in shown
        assert (await application.attributes())["NeedsHuman"] is False
        await application.handle.signal("close", {**APPROVE, "reason": "the customer has left"})
        assert (await application.handle.result())["stage"] == "closed"
        assert "Nothing is left for an operator to do here" in await details(application.handle)

    async def test_rejected(self, office: Office) -> None:
        application = await in_review(office)
        await application.handle.signal("reject", APPROVE)
        assert (await application.handle.result())["stage"] == "refused"

    async def test_refused_by_rule_it_ends_at_once(self, office: Office) -> None:
        application = await apply(office)
        assert (await application.handle.result())["stage"] == "refused"

    async def test_an_empty_pool_waits_and_goes_on_by_itself(self, office: Office) -> None:
        allow(office, numbers=0)
        application = await apply(office)
        await application.until("| **Free numbers** | none: add a `[[pool]]` |")
        await application.handle.signal("approve", APPROVE)
        await application.until("| **Stage** | approved: the pool is empty")
        assert (await application.attributes())["WaitsForRole"] == "treasurer"
        add_numbers(office, 1)
        change(office, "UPDATE virtual_account_application SET swept_at = now() - interval '1 minute'")
        await Upkeep(office.engine, office.temporal, office.options).restart_lost()
        await application.until("| **Stage** | active")

    async def test_the_deposit_learns_of_its_second_form(self, office: Office) -> None:
        deposit = await open_deposit(office)
        application = await in_review(office)
        await application.handle.signal("approve", APPROVE)
        await application.until("| **Stage** | active")
        await office.ring()
        view = await office.client.deposit(deposit.view.number)
        assert (view.pay_to.account_number, deposit.view.pay_to.account_number) == ("VIRTUAL1", "")
        assert view.document_id > deposit.view.document_id
        assert deposit.notices() == ["issued"]

    async def test_its_second_form_is_drawn(self, set_up: Database, temporal: WorkflowEnvironment) -> None:
        async with open_office(set_up.app_url, temporal.client, forms="on") as office:
            deposit = await open_deposit(office)
            first = await office.client.form_pdf(deposit.view.number)
            application = await in_review(office)
            await application.handle.signal("approve", APPROVE)
            await application.until("| **Stage** | active")
            await office.ring()
            second = await office.client.form_pdf(deposit.view.number)
            assert first != second
            assert len(office.rows("SELECT FROM document WHERE pdf IS NOT NULL")) == 2


class TestClient:
    async def test_the_answer_of_the_rules_comes_back(self, office: Office) -> None:
        asking = asyncio.create_task(office.client.apply_for_virtual_account("C-1001", "EUR"))
        await eventually(lambda: office.rows("SELECT FROM virtual_account_application"), bool)
        await office.ring()
        view = await asking
        assert (view.stage, view.why) == ("refused", "no rule allows it for customers of nimbus-eu in DE")
        assert await office.client.virtual_accounts("C-1001") == [view]


class TestWhatIsTyped:
    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            (None, "it is empty; send a JSON object"),
            ({"operator": "Second Operator"}, "'reason' is missing"),
            (
                {**APPROVE, "operator": "First Operator"},
                "you applied for it already; somebody else must decide",
            ),
            ({**APPROVE, "operator": "Nobody"}, "there is no operator 'Nobody'"),
            ({**APPROVE, "operator": "Third Operator"}, "and this takes an approver"),
        ],
    )
    async def test_is_answered_and_changes_nothing(self, office: Office, sent: Any, said: str) -> None:
        application = await in_review(office)
        await application.handle.signal("approve", sent)
        await application.until(said)
        assert application.stage() == "in_review"

    async def test_twice_takes_one_number(self, office: Office) -> None:
        application = await in_review(office)
        await asyncio.gather(*(application.handle.signal("approve", APPROVE) for _ in range(2)))
        await application.until("approved it already, and the account is active")
        assert len(office.rows("SELECT FROM virtual_account WHERE stage = 'active'")) == 1

    async def test_cancel_and_a_misspelt_name_are_answered(self, office: Office) -> None:
        application = await in_review(office)
        await application.handle.cancel()
        await application.until("it is put away by the signal 'reject'")
        await application.handle.signal("aprove", APPROVE)
        await application.until("there is no such signal here; there is approve, reject, close")

    async def test_terminate_loses_nothing(self, office: Office) -> None:
        application = await in_review(office)
        await application.handle.terminate()
        change(office, "UPDATE virtual_account_application SET swept_at = now() - interval '1 minute'")
        await Upkeep(office.engine, office.temporal, office.options).restart_lost()
        await application.handle.signal("approve", APPROVE)
        await application.until("| **Stage** | active")


class TestTime:
    async def test_operators_are_reminded_it_escalates_and_90_days_decide_nothing(
        self, calendar: Calendar
    ) -> None:
        application = await in_review(calendar.office)
        [row] = calendar.office.rows("SELECT waits_since FROM virtual_account_application")
        first, second, escalation = reminder_times(row["waits_since"], [1, 3, 5], "DE", "Europe/Berlin")
        for moment, said in (
            (first, "reminded 1 time;"),
            (second, "reminded 2 times;"),
            (escalation, "ESCALATED: it has waited for five business days"),
        ):
            await calendar.go_to(moment + timedelta(minutes=1))
            await application.until(said)
        await calendar.go_to(row["waits_since"] + timedelta(days=90))
        shown = await details(application.handle)
        assert "ESCALATED: it has waited for five business days" in shown
        assert "next reminder" not in shown
        assert application.stage() == "in_review"
        assert (
            calendar.office.rows(
                "SELECT FROM notice WHERE kind LIKE 'virtual_%%' AND kind <> 'virtual_submitted'"
            )
            == []
        )
        await application.handle.signal("approve", APPROVE)
        await application.until("| **Stage** | active")
        assert "ESCALATED" not in await details(application.handle)
