"""The lines of an MT940 or MT942 file and the fields they make: size, encoding, line ends, tags, SWIFT envelopes."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bankfiles.camt_fields import MAX_TEXT
from bankfiles.chunks import chunks, printable
from bankfiles.refusals import TooLarge

MAX_LINE_BYTES = 64 * 1024
"""SWIFT lines have 65 characters; some banks write a whole field in one."""

ENVELOPE, ENVELOPE_END, STRAY = "{4:", "-}", "stray"
"""What stands beside the tags: a SWIFT text block begins, ends; a `:61:` where none may begin."""

FINTS = b"@@:"
"""How a file begins whose lines end as in FinTS, with two signs."""

# The fields of both messages; another one with a letter is a bank's own. Two digits alone may be a time that was
# broken over two lines, so they are a tag only when they are known.
_TAG = re.compile(r":(20|21|25|28|60|61|62|64|65|86|13|NS|[0-9]{2}[A-Z]):")
_MINUTES = frozenset({"20", "25"})
_NOT_BEHIND_ENTRIES = frozenset({"13", "13D", "21", "28", "28C", "34F", "64", "65"})
"""What stands before the first entry, or behind the closing balance: in an entry it begins a line of its text."""
_NO_TEXT = frozenset({"", " ", "{", "-"})
"""What a line of text does not begin with, and a line without text may."""
_ENDS_ENTRIES = frozenset({"20", "25", "25P", "60", "60F", "60M", "62", "62F", "62M", "90C", "90D"})
_SECONDS = re.compile(r"[0-5][0-9](?![0-9])")
_INLINE_END = re.compile(r"-\}\s*(?:\{5:.*)?\Z")
_TEXT_BEHIND_END = re.compile(r"-\}[^{]*[^\W_]")
_FINTS_ENDS = re.compile(rb"@{2,}")
_BLOCK = re.compile(r"\{[1-5]:")
_ENTRY = re.compile(r":61:\s*[0-9]{6}")


class Field(NamedTuple):
    """A tag without its colons, the line it stands in, and what follows it."""

    tag: str
    line: int
    lines: list[str]

    @property
    def text(self) -> str:
        return self.lines[0].strip()


def fields(source: bytes | BinaryIO) -> Iterator[Field]:
    """The fields of a file, one in memory at a time; of one longer than MAX_TEXT only that is told. Raises Refused."""
    stream: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source
    field: Field | None = None
    of_entry = indented = booked = False
    length = 0
    for number, line in enumerate(lines(stream), 1):
        beside, start = _envelope(line.lstrip(), of_entry, booked) if line[:1] in _NO_TEXT else ("", line)
        found = _TAG.match(start) if start[:1] == ":" else None
        if (
            found is not None
            and of_entry
            and (found[1] in _NOT_BEHIND_ENTRIES or (found[1] in _MINUTES and _is_time(field, start)))
        ):
            found, start = None, line
        if found is not None and of_entry and found[1] == "61" and line[:1] == " " and not indented:
            # A space may be a payer's, or the bank's before what a payer begins a line with.
            found, start = None, line
        if found is None and not beside:
            if field is not None and line and length <= MAX_TEXT:
                # One character beyond the limit tells that there was more.
                field.lines.append(line[: MAX_TEXT + 1 - length])
                length += len(line)
        elif field is not None:
            yield _ended(field)
            field = None
        if beside:
            yield Field(beside, number, [""])
        if found is not None:
            tag, rest = found[1], start[found.end() :]
            field, length, indented = Field(tag, number, [rest]), len(rest), line[:1] == " "
            of_entry = tag == "61" or (of_entry and tag not in _ENDS_ENTRIES)
            booked = tag[:2] == "60" or (booked and tag != "20")
        if (
            "-}" in line
            and field is not None
            and not of_entry
            and (end := _INLINE_END.search(field.lines[-1]))
        ):
            # Some banks end the text block in its last line.
            field.lines[-1] = field.lines[-1][: end.start()]
            yield _ended(field)
            field = None
            yield Field(ENVELOPE_END, number, [""])
        if ":61:" in line and _ENTRY.search(start, 1):
            yield Field(STRAY, number, [line])
    if field is not None:
        yield _ended(field)


def _ended(field: Field) -> Field:
    """A field without the dash that ends a statement outside of an envelope."""
    if field.lines[-1].strip() == "-" and len(field.lines) > 1:
        field.lines.pop()
    return field


def _envelope(start: str, of_entry: bool, booked: bool) -> tuple[str, str]:
    """What of SWIFT's envelope a line holds, and what stands behind it.

    In the text of an entry, what a payer writes does not count: of a booked statement the closing balance is to come.
    """
    if start[:1] == "{" and _BLOCK.match(start):
        _, block, rest = start.partition(ENVELOPE)
        if not of_entry or rest.strip()[:1] in ("", ":"):
            return block, rest
    if start[:2] == ENVELOPE_END and not (of_entry and (booked or _TEXT_BEHIND_END.match(start))):
        return ENVELOPE_END, ""
    # A bank's dash that ends a message may stand before a tag, and in the middle of one. In an entry, it may be a
    # payer's: then an entry behind it is a stray one.
    return "", start[1:] if start[:2] == "-:" and not of_entry else start


def _is_time(field: Field | None, start: str) -> bool:
    """Whether what looks like a tag is the second half of a time, `12` in one line and `:20:59` in the next."""
    if field is None or field.tag != "86":
        return False
    return field.lines[-1][-1:].isdigit() and _SECONDS.match(start, 4) is not None


def lines(stream: BinaryIO) -> Iterator[str]:
    """The lines of a stream, whatever ends them, without control characters. Raises Refused."""
    rest = b""
    fints = None
    for more in chunks(stream):
        piece = rest + more
        if fints is None and len(piece) >= len(FINTS):
            fints = piece.startswith(FINTS)
        kept = b""
        if fints:
            # Those at the end may be the first half of a line end.
            whole = piece.rstrip(b"@")
            piece, kept = _fints_lines(whole), piece[len(whole) :]
        # A carriage return at the end may be the first half of a line end.
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, -1)) + 1
        rest = piece[end:] + kept
        if len(rest) > MAX_LINE_BYTES:
            raise TooLarge("A line of the file", f"{MAX_LINE_BYTES // 1024} KiB")
        if end:
            yield from _split(piece[:end])
    if rest:
        yield from _split(_fints_lines(rest) if fints else rest)


def _fints_lines(piece: bytes) -> bytes:
    """With line ends for each two signs; of three, the first is of the text."""
    return _FINTS_ENDS.sub(lambda found: b"@" * (len(found[0]) % 2) + b"\n" * (len(found[0]) // 2), piece)


def _split(piece: bytes) -> list[str]:
    whole = piece.splitlines()
    if piece.isascii():
        texts = [line.decode("ascii") for line in whole]
        return texts if "".join(texts).isprintable() else [printable(text) for text in texts]
    return [printable(_decoded(line)) for line in whole]


def _decoded(line: bytes) -> str:
    """Line by line, as nothing in a file tells: what is no UTF-8 is Windows-1252, which covers Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
