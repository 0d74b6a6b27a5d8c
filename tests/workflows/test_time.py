"""Sixty days of a deposit in seconds: reminders, expiry, extensions, late money. Temporal's clock runs ahead."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment

from prepay import attributes
from prepay.ids import TASK_QUEUE, deposit_workflow_id
from rules.reminders import add_business_days
from tests.conftest import Database
from tests.office import Office, request_id
from tests.workflows.deposits import OpenDeposit, change, eventually, office_without_forms, open_deposit


@dataclass
class Calendar:
    """An office whose days pass as fast as the test wants."""

    office: Office
    environment: WorkflowEnvironment

    async def open(self) -> OpenDeposit:
        """The time-skipping server knows no update-with-start, so this one is started plainly."""
        rid = request_id()
        request = {"customer": "C-1001", "request_id": rid, "amount": "1000.00", "currency": "EUR"}
        await self.office.temporal.start_workflow(
            "Deposit",
            {**request, "product": "Compute"},
            id=deposit_workflow_id("C-1001", rid),
            task_queue=TASK_QUEUE,
        )
        query = "SELECT number FROM deposit WHERE request_id = %s"
        number = (await eventually(lambda: self.office.rows(query, rid), bool))[0]["number"]
        return OpenDeposit(self.office, rid, await self.office.client.deposit(number))

    async def go_to(self, moment: datetime) -> None:
        """Let everything happen that is due until then."""
        now = await self.environment.get_current_time()
        await self.environment.sleep(moment - now)

    async def day(self, deposit: OpenDeposit, number: int) -> None:
        """Noon UTC of the day that is so many days after the issue."""
        issued = deposit.view.issued_at.astimezone(UTC).replace(hour=12, minute=0)
        await self.go_to(issued + timedelta(days=number))


@pytest.fixture
async def calendar(set_up: Database, time_skipping: WorkflowEnvironment) -> AsyncIterator[Calendar]:
    await _add_search_attributes(time_skipping)
    async with office_without_forms(set_up.app_url, time_skipping.client) as office:
        yield Calendar(office, time_skipping)


async def _add_search_attributes(environment: WorkflowEnvironment) -> None:
    types = {key.name: key.indexed_value_type for key in attributes.ALL}
    request = AddSearchAttributesRequest(namespace=environment.client.namespace)
    for name, kind in types.items():
        request.search_attributes[name] = IndexedValueType.ValueType(kind)
    await environment.client.operator_service.add_search_attributes(request)


def _expires(deposit: OpenDeposit) -> datetime:
    moment: datetime = deposit.row()["expires_at"]
    return moment


class TestReminders:
    async def test_come_on_the_third_and_tenth_business_day_and_once_each(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        told = ["issued"]
        for business_days in (3, 10):
            # It was asked for on a day of the contracting entity's, which begins before that of UTC.
            asked = deposit.view.issued_at.astimezone(ZoneInfo("Europe/Berlin")).date()
            day = add_business_days(asked, business_days, "DE")
            await calendar.go_to(datetime(day.year, day.month, day.day, 6, 59, tzinfo=UTC))
            assert deposit.notices() == told
            told.append("reminder")
            await calendar.go_to(datetime(day.year, day.month, day.day, 9, 1, tzinfo=UTC))
            await eventually(deposit.notices, told.__eq__)
        await calendar.day(deposit, 29)
        assert deposit.notices() == ["issued", "reminder", "reminder"]

    async def test_do_not_come_once_all_is_paid(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        await calendar.day(deposit, 60)
        assert deposit.notices() == ["issued", "credited"]

    async def test_name_what_is_missing(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await deposit.pay(30_000)
        await deposit.until("part paid")
        await calendar.day(deposit, 8)
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "part_paid", "reminder"])
        body = calendar.office.rows("SELECT body FROM notice WHERE kind = 'reminder'")[0]["body"]
        assert "received 300.00 EUR of 1,000.00 EUR" in body
        assert "pay 700.00 EUR" in " ".join(body.split())


class TestExpiry:
    async def test_after_thirty_days_and_not_before(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await calendar.go_to(_expires(deposit) - timedelta(minutes=1))
        assert deposit.row()["stage"] == "issued"
        await calendar.go_to(_expires(deposit) + timedelta(minutes=1))
        outcome = await deposit.handle.result()
        assert (outcome["stage"], outcome["credited_minor"]) == ("expired", 0)
        assert deposit.notices() == ["issued", "reminder", "reminder", "expired"]

    async def test_of_a_part_paid_form_keeps_the_money_on_the_balance(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await deposit.pay(30_000)
        await calendar.day(deposit, 60)
        outcome = await deposit.handle.result()
        assert (outcome["stage"], outcome["credited_minor"]) == ("expired", 30_000)
        assert deposit.notices() == ["issued", "part_paid", "reminder", "reminder", "expired"]
        assert (await calendar.office.client.balance("C-1001"))[0].available_minor == 30_000

    async def test_does_not_hit_money_that_came_before_and_was_not_rung_for(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await calendar.go_to(_expires(deposit) - timedelta(hours=1))
        deposit.arrives(100_000)
        await calendar.go_to(_expires(deposit) + timedelta(hours=1))
        await calendar.office.ring()
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.notices() == ["issued", "reminder", "reminder", "credited"]
        assert deposit.row()["late"] is False


class TestExtension:
    async def _extend(self, calendar: Calendar, deposit: OpenDeposit, days: int) -> date:
        until = deposit.view.issued_at.date() + timedelta(days=days)
        decision = {"operator": "First Operator", "until": until.isoformat(), "reason": "the customer asked"}
        before = _expires(deposit)
        await deposit.handle.signal("extend", decision)
        await eventually(lambda: _expires(deposit), lambda now: now != before)
        return until

    async def test_moves_the_expiry(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        until = await self._extend(calendar, deposit, 45)
        await calendar.day(deposit, 44)
        assert deposit.row()["stage"] == "issued"
        await calendar.day(deposit, 46)
        assert (await deposit.handle.result())["stage"] == "expired"
        assert deposit.notices() == ["issued", "extended", "reminder", "reminder", "expired"]
        subject = calendar.office.rows("SELECT subject FROM notice WHERE kind = 'extended'")[0]["subject"]
        assert until.isoformat() in subject

    async def test_twice_there_and_back_tells_the_customer_each_time(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        for days in (45, 50, 45):
            await self._extend(calendar, deposit, days)
        assert deposit.notices() == ["issued", "extended", "extended", "extended"]
        await calendar.day(deposit, 47)
        await eventually(deposit.row, lambda row: row["stage"] == "expired")

    async def test_to_an_earlier_day_expires_earlier(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await self._extend(calendar, deposit, 1)
        await calendar.day(deposit, 3)
        await eventually(deposit.row, lambda row: row["stage"] == "expired")
        assert deposit.notices() == ["issued", "extended", "expired"]

    async def test_of_a_part_paid_form_can_still_be_paid_on_its_last_day(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await deposit.pay(30_000)
        await self._extend(calendar, deposit, 59)
        await calendar.day(deposit, 59)
        await deposit.pay(70_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.row()["late"] is False


class TestMoneyAfterTheEnd:
    async def test_after_expiry_is_credited_marked_late_and_told(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await calendar.day(deposit, 59)
        assert (await deposit.handle.result())["stage"] == "expired"
        await deposit.pay(30_000)
        outcome = await deposit.handle.result()
        assert (outcome["stage"], outcome["credited_minor"]) == ("expired", 30_000)
        await deposit.pay(70_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.row()["late"] is True
        assert deposit.notices()[-3:] == ["expired", "late", "late"]
        assert (await calendar.office.client.balance("C-1001"))[0].available_minor == 100_000


class TestCancelled:
    async def test_money_that_still_comes_is_credited_marked_late_and_told(self, calendar: Calendar) -> None:
        deposit = await calendar.open()
        await deposit.handle.signal("cancel", {"operator": "First Operator", "reason": "ordered twice"})
        assert (await deposit.handle.result())["stage"] == "cancelled"
        await calendar.day(deposit, 60)
        assert deposit.notices() == ["issued", "cancelled"]
        await deposit.pay(100_000)
        assert (await deposit.handle.result())["stage"] == "credited"
        assert deposit.row()["late"] is True
        assert deposit.notices() == ["issued", "cancelled", "late"]


class TestRealTime:
    async def test_nobody_worked_for_twenty_days_so_one_reminder_is_given_not_two(
        self, office: Office
    ) -> None:
        deposit = await open_deposit(office)
        await deposit.handle.terminate()
        change(office, "UPDATE deposit SET issued_at = issued_at - interval '20 days'")
        change(office, "INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM deposit")
        await office.ring()
        await eventually(deposit.notices, lambda kinds: kinds == ["issued", "reminder"])
        await eventually(deposit.details, lambda shown: "Next reminder" not in shown)
        assert deposit.notices() == ["issued", "reminder"]

    async def test_money_after_credited_is_credited_too_and_told(self, office: Office) -> None:
        deposit = await open_deposit(office)
        await deposit.pay(100_000)
        await deposit.handle.result()
        await deposit.pay(5_000)
        outcome: dict[str, Any] = await eventually(
            deposit.handle.result, lambda ended: ended["credited_minor"] == 105_000
        )
        assert outcome["stage"] == "credited"
        assert deposit.notices() == ["issued", "credited", "credited"]
        body = office.rows("SELECT body FROM notice ORDER BY id DESC LIMIT 1")[0]["body"]
        assert "50.00 EUR more than you had asked for" in " ".join(body.split())
