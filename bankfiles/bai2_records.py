"""The records of a BAI2 file one after the other, each with its continuations, from bytes read forward only."""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from bankfiles.chunks import chunks, printable
from bankfiles.refusals import Broken, TooLarge, Unreadable

MAX_LINE_BYTES = 16 * 1024
"""Banks write 80 characters in a line, and a few hundred where they do not wrap texts."""
MAX_CONTINUATIONS = 1_000
"""88 records of one record."""

_CODES = rb"(?:01|02|03|16|49|88|98|99),"
_RECORD = re.compile(_CODES.decode())
# Where the 02 record follows the 01 in the same line, records end at slashes and not with lines.
_RUN_ON = re.compile(rb"01,[^/\r\n]*/[ \t]*02,")
_BETWEEN = re.compile(rb"(?<=/)[ \t]*(?=" + _CODES + rb")")
# The 01 record of a file that says how long its records are: the sixth field behind the code.
_LENGTH = re.compile(rb"01,(?:[^,/\n]*,){5} *(\d{2,4}) *,[^/\n]*/ *")
_PADDING = " \t\x00\x1a"


@dataclass(slots=True)
class Record:
    """A record with its 88 records; a line without a code that follows an open one is part of it."""

    code: str
    line: int
    bodies: list[str]
    """What stands after the code of the record, and of each 88 record; wrapped lines are joined by a line break."""
    count: int = 1
    """How many records of the file it is, as trailers count them."""
    last_line: int = field(default=0)

    @property
    def open(self) -> bool:
        return not self.bodies[-1].endswith("/")

    @property
    def complete(self) -> bool:
        """False when it has more continuations than were kept."""
        return self.count <= MAX_CONTINUATIONS + 1


class Fields:
    """The fields of a record in turn; a field that is not given is empty."""

    def __init__(self, record: Record) -> None:
        self._bodies = iter(record.bodies)
        self._rest: str | None = None
        self.at_start = True
        """Nothing was taken of the record in which the next field stands."""
        self._advance()

    def _advance(self) -> None:
        body = next(self._bodies, None)
        # The slash ends the fields of a record; a text may end without one.
        self._rest = None if body is None else body.removesuffix("/")
        self.at_start = True

    @property
    def more(self) -> bool:
        return self._rest is not None

    @property
    def like_text(self) -> bool:
        """Whether the next field has a blank, or stands alone in its record: references do neither."""
        field, comma, _ = (self._rest or "").partition(",")
        return not comma or " " in field.strip()

    @property
    def like_time(self) -> bool:
        """Whether the next field may be a time: it is empty, or HHMM with more behind it."""
        field, comma, _ = (self._rest or "").partition(",")
        return not field.strip() or (comma != "" and len(field.strip()) == 4 and field.strip().isdigit())

    def next(self) -> str:
        if self._rest is None:
            return ""
        text, comma, rest = self._rest.partition(",")
        if comma:
            self._rest, self.at_start = rest, False
        else:
            self._advance()
        return text.replace("\n", "").strip()

    def text(self) -> tuple[str, ...]:
        """All that is left, line by line: a text runs to the end of the record, commas and slashes included."""
        lines: list[str] = []
        while self._rest is not None:
            lines += self._rest.split("\n")
            self._advance()
        return tuple(line.strip() for line in lines if line.strip())


def whole_number(element: str, text: str) -> int:
    """A number with or without a sign; BAI2 takes an empty one for zero. Raises Unreadable."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if text and not (digits.isascii() and digits.isdigit() and len(digits) <= 25):
        raise Unreadable(element, "digits without a decimal point, such as 12345", text)
    return int(text or "0")


def skip_availability(fields: Fields, funds: str) -> str:
    """Pass over what a funds type has after it, and give the value date if it has one. Raises Unreadable."""
    if funds in ("", "Z", "0", "1", "2"):
        return ""
    if funds == "V":
        value_on = fields.next()
        # The time may be left out at the end of a record.
        if not fields.at_start or fields.like_time:
            fields.next()
        return value_on
    if funds == "S":
        for element in ("immediate funds", "one-day funds", "two-day funds"):
            whole_number(element, fields.next())
        return ""
    if funds == "D":
        count = whole_number("number of distributions", fields.next())
        if not 0 <= count <= MAX_CONTINUATIONS:
            raise Unreadable("number of distributions", f"at most {MAX_CONTINUATIONS}", count)
        for _ in range(count):
            whole_number("days", fields.next())
            whole_number("distributed funds", fields.next())
        return ""
    raise Unreadable("funds type", "0, 1, 2, D, S, V or Z", funds)


def records(source: bytes | BinaryIO) -> Iterator[Record]:
    """Each record when its continuations have been read. Raises Refused, and Held where a line is no record."""
    record: Record | None = None
    for line, text in _lines(io.BytesIO(source) if isinstance(source, bytes) else source):
        if _RECORD.match(text) is None:
            if record is None or record.code != "16" or not record.open:
                raise Broken(line, f"expected a record such as 16, found {text[:40]!r}")
            if record.complete:
                record.bodies[-1] += "\n" + text
                if len(record.bodies[-1]) > MAX_LINE_BYTES:
                    raise TooLarge("One record of the file", f"{MAX_LINE_BYTES} bytes")
        elif text.startswith("88"):
            if record is None:
                raise Broken(line, "an 88 record continues nothing")
            record.count += 1
            if record.complete:
                record.bodies.append(text[3:])
        else:
            if record is not None:
                yield record
            record = Record(text[:2], line, [text[3:]])
        record.last_line = line
    if record is not None:
        yield record


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers: printable text without padding."""
    for line, raw in _pieces(chunks(stream)):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
        text = printable(text.strip(_PADDING).strip()).strip()
        if text:
            yield line, text


def _pieces(stream: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines, or in a file that is written without lines the records, with the number of their line."""
    rest = next(stream, b"")
    length = _record_length(rest)
    if length:
        yield from _fixed(chain((rest,), stream), length)
        return
    run_on = _RUN_ON.match(rest.lstrip()) is not None
    number = 1
    while rest:
        lines = rest.splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            for piece in _BETWEEN.split(line) if run_on else (line,):
                yield number, _short(piece)
            number += 1
        if run_on:
            *whole, rest = _BETWEEN.split(rest)
            for piece in whole:
                yield number, _short(piece)
        more = next(stream, b"")
        if not more:
            break
        rest = _short(rest) + more
    if rest:
        yield number, _short(rest)


def _record_length(head: bytes) -> int:
    """How many bytes each record has in a file without lines whose records are filled up; 0 in any other.

    A text may end without a slash: there only the length tells where the next record begins.
    """
    found = _LENGTH.match(head)
    if found is None or b"\n" in head.rstrip():
        return 0
    length = int(found[1])
    return length if found.end() == length and head.startswith(b"02,", length) else 0


def _fixed(stream: Iterable[bytes], length: int) -> Iterator[tuple[int, bytes]]:
    rest = b""
    for more in stream:
        rest += more
        whole = len(rest) - len(rest) % length
        for start in range(0, whole, length):
            yield 1, rest[start : start + length]
        rest = rest[whole:]
    if rest:
        yield 1, rest


def _short(piece: bytes) -> bytes:
    if len(piece) > MAX_LINE_BYTES:
        raise TooLarge("One line of the file", f"{MAX_LINE_BYTES} bytes")
    return piece
