"""The bank's days: on which it works, until when it takes payment files, and when what is ready is collected."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

LEAD = timedelta(minutes=30)
"""So long before the cut-off the day's file is made: what is ready later goes the next day."""
ASK_AT = time(9)


@lru_cache(maxsize=64)
def _calendar(currency: str, country: str) -> holidays.HolidayBase:
    # Euro payments settle in TARGET, whose closing days are the same in every country.
    if currency == "EUR":
        return holidays.financial_holidays("XECB")
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        # A country without a published calendar still has weekends.
        return holidays.HolidayBase()


class BankDays:
    """The days of one account's bank: `country` is the entity's, `cut_off` such as `15:00` in its time zone."""

    def __init__(self, currency: str, country: str, time_zone: str, cut_off: str) -> None:
        self._days = _calendar(currency, country)
        self._zone = ZoneInfo(time_zone)
        self._cut_off = time.fromisoformat(cut_off)

    def works_on(self, day: date) -> bool:
        """Whether the bank does."""
        return bool(self._days.is_working_day(day))

    def add(self, day: date, days: int) -> date:
        """So many of its days later; with 0 the day itself, or the next on which it works."""
        while not self.works_on(day):
            day += timedelta(days=1)
        for _ in range(days):
            day += timedelta(days=1)
            while not self.works_on(day):
                day += timedelta(days=1)
        return day

    def executes_on(self, now: datetime) -> date:
        """The day on which the bank carries out what it gets now."""
        local = now.astimezone(self._zone)
        today = local.date()
        if self.works_on(today) and local.time() < self._cut_off:
            return today
        return self.add(today + timedelta(days=1), 0)

    def collects_at(self, day: date) -> datetime:
        """When the file of that day is made."""
        return datetime.combine(day, self._cut_off, self._zone) - LEAD

    def next_collection(self, now: datetime) -> datetime:
        """The next time that a file is made."""
        day = self.add(now.astimezone(self._zone).date(), 0)
        return self.collects_at(day) if self.collects_at(day) > now else self.collects_at(self.add(day, 1))

    def last_collection(self, now: datetime) -> datetime:
        """The last time that came: what was ready then is due, also where nobody was there to collect it."""
        day = now.astimezone(self._zone).date()
        while not self.works_on(day) or self.collects_at(day) > now:
            day -= timedelta(days=1)
        return self.collects_at(day)

    def asks_at(self, since: datetime | date, days: int) -> datetime:
        """Nine in the morning, so many of its days after."""
        day = since.astimezone(self._zone).date() if isinstance(since, datetime) else since
        return datetime.combine(self.add(day, days), ASK_AT, self._zone)
