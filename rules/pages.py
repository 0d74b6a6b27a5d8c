"""Which pages make one statement: by number or id, and by balances that meet where a page ends and the next begins.

A number alone proves little: banks start again each year, write 0, number each page by itself, or cut the pages of a
copy differently. Where a page states no booked balances (a notification, a report) the day it was made must agree.
"""

from dataclasses import dataclass
from datetime import date

MAX_DAYS = 31
"""A statement spans a month; the same number later is the next year's, or another statement's."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of a page. Balances are signed minor units; `sequence` is empty where the bank does not number."""

    sequence: str
    statement_id: str
    page: int
    made_on: date | None
    opening_minor: int | None = None
    opening_on: date | None = None
    closing_minor: int | None = None
    closing_on: date | None = None

    @property
    def balanced(self) -> bool:
        return self.opening_minor is not None and self.closing_minor is not None


def statement_of(page: Page, known: dict[int, list[Page]]) -> int | None:
    """The statement that the page belongs to, of those known by id with their pages; None for a new one."""
    for statement, others in reversed(known.items()):
        answers = [_together(page, other) for other in others]
        if True in answers and False not in answers:
            return statement
    return None


def unmet(page: Page, known: dict[int, list[Page]]) -> Page | None:
    """The page next to this one, of the same number and day, whose balance is not this one's.

    Where this page is known too, with other balances, the bank has cut its pages anew, or used the number again.
    """
    for others in known.values():
        if any(other.page == page.page for other in others):
            continue
        for other in others:
            first, second = sorted((page, other), key=lambda p: p.page)
            same_day = first.closing_on == second.opening_on
            if _adjacent(page, other) and _same_number(page, other) and same_day and not _meet(first, second):
                return other
    return None


def _together(page: Page, other: Page) -> bool | None:
    """Whether two pages are of one statement, as far as these two tell."""
    numbered = _same_number(page, other)
    if not (page.balanced and other.balanced):
        return numbered and page.made_on == other.made_on
    if page.page == other.page:
        balances = (page.opening_minor, page.closing_minor) == (other.opening_minor, other.closing_minor)
        return numbered and balances
    first, second = sorted((page, other), key=lambda p: p.page)
    if _adjacent(page, other):
        return _meet(first, second) and (numbered or first.closing_on == second.opening_on)
    if numbered and first.closing_on is not None and second.opening_on is not None:
        return abs((second.opening_on - first.closing_on).days) <= MAX_DAYS
    return None


def _same_number(page: Page, other: Page) -> bool:
    if page.sequence and other.sequence:
        return page.sequence == other.sequence
    return page.statement_id == other.statement_id != ""


def _adjacent(page: Page, other: Page) -> bool:
    return page.balanced and other.balanced and abs(page.page - other.page) == 1


def _meet(first: Page, second: Page) -> bool:
    return first.closing_minor == second.opening_minor
