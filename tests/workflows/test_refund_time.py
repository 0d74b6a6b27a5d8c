"""What time does to a refund: late usage, reminders of the customer and of operators, the deadline."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Database
from tests.workflows.deposits import eventually, office_without_forms
from tests.workflows.refunds import ask, available, collect, credited, rejects
from tests.workflows.test_time import Calendar, _add_search_attributes


@pytest.fixture
async def calendar(set_up: Database, time_skipping: WorkflowEnvironment) -> AsyncIterator[Calendar]:
    await _add_search_attributes(time_skipping)
    async with office_without_forms(set_up.app_url, time_skipping.client) as office:
        yield Calendar(office, time_skipping)


async def test_the_customer_is_asked_again_and_the_ticket_closed_after_45_days(calendar: Calendar) -> None:
    await credited(calendar.office, 10_000, payer_account="")
    ticket = await ask(calendar.office, "10.00")
    asked: datetime = ticket.row()["waits_since"].astimezone(UTC)
    told = ["refund_opened"]
    for day in (7, 21, 38):
        await calendar.go_to(asked + timedelta(days=day, hours=-1))
        assert ticket.notices() == told
        told.append("refund_reminder")
        await calendar.go_to(asked + timedelta(days=day, hours=1))
        await eventually(ticket.notices, told.__eq__)
    await calendar.go_to(asked + timedelta(days=44))
    assert available(calendar.office) == 9_000
    await calendar.go_to(asked + timedelta(days=46))
    await ticket.ends("closed")
    assert available(calendar.office) == 10_000
    assert ticket.notices() == [*told, "refund_closed"]
    assert len((await ticket.handle.fetch_history()).events) <= 60


async def test_what_came_back_is_asked_about_again_and_closed_after_45_days(calendar: Calendar) -> None:
    office = calendar.office
    await credited(office, 10_000)
    ticket = await ask(office, "10.00")
    await ticket.approve()
    await ticket.until("approved: it goes to the bank")
    await rejects(office, collect(office)[-1])
    await ticket.until("| **Stage** | returned")
    asked: datetime = ticket.row()["waits_since"].astimezone(UTC)
    assert ticket.row()["details_until"].astimezone(UTC) == asked + timedelta(days=45)
    await calendar.go_to(asked + timedelta(days=8))
    await eventually(ticket.notices, lambda told: told[-1] == "refund_reminder")
    await calendar.go_to(asked + timedelta(days=46))
    await ticket.ends("closed")
    assert available(office) == 10_000


async def test_operators_are_reminded_and_it_is_escalated(calendar: Calendar) -> None:
    await credited(calendar.office, 10_000)
    ticket = await ask(calendar.office, "10.00")
    await calendar.go_to(ticket.row()["waits_since"].astimezone(UTC) + timedelta(days=9))
    await ticket.until("ESCALATED: it has waited for five business days")
    await calendar.go_to(ticket.row()["waits_since"].astimezone(UTC) + timedelta(days=90))
    assert ticket.row()["stage"] == "in_review"
    assert len((await ticket.handle.fetch_history()).events) <= 60
    await ticket.approve()
    await ticket.until("approved: it goes to the bank")


async def test_all_that_is_left_is_counted_after_three_business_days(calendar: Calendar) -> None:
    await credited(calendar.office, 10_000)
    ticket = await ask(calendar.office, None)
    until: datetime = ticket.row()["usage_until"].astimezone(UTC)
    await calendar.go_to(until - timedelta(minutes=5))
    assert ticket.row()["stage"] == "waiting"
    await calendar.go_to(until + timedelta(minutes=5))
    await ticket.until("**Amount** | 100.00 EUR")
    assert ticket.row()["stage"] == "in_review"
