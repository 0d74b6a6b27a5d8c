"""Ninety days of money that nobody claims: operators are asked on days 7, 30 and 60, on day 75 to send it back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from rules.receipt import CHASE_DAYS
from tests.conftest import Database
from tests.workflows.claims import open_claim
from tests.workflows.deposits import eventually, office_without_forms
from tests.workflows.receipts import APPLY, SECOND, OpenReceipt, open_receipt
from tests.workflows.test_time import Calendar, _add_search_attributes


@pytest.fixture
async def calendar(set_up: Database, time_skipping: WorkflowEnvironment) -> AsyncIterator[Calendar]:
    await _add_search_attributes(time_skipping)
    async with office_without_forms(set_up.app_url, time_skipping.client) as office:
        yield Calendar(office, time_skipping)


async def _day(calendar: Calendar, receipt: OpenReceipt, day: int, hours: int) -> None:
    opened: datetime = receipt.row()["opened_at"]
    await calendar.go_to(opened.astimezone(UTC) + timedelta(days=day, hours=hours))


async def test_operators_are_asked_again_and_nothing_happens_by_itself(calendar: Calendar) -> None:
    receipt = await open_receipt(calendar.office)
    for number, day in enumerate(CHASE_DAYS):
        await _day(calendar, receipt, day, -1)
        assert receipt.row()["chased"] == number
        await _day(calendar, receipt, day, 1)
        await eventually(lambda: receipt.row()["chased"], (number + 1).__eq__)
    await _day(calendar, receipt, 90, 0)
    shown = await receipt.until(
        "Nobody has claimed it for so long that it should go back: send `return_to_payer`"
    )
    assert "Asked again" not in shown
    row = receipt.row()
    assert (row["stage"], row["chased"], row["ended_at"]) == ("unapplied", 4, None)
    assert not calendar.office.rows("SELECT FROM receipt_return")
    await receipt.signal("return_to_payer", SECOND)
    await receipt.until("| **Stage** | returning")
    history = await receipt.handle.fetch_history()
    assert len(history.events) <= 60


async def test_what_was_applied_is_not_asked_about(calendar: Calendar) -> None:
    receipt = await open_receipt(calendar.office)
    await _day(calendar, receipt, 8, 0)
    await receipt.signal("apply", APPLY, to=[{"customer": "C-1001"}])
    await receipt.ends("applied")
    assert receipt.row()["chased"] == 1


async def test_a_claim_that_nothing_fits_is_reminded_twice_and_closed(calendar: Calendar) -> None:
    claim = await open_claim(calendar.office)
    made: datetime = claim.row()["created_at"].astimezone(UTC)
    told = ["claim_waiting"]
    for day in (7, 21):
        await calendar.go_to(made + timedelta(days=day, hours=-1))
        assert claim.told() == told
        told.append("claim_reminder")
        await calendar.go_to(made + timedelta(days=day, hours=1))
        await eventually(claim.told, told.__eq__)
    await calendar.go_to(made + timedelta(days=30, hours=1))
    assert (await claim.handle.result())["stage"] == "closed"
    assert claim.told() == [*told, "claim_closed"]
    assert await claim.where() == "It was not found: within 30 days no payment came that fits."
