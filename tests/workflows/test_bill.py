"""A bill's life: paid as money comes, reminded of and overdue, voided; typing does no harm."""

from datetime import UTC, datetime, timedelta

from activities.sweep import Upkeep
from rules.bill import reminder_times
from tests.office import Office
from tests.workflows.bills import issue, money_comes
from tests.workflows.deposits import change, details
from tests.workflows.test_time import Calendar, calendar

__all__ = ["calendar"]

VOID = {"operator": "Second Operator", "reason": "billed twice"}


class TestLife:
    async def test_paid_in_two_parts_as_money_comes(self, office: Office) -> None:
        bill = await issue(office)
        await bill.until("| **Stage** | issued")
        assert (await bill.attributes())["AmountMinor"] == 10_000
        money_comes(office, 3_000, "first")
        await office.ring()
        await bill.until("| **Paid** | 30.00 EUR |")
        money_comes(office, 9_000, "second")
        await office.ring()
        assert (await bill.handle.result())["stage"] == "paid"
        assert (await bill.attributes())["Stage"] == "paid"
        history = await bill.handle.fetch_history()
        assert len(history.events) <= 32

    async def test_what_is_paid_at_once_starts_none(self, office: Office) -> None:
        money_comes(office, 10_000)
        await issue(office)
        [row] = office.rows("SELECT stage, handled_version = version AS handled FROM bill")
        assert row == {"stage": "paid", "handled": True}
        assert office.rows("SELECT FROM outbox") == []

    async def test_the_sweep_starts_what_was_lost(self, office: Office) -> None:
        bill = await issue(office)
        await bill.handle.terminate()
        change(office, "UPDATE bill SET swept_at = now() - interval '1 minute'")
        await Upkeep(office.engine, office.temporal, office.options).restart_lost()
        await bill.until("| **Stage** | issued")


class TestVoid:
    async def test_what_was_paid_comes_back(self, office: Office) -> None:
        bill = await issue(office)
        money_comes(office, 3_000)
        await office.ring()
        await bill.until("part paid")
        await bill.handle.signal("void", VOID)
        assert (await bill.handle.result())["stage"] == "void"
        assert "by Second Operator (billed twice)" in await details(bill.handle)
        assert (await bill.attributes())["DecidedBy"] == ["Second Operator"]
        [balance] = await office.client.balance("C-1001")
        assert balance.available_minor == 3_000
        assert bill.notices() == ["bill_void"]

    async def test_who_may_not_is_refused_and_typing_does_no_harm(self, office: Office) -> None:
        bill = await issue(office)
        await bill.handle.signal("void", {**VOID, "operator": "Third Operator"})
        await bill.until("Third Operator is")
        await bill.handle.signal("void")
        await bill.until("it is empty; send a JSON object")
        await bill.handle.signal("viod", VOID)
        await bill.until("there is no such signal here; there is void")
        await bill.handle.cancel()
        await bill.until("it does not end a bill")
        money_comes(office, 10_000)
        await office.ring()
        assert (await bill.handle.result())["stage"] == "paid"


class TestTime:
    async def test_reminded_overdue_and_paid_in_the_end(self, calendar: Calendar) -> None:
        office = calendar.office
        due_on = (datetime.now(UTC) + timedelta(days=20)).date()
        bill = await issue(office, due_on=due_on)
        await bill.until("| **Stage** | issued")
        times = reminder_times(due_on, "DE", "Europe/Berlin")
        await calendar.go_to(times[0] + timedelta(hours=1))
        await bill.until("| **Reminders** | 1 of 4 |")
        assert bill.notices() == ["bill_due"]
        await calendar.go_to(times[1] + timedelta(hours=1))
        await bill.until("OVERDUE")
        assert (await office.client.bills("C-1001", overdue=True))[0].bill == "I-1"
        await calendar.go_to(times[3] + timedelta(hours=1))
        await bill.until("| **Reminders** | 4 of 4 |")
        assert bill.notices() == ["bill_due", "bill_overdue", "bill_overdue", "bill_overdue"]
        money_comes(office, 10_000)
        await office.ring()
        assert (await bill.handle.result())["stage"] == "paid"
        assert office.rows("SELECT overdue FROM bill") == [{"overdue": False}]
