"""Which statements of an account follow each other, and what the book's bank account must move for that.

A statement follows the newest one before it whose closing balance is its opening one, of its own format or another;
or it begins where another one begins, the same days told again. Numbers count too: one that was left out hides a
statement, unless another format tells of those days, or people have said that this bank leaves numbers out.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

MAX_DAYS_ALIKE = 31
"""Statements of the same days end at most so far apart."""
NUMBERS_BEFORE = 50
"""Among so many statements before one, the last number of its kind is looked for."""


@dataclass(slots=True)
class Link:
    """A statement with its booked balances, in signed minor units."""

    id: int
    kind: str
    number: int | None
    page: int
    opening_minor: int
    opening_on: date | None
    closing_minor: int
    closing_on: date
    chained: bool = False
    begins: str = ""
    """`account` or `gap` where a chain begins with it."""
    gap_from_minor: int | None = None
    skips: bool = False

    @property
    def when(self) -> tuple[date, int, int, int]:
        """The order of statements of one kind."""
        return self.closing_on, self.number or 0, self.page, self.id

    @property
    def begins_on(self) -> date:
        return self.opening_on or self.closing_on


@dataclass(frozen=True, slots=True)
class Step:
    """The book's bank account moves by so much, for a statement, against `opening` or `unexplained`."""

    statement: int
    moved_minor: int
    house: str
    on: date


@dataclass(slots=True)
class Chain:
    """The statements of one account, or all that can matter. `steps` and `changed` say what linking them has done."""

    links: list[Link]
    steps: list[Step] = field(default_factory=list)
    changed: dict[int, Link] = field(default_factory=dict)
    _by_kind: dict[str, list[tuple[tuple[date, int, int, int], Link]]] = field(default_factory=dict)
    _by_opening: dict[int, list[Link]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for link in self.links:
            if link.chained:
                self._by_kind.setdefault(link.kind, []).append((link.when, link))
                self._by_opening.setdefault(link.opening_minor, []).append(link)
        # An account may have tens of thousands: sorted once.
        for order in self._by_kind.values():
            order.sort()

    def grow(self) -> None:
        """Link all that can be linked."""
        if not any(self._by_kind.values()):
            first = min(
                (link for link in self.links if link.page == 1), key=lambda link: link.when, default=None
            )
            if first is not None:
                self.begin(first, "account")
        grows = True
        while grows:
            grows = any([*self._extend()]) | self._begin_earlier() | self._close_gaps()

    def begin(self, link: Link, begins: str, gap_from_minor: int = 0) -> None:
        """Let a chain begin with a statement: the account itself, or what follows a gap."""
        link.begins, link.gap_from_minor = begins, gap_from_minor if begins == "gap" else None
        self._step(link, link.opening_minor - gap_from_minor, begins)
        self.link(link)

    def link(self, link: Link) -> None:
        """Take a statement into the chain."""
        link.chained = True
        self._index(link)
        self.changed[link.id] = link

    def take_over(self, link: Link) -> None:
        """Let the account begin with this statement, which overlaps the one that it began with."""
        began = next((other for other in self.links if other.begins == "account"), None)
        if began is not None:
            self._move_beginning(began, link)

    def begin_before(self, link: Link) -> None:
        """Let the account begin with this statement, after which others are missing up to the one it began with."""
        began = next((other for other in self.links if other.begins == "account"), None)
        if began is None:
            self.begin(link, "account")
            return
        self._move_beginning(began, link)
        began.begins, began.gap_from_minor = "gap", link.closing_minor
        self._step(began, began.opening_minor - link.closing_minor, "gap")

    def gaps(self) -> list[Link]:
        """The statements before which another one is missing, oldest first; not those that follow one of these."""
        missing = sorted((link for link in self.links if not link.chained), key=lambda link: link.when)
        ends: dict[int, list[Link]] = {}
        for link in missing:
            ends.setdefault(link.closing_minor, []).append(link)
        return [
            link
            for link in missing
            if not any(
                _before(other, link) for other in ends.get(link.opening_minor, ()) if other is not link
            )
        ]

    def last_before(self, link: Link) -> Link | None:
        """The newest chained statement before this one, whatever its kind."""
        found = [other for kind in self._by_kind for other in self._newest(kind, link)]
        return max(found, key=lambda other: other.when, default=None)

    def left_out_after(self, link: Link) -> int | None:
        """The last number before this statement, where its own shows that at least one was left out."""
        last = self._numbered_before(link)
        if last is None or link.number is None or last.number is None or link.number - last.number <= 1:
            return None
        if any(other.skips for _, other in self._by_kind[link.kind]):
            return None
        told = any(
            other.closing_minor == link.opening_minor and other.closing_on > last.closing_on
            for kind in self._by_kind
            if kind != link.kind
            for other in self._newest(kind, link)
        )
        return None if told else last.number

    def _extend(self) -> Iterator[bool]:
        for link in sorted((link for link in self.links if not link.chained), key=lambda link: link.when):
            if self._follows(link) or self._begins_alike(link):
                self.link(link)
                yield True

    def _follows(self, link: Link) -> bool:
        meets = any(
            other.closing_minor == link.opening_minor
            for kind in self._by_kind
            for other in self._newest(kind, link)
        )
        return meets and self.left_out_after(link) is None

    def _begins_alike(self, link: Link) -> bool:
        return any(
            (other.opening_on == link.opening_on or other.closing_on == link.closing_on)
            and abs((other.closing_on - link.closing_on).days) <= MAX_DAYS_ALIKE
            and (
                other.kind != link.kind or None in (other.number, link.number) or other.number == link.number
            )
            for other in self._by_opening.get(link.opening_minor, ())
        )

    def _begin_earlier(self) -> bool:
        """What ends where a chain begins is now its beginning."""
        moved, before = False, None
        for begun in sorted((link for link in self.links if link.begins), key=lambda link: link.when):
            earlier = [
                link
                for link in self.links
                if not link.chained
                and link.closing_minor == begun.opening_minor
                and _surely_before(link, begun)
                and (before is None or _surely_before(before, link))
            ]
            if earlier:
                self._move_beginning(begun, max(earlier, key=lambda link: link.when))
                moved = True
            before = begun
        return moved

    def _move_beginning(self, begun: Link, link: Link) -> None:
        link.begins, link.gap_from_minor = begun.begins, begun.gap_from_minor
        begun.begins, begun.gap_from_minor = "", None
        self.changed[begun.id] = begun
        self._step(link, link.opening_minor - begun.opening_minor, link.begins)
        self.link(link)

    def _close_gaps(self) -> bool:
        """The missing statement came after all: what had been booked in its place is taken back."""
        closed = False
        for link in [link for link in self.links if link.begins == "gap"]:
            found = [
                other
                for kind in self._by_kind
                for other in self._newest(kind, link)
                if other.closing_minor == link.opening_minor and other is not link
            ]
            if found:
                moved = (link.gap_from_minor or 0) - link.opening_minor
                link.begins, link.gap_from_minor = "", None
                self.changed[link.id] = link
                first = min(found, key=lambda other: other.id)
                self.steps.append(Step(first.id, moved, "unexplained", link.begins_on))
                closed = True
        return closed

    def _step(self, link: Link, moved_minor: int, begins: str) -> None:
        house = "opening" if begins == "account" else "unexplained"
        self.steps.append(Step(link.id, moved_minor, house, link.begins_on))

    def _index(self, link: Link) -> None:
        insort(self._by_kind.setdefault(link.kind, []), (link.when, link))
        self._by_opening.setdefault(link.opening_minor, []).append(link)

    def _newest(self, kind: str, link: Link) -> Iterable[Link]:
        """The chained statements of a kind that can stand right before this one: of its day, else of the last day."""
        order = self._by_kind[kind]
        same_day = [
            other for _, other in order[_first(order, link.closing_on) : _end(order, link.closing_on)]
        ]
        before = [other for other in same_day if other is not link and _before(other, link)]
        if kind == link.kind and link.number is not None:
            numbered = [other for other in before if other.number is not None]
            if numbered:
                # A statement in one piece and the first page of its pages are both number 1, page 1.
                last = (numbered[-1].number, numbered[-1].page)
                return [other for other in numbered if (other.number, other.page) == last]
        at = _first(order, link.closing_on)
        if at == 0:
            return before
        day = order[at - 1][1].closing_on
        return before + [other for _, other in order[_first(order, day) : at]]

    def _numbered_before(self, link: Link) -> Link | None:
        order = self._by_kind.get(link.kind, [])
        at = bisect_left(order, (link.when,))
        return next(
            (
                other
                for _, other in reversed(order[max(at - NUMBERS_BEFORE, 0) : at])
                if other.number is not None
            ),
            None,
        )


def _first(order: list[tuple[tuple[date, int, int, int], Link]], day: date) -> int:
    return bisect_left(order, ((day, -1, -1, -1),))


def _end(order: list[tuple[tuple[date, int, int, int], Link]], day: date) -> int:
    return bisect_right(order, ((day, 2**62, 2**62, 2**62),))


def _before(first: Link, second: Link) -> bool:
    """Whether one may stand before the other; on one day numbers and pages of a kind decide, where there are any."""
    if first.closing_on != second.closing_on:
        return first.closing_on < second.closing_on
    if first.kind != second.kind or None in (first.number, second.number):
        return True
    return (first.number or 0, first.page) < (second.number or 0, second.page)


def _surely_before(first: Link, second: Link) -> bool:
    """Whether one certainly stands before the other: balances that meet prove little where a day has several."""
    if first.closing_on != second.closing_on:
        return first.closing_on < second.closing_on
    same = first.kind == second.kind and None not in (first.number, second.number)
    return same and (first.number or 0, first.page) < (second.number or 0, second.page)
