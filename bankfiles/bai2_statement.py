"""The heads and trailers of a BAI2 file: what a 01, 02 and 03 record say, and whether 49, 98 and 99 agree."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from stdnum.us import rtn

from bankfiles.bai2_codes import CLOSING_LEDGER, OPENING_LEDGER, TOTAL_CREDITS, TOTAL_DEBITS
from bankfiles.bai2_entry import TAGGING, Common, day
from bankfiles.bai2_records import Fields, Record, skip_availability, whole_number
from bankfiles.camt_values import account_number
from bankfiles.entry import Balance, Format, Statement, Summary
from bankfiles.refusals import Broken, OtherVersion, Unreadable
from prepay.money import MAX_MINOR, CurrencyRefused, digits

_BALANCES = {OPENING_LEDGER: "OPBD", CLOSING_LEDGER: "CLBD", "040": "OPAV", "045": "CLAV"}
_UPDATE = "1"
_OTHER_GROUPS = {
    "2": "takes back what was sent before",
    "3": "corrects what was sent before",
    "4": "is a test",
}
_FINAL, _INTERIM = ("2", "4"), ("1", "3")
_END_OF_DAY = ("2400", "9999")
_DEFAULT_CURRENCY = "USD"
MAX_BALANCES = 100
"""Of an account, totals included; the standard has one of each code."""


@dataclass(slots=True)
class Tally:
    """What has been counted of an account, a group or a file, for its trailer."""

    total: int = 0
    records: int = 0
    inside: int = 0
    """Accounts of a group, groups of a file."""
    problems: list[str] = field(default_factory=list)
    unread: int = 0
    """The line of an amount that could not be read."""

    def close(self, trailer: Record, inside: str = "") -> int:
        """Compare with the 49, 98 or 99 record; the total it states, for the level above."""
        fields = Fields(trailer)
        stated = self._compare(trailer, "control total", fields.next(), self.total)
        if inside:
            self._compare(trailer, f"number of {inside}", fields.next(), self.inside)
        self._compare(trailer, "number of records", fields.next(), self.records)
        return self.total if stated is None else stated

    def _compare(self, trailer: Record, element: str, text: str, found: int) -> int | None:
        where = f"line {trailer.line}, {trailer.code} {element}"
        try:
            stated = whole_number(element, text)
        except Unreadable as reason:
            self.problems.append(f"line {trailer.line}, {trailer.code} {reason}")
            return None
        if stated != found:
            unread = f" without the unreadable amount of line {self.unread}" if self.unread else ""
            self.problems.append(f"{where}: expected {stated} as the record states, found {found}{unread}")
        return stated


@dataclass(frozen=True, slots=True)
class FileHead:
    """What a 01 record says."""

    sender: str
    created_on: date | None
    file_id: str


def read_file_head(record: Record) -> FileHead:
    """Raises OtherVersion."""
    fields = Fields(record)
    sender, _, created, _, file_id, _, _, version = (fields.next() for _ in range(8))
    if version not in ("", "2"):
        raise OtherVersion("BAI", version, "2")
    try:
        return FileHead(sender, day("file creation date", created), file_id)
    except Unreadable:
        return FileHead(sender, None, file_id)


@dataclass(frozen=True, slots=True)
class GroupHead:
    """What a 02 record says, and what is wrong with it."""

    originator: str
    as_of: date
    time: str
    currency: str
    status: str
    problems: tuple[str, ...]


def read_group_head(record: Record, file: FileHead) -> GroupHead:
    """Raises Broken without a date: nothing of the group would have one."""
    fields = Fields(record)
    _, originator, group_status, as_of_text, time, currency, modifier = (fields.next() for _ in range(7))
    try:
        as_of = day("02 as-of date", as_of_text)
    except Unreadable as reason:
        raise Broken(record.line, str(reason)) from None
    problems = []
    if group_status != _UPDATE:
        meaning = _OTHER_GROUPS.get(group_status)
        problems.append(
            f"line {record.line}, 02 group status: expected {_UPDATE} (update), found {group_status or 'nothing'!r}"
            + (f", a group that {meaning}" if meaning else "")
        )
    if modifier not in ("", *_FINAL, *_INTERIM):
        problems.append(f"line {record.line}, 02 as-of-date modifier: expected 1 to 4, found {modifier!r}")
    status = _status(modifier, as_of, time, file.created_on)
    return GroupHead(originator, as_of, time, currency.upper(), status, tuple(problems))


def _status(modifier: str, as_of: date, time: str, created_on: date | None) -> str:
    """BOOK for what the bank calls final; what is interim is shown until the final report has it.

    Without a modifier a report is final when its day was over: at its as-of time, or when the file was made.
    Else it is empty, and the account tells.
    """
    if modifier:
        return "BOOK" if modifier in _FINAL else "PDNG"
    over = time in _END_OF_DAY or (created_on is not None and as_of < created_on)
    return "BOOK" if over else ""


class Account:
    """An open account: its statement, and what its entries take over."""

    def __init__(self, record: Record, position: int, file: FileHead, group: GroupHead) -> None:
        self.tally = Tally(records=record.count)
        self.problems: list[str] = list(group.problems)
        self.entries = 0
        fields = Fields(record)
        number = ""
        try:
            number = account_number(fields.next())
            if not number:
                raise Unreadable("account number", "the bank's number of the account", "")
        except Unreadable as reason:
            self._problem(record, reason)
        given = fields.next().upper() or group.currency
        currency = self._currency(record, given, (group.originator, file.sender))
        balances: list[Balance] = []
        summaries: list[Summary] = []
        try:
            for code, minor, count in self._items(fields):
                if code in _BALANCES:
                    balances.append(Balance(_BALANCES[code], minor, currency, group.as_of))
                elif code in (TOTAL_CREDITS, TOTAL_DEBITS):
                    summaries.append(Summary(code, count, minor))
                if len(balances) + len(summaries) > MAX_BALANCES:
                    raise Unreadable("03", f"at most {MAX_BALANCES} balances and totals", "more")
        except Unreadable as reason:
            self._problem(record, reason)
        if not record.complete:
            self._problem(record, Unreadable("88", "fewer continuations", record.count - 1))
        # Banks state a closing ledger balance when the day is over; before that, they call it current.
        closed = any(balance.code == "CLBD" for balance in balances)
        status = group.status or ("BOOK" if closed else "PDNG")
        tags = not TAGGING.isdisjoint((group.originator, file.sender))
        self.common = Common(number, currency, status, group.as_of, tags)
        self.statement = Statement(
            position,
            Format.BAI2,
            "",
            file.file_id,
            f"{group.as_of} {group.time}".strip(),
            number,
            currency,
            "",
            1,
            True,
            "",
            file.created_on,
            "",
            record.line,
            tuple(balances),
            tuple(summaries),
            interim=status != "BOOK",
        )

    def _problem(self, record: Record, reason: Unreadable) -> None:
        self.problems.append(f"line {record.line}, {reason}")

    def _currency(self, record: Record, currency: str, banks: tuple[str, ...]) -> str:
        """Raises Broken for what is no currency: no amount of the account could be told."""
        if currency:
            try:
                digits(currency)
            except CurrencyRefused:
                reason = Unreadable("03 currency", "an ISO 4217 currency in use", currency)
                raise Broken(record.line, str(reason)) from None
            return currency
        # By the standard it is then that of the bank's country; a US bank is known by its routing number.
        if not any(rtn.is_valid(bank) for bank in banks):
            expected = "one here or in the 02 record, as the bank is not known by a US routing number"
            self._problem(record, Unreadable("currency", expected, ""))
        return _DEFAULT_CURRENCY

    def _items(self, fields: Fields) -> Iterator[tuple[str, int, int | None]]:
        """Type code, amount and item count of what is given; the control total counts each. Raises Unreadable."""
        following = ""
        while following or fields.more:
            code, following = following or fields.next(), ""
            if not code:
                continue
            text, count, funds = fields.next(), fields.next(), fields.next().upper()
            minor = whole_number(f"{code} amount", text)
            if abs(minor) > MAX_MINOR:
                raise Unreadable(f"{code} amount", f"at most {MAX_MINOR}", text)
            self.tally.total += minor
            if len(funds) == 3 and funds.isdigit():
                # The funds type was left out at the end of a line.
                following = funds
            else:
                skip_availability(fields, funds)
            if text:
                yield code, minor, whole_number(f"{code} item count", count) if count else None
