"""When customers are reminded: business days of their country, at nine in the morning of the entity."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

REMIND_AT = time(9)


@lru_cache(maxsize=64)
def _calendar(country: str) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        # A country without a published calendar still has weekends.
        return holidays.HolidayBase()


def add_business_days(start: date, days: int, country: str) -> date:
    """The day that is so many business days after `start`; weekends and holidays are the country's own."""
    calendar, day = _calendar(country), start
    while days > 0:
        day += timedelta(days=1)
        days -= calendar.is_working_day(day)
    return day


def business_days_from(day: date, days: int, country: str) -> date:
    """The day so many business days after a day, or before it where `days` is below zero."""
    if days >= 0:
        return add_business_days(day, days, country)
    calendar = _calendar(country)
    while days < 0:
        day -= timedelta(days=1)
        days += calendar.is_working_day(day)
    return day


def at_nine(day: date, time_zone: str) -> datetime:
    """Nine in the morning there, as UTC."""
    return datetime.combine(day, REMIND_AT, ZoneInfo(time_zone)).astimezone(UTC)


def reminder_times(
    issued_at: datetime, business_days: list[int], country: str, time_zone: str
) -> tuple[datetime, ...]:
    """When each reminder of an unpaid form is due, in order, as UTC."""
    zone = ZoneInfo(time_zone)
    start = issued_at.astimezone(zone).date()
    return tuple(at_nine(add_business_days(start, n, country), time_zone) for n in sorted(set(business_days)))
