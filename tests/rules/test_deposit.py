"""What is due next for a deposit, and what operators may not do."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.deposit import DepositState, end_of_day, next_due, refuse_cancellation, refuse_extension

ISSUED = datetime(2026, 11, 23, 10, tzinfo=UTC)


def state(**changes: Any) -> DepositState:
    """A deposit issued on a Monday, with two reminders, that expires after thirty days."""
    facts: dict[str, Any] = {
        "deposit": 1,
        "workflow_id": "deposit-C-1001-1",
        "number": "D-2026-000001",
        "reference": "RF18P00000000001",
        "customer": "C-1001",
        "entity": "nimbus-eu",
        "time_zone": "Europe/Berlin",
        "account": "nimbus-eu-eur",
        "amount_minor": 100_000,
        "credited_minor": 0,
        "currency": "EUR",
        "stage": "issued",
        "late": False,
        "issued_at": ISSUED,
        "expires_at": ISSUED + timedelta(days=30),
        "reminders": (ISSUED + timedelta(days=3), ISSUED + timedelta(days=14)),
        "version": 1,
        "handled_version": 1,
        "decided": {},
        "content_hash": "0" * 64,
        "document_id": 1,
        "document_digest": "0" * 64,
        "form_drawn": True,
        "draw_form": True,
        "as_of": ISSUED,
    }
    return DepositState(**{**facts, **changes})


def _due(days: float, reminded: int = 0, **changes: Any) -> tuple[str, int] | None:
    due = next_due(state(**changes), reminded, ISSUED + timedelta(days=days))
    return (due.what, due.number) if due else None


class TestDepositState:
    def test_of_a_run_before_it_knew_its_workflow_id_can_still_be_read(self) -> None:
        older = state().model_dump(exclude={"workflow_id"})
        assert DepositState.model_validate(older).workflow_id == ""


class TestNextDue:
    @pytest.mark.parametrize(
        ("days", "reminded", "due"),
        [
            (0, 0, ("remind", 1)),
            (3, 0, ("remind", 1)),
            (3, 1, ("remind", 2)),
            (14, 2, ("expire", 0)),
            (30, 2, ("expire", 0)),
        ],
    )
    def test_in_order(self, days: int, reminded: int, due: tuple[str, int]) -> None:
        assert _due(days, reminded) == due

    def test_of_several_overdue_reminders_the_last(self) -> None:
        assert _due(20) == ("remind", 2)

    def test_expiry_before_reminders_that_were_missed(self) -> None:
        assert _due(31) == ("expire", 0)

    def test_nothing_once_it_is_closed(self) -> None:
        for stage in ("credited", "expired", "cancelled"):
            assert _due(0, stage=stage) is None

    def test_an_expiry_before_the_reminders_comes_first(self) -> None:
        assert _due(0, expires_at=ISSUED + timedelta(days=1)) == ("expire", 0)

    @given(days=st.floats(0, 60), reminded=st.integers(0, 2))
    def test_is_never_a_reminder_that_was_given(self, days: float, reminded: int) -> None:
        due = _due(days, reminded)
        assert due is not None
        assert due[0] == "expire" or due[1] > reminded


class TestEnded:
    def test_not_while_a_change_is_not_dealt_with(self) -> None:
        assert not state(stage="credited", version=2).ended
        assert state(stage="credited", version=2, handled_version=2).ended

    def test_not_while_the_form_waits_to_be_drawn(self) -> None:
        assert not state(stage="credited", form_drawn=False).ended
        assert state(stage="credited", form_drawn=False, draw_form=False).ended

    def test_not_while_money_is_awaited(self) -> None:
        assert not state(stage="part_paid").ended


class TestEndOfDay:
    def test_is_midnight_where_the_entity_is(self) -> None:
        assert end_of_day(date(2026, 12, 24), "Europe/Berlin") == datetime(2026, 12, 24, 23, tzinfo=UTC)
        assert end_of_day(date(2026, 12, 24), "Asia/Singapore") == datetime(2026, 12, 24, 16, tzinfo=UTC)

    def test_knows_summer_time(self) -> None:
        assert end_of_day(date(2026, 7, 1), "Europe/Berlin") == datetime(2026, 7, 1, 22, tzinfo=UTC)


class TestRefuseExtension:
    def test_today_is_the_first_day_and_a_year_ahead_the_last(self) -> None:
        assert refuse_extension(state(), date(2026, 11, 23), ISSUED) is None
        assert refuse_extension(state(), date(2027, 11, 23), ISSUED) is None
        assert "has passed" in (refuse_extension(state(), date(2026, 11, 22), ISSUED) or "")
        assert "365 days ahead" in (refuse_extension(state(), date(2027, 11, 24), ISSUED) or "")

    def test_today_is_the_entitys_own(self) -> None:
        late_evening = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
        assert "give a day from 2026-11-24" in (
            refuse_extension(state(), date(2026, 11, 23), late_evening) or ""
        )

    def test_of_a_closed_one_says_so(self) -> None:
        why = refuse_extension(state(stage="expired"), date(2026, 12, 31), ISSUED)
        assert why == "the deposit is expired, so nothing expires; late money is credited anyway"

    def test_to_the_day_on_which_it_expires_anyway_says_so(self) -> None:
        expires_at = end_of_day(date(2026, 12, 23), "Europe/Berlin")
        why = refuse_extension(state(expires_at=expires_at), date(2026, 12, 23), ISSUED)
        assert why == "it expires on that day already"
        assert refuse_extension(state(expires_at=expires_at), date(2026, 12, 22), ISSUED) is None

    @given(until=st.dates())
    def test_any_day_gets_an_answer(self, until: date) -> None:
        allowed = refuse_extension(state(), until, ISSUED) is None
        assert allowed == (date(2026, 11, 23) <= until <= date(2027, 11, 23))


class TestRefuseCancellation:
    def test_only_while_money_is_awaited(self) -> None:
        assert refuse_cancellation(state(stage="part_paid")) is None
        assert refuse_cancellation(state(stage="credited")) == (
            "the deposit is already credited; money on the balance goes back by a refund ticket"
        )
