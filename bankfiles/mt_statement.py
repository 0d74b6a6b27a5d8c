"""One statement of MT940 or MT942 while it is read: its head, its balances, and what is wrong with it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

from bankfiles.camt_fields import MAX_TEXT
from bankfiles.entry import Balance, Format, Statement, Summary
from bankfiles.mt_fields import (
    account,
    balance,
    balance_currency,
    day,
    entries_sum,
    floor_limit,
    statement_number,
)
from bankfiles.mt_lines import Field
from bankfiles.refusals import Unreadable

MAX_PROBLEMS = 20
MAX_OTHER_BALANCES = 100
MAX_HEAD_TEXT = 100
"""Characters of an account or reference; the standard has 35."""


class Pending:
    """An entry that may go on: its `:61:`, its `:86:`, and fields of the bank's own."""

    __slots__ = ("details", "length", "line", "lines", "notes")

    def __init__(self, field: Field) -> None:
        self.line, self.lines = field.line, field.lines
        self.details: list[str] = []
        self.notes: list[str] = []
        self.length = sum(map(len, field.lines))

    def add(self, texts: list[str], lines: list[str]) -> None:
        """Lines for one of the two. More than fits makes the entry unreadable, and is not kept."""
        if self.length <= MAX_TEXT:
            texts += lines
            self.length += sum(map(len, lines)) + 1


class OpenStatement:
    """A statement that is being read: its head, what is wrong with it, and the entry that is not complete yet."""

    def __init__(self, position: int, line: int, reference: str, enveloped: bool) -> None:
        self.position, self.line, self.reference = position, line, reference[:MAX_HEAD_TEXT]
        self.enveloped, self.closed = enveloped, False
        self.problems: list[str] = []
        self.account_text = self.number = ""
        self.page = 1
        self.interim = False
        self.currency = ""
        self.opening: Balance | None = None
        self.closing: Balance | None = None
        self.balances_told: set[str] = set()
        """Of 60 and 62, also where the balance cannot be read."""
        self.others: list[Balance] = []
        self.sums: list[Summary] = []
        self.floors: dict[str, int] = {}
        self.told_on: date | None = None
        self.entries = 0
        self.pending: Pending | None = None

    def problem(self, line: int, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"line {line}, {text}")

    def goes_on_in(self, field: Field) -> bool:
        """Whether a page that begins with this field is the next: with the balance that is carried over to it."""
        if field.tag == "60M" and self.closing is not None:
            with suppress(Unreadable):
                return balance("ITBD", field.text) == self.closing
        return False

    def follow(self, page: "OpenStatement") -> None:
        """Be the next page: some banks begin it with its opening balance."""
        self.reference, self.account_text = page.reference, page.account_text
        self.number, self.page = page.number, page.page + 1

    @property
    def format(self) -> Format:
        return Format.MT940 if self.balances_told or not self.interim else Format.MT942

    def known(self) -> Statement:
        """What is known so far."""
        balances = (self.opening, self.closing, *self.others)
        return Statement(
            self.position,
            self.format,
            "",
            "",
            self.reference,
            account(self.account_text, self.currency),
            self.currency,
            self.number,
            self.page,
            self.closing is None or self.closing.code != "ITBD",
            "",
            self.told_on,
            "",
            self.line,
            tuple(found for found in balances if found is not None),
            tuple(self.sums),
        )


def check_complete(statement: OpenStatement) -> None:
    if not statement.account_text:
        statement.problem(statement.line, ":25:: expected the account's IBAN or number, found nothing")
    if statement.enveloped:
        statement.problem(
            statement.line, "expected -} at the end of the text block, found none: the file is cut off"
        )
    if statement.format is Format.MT942:
        return
    opening, closing = statement.opening, statement.closing
    for tag in ("60", "62"):
        if tag not in statement.balances_told:
            statement.problem(
                statement.line, f":{tag}F:: expected the balance, found none: the statement is not complete"
            )
    if opening is not None and closing is not None and opening.currency != closing.currency:
        statement.problem(
            statement.line,
            f":62F:: expected a balance in {opening.currency} as in :60F:, found {closing.currency}",
        )


def _take_account(statement: OpenStatement, field: Field) -> None:
    if statement.account_text:
        raise Unreadable("account", "one", "another")
    if len(field.text) > MAX_HEAD_TEXT:
        raise Unreadable("account", f"at most {MAX_HEAD_TEXT} characters", field.text)
    statement.account_text = field.text


def _take_number(statement: OpenStatement, field: Field) -> None:
    statement.number, statement.page = statement_number(field.text)


def _take_opening(statement: OpenStatement, field: Field) -> None:
    if "60" in statement.balances_told:
        raise Unreadable("balance", "one opening balance", "another")
    statement.balances_told.add("60")
    # What the entries are in is known although the balance may be unreadable.
    statement.currency = statement.currency or balance_currency(field.text)
    statement.opening = balance("ITBD" if field.tag == "60M" else "OPBD", field.text)
    statement.currency = statement.opening.currency


def _take_closing(statement: OpenStatement, field: Field) -> None:
    statement.closed = True
    if "62" in statement.balances_told:
        raise Unreadable("balance", "one closing balance", "another")
    statement.balances_told.add("62")
    statement.closing = balance("ITBD" if field.tag == "62M" else "CLBD", field.text)
    statement.told_on = statement.closing.on


def _take_other_balance(statement: OpenStatement, field: Field) -> None:
    statement.closed = True
    if len(statement.others) < MAX_OTHER_BALANCES:
        # Nothing hangs on what is available.
        with suppress(Unreadable):
            statement.others.append(balance("CLAV" if field.tag == "64" else "FWAV", field.text))


def _take_floor(statement: OpenStatement, field: Field) -> None:
    statement.interim = True
    currency, mark, amount = floor_limit(field.text)
    statement.currency = statement.currency or currency
    for each in mark or "CD":
        statement.floors[each] = amount


def _take_time(statement: OpenStatement, field: Field) -> None:
    statement.interim = True
    with suppress(Unreadable):
        statement.told_on = day("time", field.text[:6])


def _take_sum(statement: OpenStatement, field: Field) -> None:
    statement.interim = True
    number, currency, amount = entries_sum(field.text)
    if statement.currency and currency != statement.currency:
        raise Unreadable("sum", f"a sum in {statement.currency}", currency)
    statement.closed = True
    statement.currency = currency
    mark = field.tag[2]
    element = "TtlCdtNtries" if mark == "C" else "TtlDbtNtries"
    if any(known.element == element for known in statement.sums):
        raise Unreadable("sum", "one", "another")
    statement.sums.append(Summary(element, number, amount, floor_minor=statement.floors.get(mark, 0)))


def _ignore(statement: OpenStatement, field: Field) -> None:
    pass


FIRST = frozenset({"25", "28", "60"})
HEADS: dict[str, Callable[[OpenStatement, Field], None]] = {
    "20": _ignore,
    "21": _ignore,
    "25": _take_account,
    "25P": _take_account,
    "28": _take_number,
    "28C": _take_number,
    "60": _take_opening,
    "60F": _take_opening,
    "60M": _take_opening,
    "62": _take_closing,
    "62F": _take_closing,
    "62M": _take_closing,
    "64": _take_other_balance,
    "65": _take_other_balance,
    "34F": _take_floor,
    "13": _take_time,
    "13D": _take_time,
    "90C": _take_sum,
    "90D": _take_sum,
}
