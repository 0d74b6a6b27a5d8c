"""When the sweep recomputes the book's invariants."""

from datetime import UTC, datetime, timedelta

from rules.checks import check_due

NOW = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)


class TestCheckDue:
    def test_an_hour_after_the_last_one_whatever_minute_it_is(self) -> None:
        assert not check_due((NOW - timedelta(minutes=59)).isoformat(), NOW)
        assert check_due((NOW - timedelta(minutes=60)).isoformat(), NOW)
        assert check_due((NOW - timedelta(days=3)).isoformat(), NOW)

    def test_where_nobody_knows_of_one(self) -> None:
        assert check_due("", NOW)
