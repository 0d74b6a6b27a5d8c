"""Writes BAI2 files of any size with known content, from the same sheets as `write_camt`: streaming, no judge."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from os import PathLike
from typing import BinaryIO

from bankfiles.sample import Batch, Payment, Sheet

ORIGINATOR = "122099999"
"""A valid routing number: that of the standard's own examples."""
SENDER = "GSBI"
"""Goldman Sachs, whose tags are written here."""


class NotInBai2(ValueError):
    """BAI2 has no place for it."""

    def __init__(self, what: str, found: object) -> None:
        super().__init__(f"BAI2 cannot say {what}: {str(found)[:40]!r}")


def write_bai2(
    target: str | PathLike[str] | BinaryIO,
    sheets: Iterable[Sheet],
    *,
    interim: bool = False,
    encoding: str = "UTF-8",
) -> None:
    """Write the sheets, each a group with one account, with opening and closing ledger as given.

    All payments of a sheet are booked on its day: pending in an interim report, else final. Raises NotInBai2.
    """
    if isinstance(target, str | PathLike):
        with open(target, "wb") as stream:
            write_bai2(stream, sheets, interim=interim, encoding=encoding)
        return
    lines: list[str] = []
    for line in _file(sheets, interim):
        lines.append(line)
        if len(lines) >= 1_000:
            target.write("".join(lines).encode(encoding))
            lines.clear()
    target.write("".join(lines).encode(encoding))


def _file(sheets: Iterable[Sheet], interim: bool) -> Iterator[str]:
    total = groups = records = 0
    for sheet in sheets:
        if groups == 0:
            created = sheet.created_on if interim else sheet.created_on + timedelta(days=1)
            yield f"01,{SENDER},PREPAY,{created:%y%m%d},0600,1,,,2/\n"
        group = _Group(sheet, interim)
        yield from group.lines()
        total, groups, records = total + group.total, groups + 1, records + group.records
    yield f"99,{total},{groups},{records + 2}/\n"


class _Group:
    """The lines of a sheet, added up as they are written."""

    def __init__(self, sheet: Sheet, interim: bool) -> None:
        self.total = self.records = 0
        self._sheet, self._interim = sheet, interim

    def lines(self) -> Iterator[str]:
        sheet = self._sheet
        as_of = f"{sheet.created_on:%y%m%d},{'1200' if self._interim else '2400'}"
        modifier = 3 if self._interim else 2
        self.total = sheet.opening_minor + sheet.closing_minor
        self.records = 2
        yield f"02,PREPAY,{ORIGINATOR},1,{as_of},{sheet.currency},{modifier}/\n"
        yield (
            f"03,{_field('account', sheet.account)},{sheet.currency},"
            f"010,{sheet.opening_minor},,,015,{sheet.closing_minor},,/\n"
        )
        for entry in sheet.entries:
            yield self._entry(entry)
        yield f"49,{self.total},{self.records}/\n"
        yield f"98,{self.total},1,{self.records + 2}/\n"
        self.records += 2

    def _entry(self, entry: Payment | Batch) -> str:
        payments = entry.payments if isinstance(entry, Batch) else (entry,)
        first, minor = payments[0], sum(payment.amount_minor for payment in payments)
        sheet, status = self._sheet, "PDNG" if self._interim else "BOOK"
        for payment in payments:
            if payment.status != status:
                raise NotInBai2(f"another status than {status} in this report", payment.status)
            if payment.booked_on != sheet.created_on:
                raise NotInBai2("another booking date than that of the report", payment.booked_on)
        value_on = first.value_on or first.booked_on
        funds = "Z" if value_on == sheet.created_on else f"V,{value_on:%y%m%d},"
        customer = "" if isinstance(entry, Batch) else _field("end-to-end id", first.end_to_end_id)
        # A text has no delimiter, so it can stand in records of its own, a line each.
        text = [] if isinstance(entry, Batch) else [_text(line) for line in _lines(first) if line.strip()]
        self.total += abs(minor)
        self.records += 1 + len(text)
        return (
            f"16,{_code(minor, first.reversal)},{abs(minor)},{funds},"
            f"{_field('bank reference', entry.bank_reference)},{customer}{'' if text else ','}/\n"
            + "".join(f"88,{line}/\n" for line in text)
        )


def _code(minor: int, reversal: bool) -> str:
    if reversal:
        return "252" if minor > 0 else "552"
    return "195" if minor > 0 else "495"


def _lines(payment: Payment) -> Iterator[str]:
    """The text: what was remitted, and who paid under the tags that some banks use."""
    yield payment.structured
    yield from payment.free
    for tag, value in (
        ("DBNM", payment.payer_name),
        ("DACT", payment.payer_account),
        ("DBIC", payment.payer_bank),
        ("CACT", payment.payee_account),
    ):
        if value:
            yield f"{tag}: {value}"


def _field(what: str, text: str) -> str:
    if set(text) & set(",/\r\n"):
        raise NotInBai2(f"commas, slashes or line breaks in the {what}", text)
    return text


def _text(line: str) -> str:
    if set(line) & set("\r\n"):
        raise NotInBai2("line breaks in a text", line)
    return line
