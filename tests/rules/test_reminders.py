"""Business days of the customer's country, at nine in the morning where the entity is."""

from datetime import UTC, date, datetime

import pytest

from rules.reminders import add_business_days, reminder_times


class TestAddBusinessDays:
    @pytest.mark.parametrize(
        ("start", "days", "country", "day"),
        [
            (date(2026, 11, 23), 3, "DE", date(2026, 11, 26)),
            (date(2026, 11, 26), 3, "DE", date(2026, 12, 1)),
            (date(2026, 12, 23), 3, "DE", date(2026, 12, 29)),
            (date(2026, 12, 23), 3, "SG", date(2026, 12, 29)),
            (date(2026, 9, 30), 3, "CN", date(2026, 10, 10)),
            (date(2026, 11, 21), 1, "DE", date(2026, 11, 23)),
            (date(2026, 11, 24), 3, "US", date(2026, 11, 30)),
        ],
    )
    def test_skips_weekends_and_the_countrys_holidays(
        self, start: date, days: int, country: str, day: date
    ) -> None:
        assert add_business_days(start, days, country) == day

    def test_none_is_the_same_day_and_so_is_a_negative_number(self) -> None:
        assert add_business_days(date(2026, 11, 23), 0, "DE") == date(2026, 11, 23)
        assert add_business_days(date(2026, 11, 23), -1, "DE") == date(2026, 11, 23)

    def test_a_country_without_a_calendar_has_weekends(self) -> None:
        assert add_business_days(date(2026, 11, 27), 1, "XX") == date(2026, 11, 30)


class TestReminderTimes:
    def test_are_sorted_single_and_at_nine(self) -> None:
        issued = datetime(2026, 11, 23, 10, tzinfo=UTC)
        assert reminder_times(issued, [10, 3, 3], "DE", "Europe/Berlin") == (
            datetime(2026, 11, 26, 8, tzinfo=UTC),
            datetime(2026, 12, 7, 8, tzinfo=UTC),
        )

    def test_count_from_the_entitys_day(self) -> None:
        """Late on Monday in London it is Tuesday in Singapore."""
        issued = datetime(2026, 11, 23, 20, tzinfo=UTC)
        assert reminder_times(issued, [1], "SG", "Asia/Singapore") == (datetime(2026, 11, 25, 1, tzinfo=UTC),)

    def test_nine_stays_nine_when_the_clocks_change(self) -> None:
        issued = datetime(2027, 3, 25, 10, tzinfo=UTC)
        assert reminder_times(issued, [3], "FR", "Europe/Berlin") == (datetime(2027, 3, 31, 7, tzinfo=UTC),)

    def test_without_reminders_there_are_none(self) -> None:
        assert reminder_times(datetime(2026, 11, 23, tzinfo=UTC), [], "DE", "Europe/Berlin") == ()
