"""Records as files for spreadsheets, CSV or XLSX, that cannot attack whoever opens them.

Text that a spreadsheet would take for a formula (CWE-1236) gets an apostrophe before it in CSV, as OWASP advises; in
XLSX each cell says itself that it is text. Amounts are plain decimals in the currency's own digits.
"""

import csv
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from prepay.money import to_decimal
from prepay.record_reading import RecordReading, Wanted
from prepay.records import Record

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a formula begins; the last four are full-width, which some spreadsheets read as the same."""
_WITHIN = re.compile(r"[;|\t\r\n](?=[ \u00a0\"]*[=+\-@＝＋－＠])")
"""The same behind what some spreadsheets, by their country or setting, take for the end of a cell."""
SHEET_ROWS = 1_048_575
"""Rows of a sheet below its heading: what is more goes to another one."""
TOLD_EVERY = 50_000
MAX_DIGITS = 15
"""As many as a spreadsheet's number keeps."""
MAX_TEXT = 32_767
"""As much as a cell holds: the products of a bill of many lines can be more, and would not be there at all."""

COLUMNS: tuple[tuple[str, Callable[[Record], Any]], ...] = (
    ("Number", lambda r: r.id),
    ("Recorded (UTC)", lambda r: r.created_at),
    ("Effective", lambda r: r.effective_on),
    ("Value date", lambda r: r.value_on),
    ("Entity", lambda r: r.entity),
    ("Currency", lambda r: r.currency),
    ("Kind", lambda r: r.kind),
    ("What", lambda r: r.words + (", pending" if r.pending else "")),
    ("About", lambda r: r.about),
    ("Product", lambda r: r.product),
    ("Payer", lambda r: r.payer),
    ("Bank reference", lambda r: r.bank_reference),
    ("Virtual account", lambda r: r.virtual_account),
    ("Reference", lambda r: r.key),
    ("Cause", lambda r: r.cause),
    ("Amount", lambda r: _decimal(r.amount_minor, r.currency)),
    ("Held", lambda r: _decimal(r.held_minor, r.currency)),
    ("Balance", lambda r: _decimal(r.balance_minor, r.currency)),
    ("Available", lambda r: _decimal(r.available_minor, r.currency)),
)
HEADINGS = [heading for heading, _ in COLUMNS]


class XlsxMissing(ValueError):
    """XLSX needs a package that is not installed."""

    def __init__(self) -> None:
        super().__init__("XLSX needs the package xlsxwriter: `pip install prepay[xlsx]`, or export CSV")


class NoSpreadsheet(ValueError):
    """What kind of file is wanted is told by its name."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name[:80]!r} ends in neither .csv nor .xlsx")


class RecordFile(Protocol):
    """A file that takes records row by row."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...

    def write(self, record: Record) -> None:
        """Add a row."""


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(to_decimal(minor, currency))


def harmless(text: str) -> str:
    """Text that no spreadsheet runs: what could be a formula has an apostrophe before it."""
    text = _WITHIN.sub(r"\g<0>'", text)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(DANGEROUS) else text


def csv_row(values: Iterable[Any]) -> list[str]:
    """Values as CSV holds them: numbers as they are, text made harmless, nothing for None."""
    return [_csv_cell(value) for value in values]


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


class CsvFile:
    """Comma-separated, UTF-8 with a byte order mark, so that spreadsheets read names right (RFC 4180)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(HEADINGS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, record: Record) -> None:
        """Add a row."""
        self._rows.writerow(csv_row(value(record) for _, value in COLUMNS))


class XlsxFile:
    """A workbook that is written row by row and never held in memory; a sheet for each million rows."""

    def __init__(self, path: Path) -> None:
        try:
            import xlsxwriter
        except ImportError:
            raise XlsxMissing from None
        self._book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False})
        self._bold = self._book.add_format({"bold": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sums: dict[str, Any] = {}
        self._row = 0
        self._add_sheet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def _add_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(COLUMNS) - 1, 14)
        for column, heading in enumerate(HEADINGS):
            self._sheet.write_string(0, column, heading, self._bold)
        self._row = 0

    def write(self, record: Record) -> None:
        """Add a row."""
        if self._row == SHEET_ROWS:
            self._add_sheet()
        self._row += 1
        for column, (_, value) in enumerate(COLUMNS):
            self._cell(column, value(record), record.currency)

    def _cell(self, column: int, value: Any, currency: str) -> None:
        if isinstance(value, str):
            self._sheet.write_string(self._row, column, value[:MAX_TEXT])
        elif isinstance(value, datetime):
            self._sheet.write_datetime(self._row, column, value.replace(tzinfo=None), self._moment)
        elif isinstance(value, date):
            self._sheet.write_datetime(self._row, column, value, self._day)
        elif isinstance(value, Decimal) and len(value.as_tuple().digits) > MAX_DIGITS:
            self._sheet.write_string(self._row, column, str(value))
        elif isinstance(value, Decimal):
            self._sheet.write_number(self._row, column, value, self._sum(currency))
        elif value is not None:
            self._sheet.write_number(self._row, column, value)

    def _sum(self, currency: str) -> Any:
        if currency not in self._sums:
            places = len(to_decimal(0, currency).partition(".")[2])
            pattern = "#,##0" + ("." + "0" * places if places else "")
            self._sums[currency] = self._book.add_format({"num_format": pattern})
        return self._sums[currency]


def open_records(path: Path) -> RecordFile:
    """A file for records, by the ending of its name. Raises NoSpreadsheet, XlsxMissing."""
    return _kind(path)(path)


def _kind(path: Path) -> type[CsvFile] | type[XlsxFile]:
    kinds: dict[str, type[CsvFile] | type[XlsxFile]] = {".csv": CsvFile, ".xlsx": XlsxFile}
    if path.suffix.lower() not in kinds:
        raise NoSpreadsheet(path)
    return kinds[path.suffix.lower()]


async def export_records(
    client: RecordReading,
    customer: str,
    path: Path,
    *,
    only: Wanted = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Write all records of a customer, row by row; the file is there only when it is whole. Returns how many.

    `on_progress` is told how many are written, now and then. Raises NotFound, Unavailable, ValueError.
    """
    _kind(path)
    rows, unfinished = 0, path.with_name(f".{path.stem}.unfinished{path.suffix}")
    try:
        async with client.stream_records(customer, only=only) as stream:
            with open_records(unfinished) as file:
                async for record in stream:
                    file.write(record)
                    rows += 1
                    if on_progress and rows % TOLD_EVERY == 0:
                        on_progress(rows)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows
