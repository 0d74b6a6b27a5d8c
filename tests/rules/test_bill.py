"""When customers are reminded of a bill, since when it is overdue, and what operators read."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rules.bill import BillState, bill_details, overdue_at, reminder_due, reminder_times

DUE = date(2026, 12, 15)  # a Tuesday
TIMES = reminder_times(DUE, "DE", "Europe/Berlin")
ISSUED = datetime(2026, 12, 1, tzinfo=UTC)


def state(**changed: Any) -> BillState:
    facts: dict[str, Any] = {
        "bill": 7,
        "number": "I-1",
        "customer": "C-1001",
        "entity": "nimbus-eu",
        "currency": "EUR",
        "amount_minor": 10_000,
        "paid_minor": 0,
        "due_on": DUE,
        "period": "2026-11",
        "stage": "issued",
        "overdue": False,
        "auto_pay": True,
        "reminded": 0,
        "overdue_at": overdue_at(DUE, "Europe/Berlin"),
        "reminders": TIMES,
        "voided_by": None,
        "voided_reason": None,
        "as_of": ISSUED,
    }
    return BillState(**(facts | changed))


class TestReminders:
    def test_one_before_the_due_date_and_three_after_it_on_business_days(self) -> None:
        days = [time.astimezone(UTC).date() for time in TIMES]
        assert days == [date(2026, 12, 10), date(2026, 12, 16), date(2026, 12, 22), date(2026, 12, 30)]
        assert {time.hour for time in TIMES} == {8}

    def test_each_is_given_once(self) -> None:
        assert reminder_due(TIMES, 0, ISSUED, ISSUED) == (0, None)
        assert reminder_due(TIMES, 0, ISSUED, TIMES[0]) == (1, "bill_due")
        assert reminder_due(TIMES, 1, ISSUED, TIMES[0]) == (1, None)
        assert reminder_due(TIMES, 1, ISSUED, TIMES[1]) == (2, "bill_overdue")

    def test_of_several_that_are_late_only_the_last_is_given(self) -> None:
        assert reminder_due(TIMES, 0, ISSUED, TIMES[2]) == (3, "bill_overdue")

    def test_what_was_past_when_the_bill_came_is_left_out(self) -> None:
        late = TIMES[1] + timedelta(hours=1)
        assert reminder_due(TIMES, 0, late, late) == (2, None)
        assert reminder_due(TIMES, 2, late, TIMES[2]) == (3, "bill_overdue")


class TestState:
    def test_it_is_overdue_after_the_end_of_its_day_where_the_entity_is(self) -> None:
        assert overdue_at(DUE, "Asia/Singapore") == datetime(2026, 12, 15, 16, tzinfo=UTC)

    def test_the_next_date_is_a_reminder_or_the_due_date(self) -> None:
        assert state().next_due(ISSUED) == TIMES[0]
        assert state().next_due(TIMES[0]) == overdue_at(DUE, "Europe/Berlin")
        assert state().next_due(TIMES[-1]) is None
        assert state(stage="paid").next_due(ISSUED) is None

    def test_a_person_is_needed_when_no_reminder_is_left(self) -> None:
        assert [state(reminded=n).needs_human for n in range(5)] == [False] * 4 + [True]
        assert not state(stage="paid", reminded=4).needs_human


class TestDetails:
    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"stage": "part_paid", "paid_minor": 2_500}, "| **Paid** | 25.00 EUR |"),
            ({"overdue": True}, "| **Stage** | OVERDUE |"),
            ({"auto_pay": False}, "no: the customer's service pays it"),
            ({"stage": "paid", "paid_minor": 10_000}, "`prepay bill void I-1`"),
            (
                {"stage": "void", "voided_by": "Second Operator", "voided_reason": "billed *twice*"},
                r"by Second Operator (billed \*twice\*)",
            ),
        ],
    )
    def test_they_say_how_it_stands(self, changed: dict[str, Any], said: str) -> None:
        assert said in bill_details(state(**changed), ISSUED, [])

    def test_they_say_what_to_send(self) -> None:
        shown = bill_details(state(), ISSUED, ["now, void: no"])
        assert '"operator": ""' in shown
        assert "now, void: no" in shown
