"""The bank's days: TARGET for euro, the cut-off by the entity's clock, and what is due when nobody was there."""

from datetime import UTC, date, datetime

import pytest

from rules.bank_day import BankDays

EURO = BankDays("EUR", "DE", "Europe/Berlin", "15:00")
DOLLAR = BankDays("USD", "SG", "Asia/Singapore", "15:00")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


class TestExecutesOn:
    @pytest.mark.parametrize(
        ("now", "day"),
        [
            (utc(2026, 11, 26, 13, 59), date(2026, 11, 26)),
            (utc(2026, 11, 26, 14), date(2026, 11, 27)),
            (utc(2026, 11, 27, 14), date(2026, 11, 30)),
            (utc(2026, 12, 24, 14), date(2026, 12, 28)),
            # A holiday of Germany's, on which TARGET works.
            (utc(2026, 10, 3, 9), date(2026, 10, 5)),
            (utc(2026, 7, 1, 13), date(2026, 7, 2)),
        ],
    )
    def test_the_day_of_the_cut_off_or_the_next(self, now: datetime, day: date) -> None:
        assert EURO.executes_on(now) == day

    def test_other_currencies_follow_the_entitys_country(self) -> None:
        assert DOLLAR.executes_on(utc(2026, 8, 9, 20)) == date(2026, 8, 11)


class TestCollections:
    def test_the_last_one_counts_however_long_ago(self) -> None:
        assert EURO.last_collection(utc(2026, 11, 29, 12)) == utc(2026, 11, 27, 13, 30)
        assert EURO.last_collection(utc(2026, 11, 26, 13, 29)) == utc(2026, 11, 25, 13, 30)
        assert EURO.last_collection(utc(2026, 11, 26, 13, 30)) == utc(2026, 11, 26, 13, 30)

    def test_the_next_one(self) -> None:
        assert EURO.next_collection(utc(2026, 11, 26, 13)) == utc(2026, 11, 26, 13, 30)
        assert EURO.next_collection(utc(2026, 11, 27, 13, 30)) == utc(2026, 11, 30, 13, 30)

    def test_people_are_asked_on_days_of_the_bank(self) -> None:
        assert EURO.asks_at(utc(2026, 11, 27, 14), 1) == utc(2026, 11, 30, 8)
