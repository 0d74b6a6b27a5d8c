"""Reads MT940 (customer statement) and MT942 (interim report) of SWIFT's category 9, as banks write them in files.

A file holds statements one after the other, each from its `:20:` on, in SWIFT's envelopes or without, and between
them whatever a bank's program puts there. A statement is read as a stream, with some entries in memory.

MT940 is booked. MT942 tells of the day so far, and not whether the bank has booked it: its entries are PDNG, shown
and never posted, until a statement has them. They have the same keys there.

The fields are taken apart here and not by a library, so that each entry has its line, and one that is unreadable is
quarantined alone (see `docs/decisions/0011-mt940-is-read-here.md`).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from bankfiles.camt_fields import MAX_TEXT
from bankfiles.entry import Event, Format, Statement, StatementEnd
from bankfiles.identity import Identities
from bankfiles.mt_entry import EntryReader, Raw
from bankfiles.mt_lines import ENVELOPE, ENVELOPE_END, FINTS, STRAY, Field, fields
from bankfiles.mt_statement import FIRST, HEADS, OpenStatement, Pending, check_complete
from bankfiles.refusals import NotABankFile, TooLarge, Unreadable

MAX_STATEMENTS = 20_000
"""SWIFT pages have 2,000 characters, so 100,000 entries may come in 14,000 of them."""

BATCH = 128
"""Fields that are taken from the lines at once, and then their entries: in turn they take a third more time."""

_TAGS = re.compile(
    r"^[\x00-\x09\x0b-\x20\ufeff]*:(20|25P?|28C?|60[FM]?|34F|90[CD]|61|62[FM]?):", re.MULTILINE
)


def find_mt(text: str) -> Format | None:
    """Which of the two a file is, by the first tags in it; None when it is neither."""
    end = "@@" if text.startswith(FINTS.decode()) else "\r"
    tags = list(dict.fromkeys(found[1] for found in _TAGS.finditer(text.replace(end, "\n"))))
    if len(tags) < 2 or not {"20", "25", "25P", "61"}.intersection(tags):
        return None
    told = next((tag for tag in tags if tag[:2] in ("60", "34", "90")), "60F")
    return Format.MT940 if told.startswith("60") else Format.MT942


def read_mt(source: bytes | BinaryIO, identities: type[Identities] = Identities) -> Iterator[Event]:
    """Each statement, its entries, and its end. Raises Refused."""
    reader, found = _Reader(identities), fields(source)
    while batch := list(islice(found, BATCH)):
        for field in batch:
            yield from reader.take(field)
        yield from reader.entries()
    yield from reader.end()
    if not reader.statements:
        raise NotABankFile


class _Reader:
    """What is open while the fields of a file come one after the other."""

    def __init__(self, identities: type[Identities]) -> None:
        self.statements = self._ordinal = 0
        self._statement: OpenStatement | None = None
        self._head: Statement | None = None
        self._entries = EntryReader("", "", "", identities(""))
        self._identities = identities
        self._enveloped = False
        self._path = ""
        self._raws: list[Raw] = []

    def take(self, field: Field) -> Sequence[Event]:
        """What is complete now that this field has come, but for entries: see `entries`."""
        tag, statement = field.tag, self._statement
        pending = None if statement is None else statement.pending
        events: list[Event] = []
        if tag == "86":
            # Before the first entry and behind the balances it is about the statement.
            if pending is not None:
                pending.add(pending.details, field.lines)
        elif tag == "61":
            self._end_entry()
            self._begin_entry(field, events)
        elif tag == STRAY:
            self._open(field, events).problem(
                field.line, ":61:: expected it at the beginning of a line, found it inside"
            )
        elif tag in HEADS:
            self._end_entry()
            self._begin(field, events)
            self._read_head(field)
        elif tag == ENVELOPE:
            events = self.end()
            self._enveloped = True
        elif tag == ENVELOPE_END:
            self._end_entry()
            self._enveloped = False
            if statement is not None:
                statement.enveloped = False
        elif pending is not None:
            pending.add(pending.notes, field.lines)
        return events

    def _open(self, field: Field, events: list[Event]) -> OpenStatement:
        """The statement that is open; a new one, which lacks its beginning, when there is none."""
        if self._statement is None:
            self._begin(field, events)
        assert self._statement is not None
        return self._statement

    def _begin(self, field: Field, events: list[Event]) -> None:
        """Open the statement this field is of; a new one where the field is the first of a head."""
        now = self._statement
        if now is not None and field.tag != "20" and not (now.closed and field.tag[:2] in FIRST):
            return
        if now is not None:
            # Some banks put all statements into one text block: its end comes behind the last.
            now.enveloped = False
        events += self.end()
        if self.statements >= MAX_STATEMENTS:
            raise TooLarge("The number of statements", str(MAX_STATEMENTS))
        reference = field.text if field.tag == "20" else ""
        self._statement = OpenStatement(self.statements, field.line, reference, self._enveloped)
        if now is not None and now.goes_on_in(field):
            self._statement.follow(now)
        elif field.tag != "20":
            self._statement.problem(field.line, f":{field.tag}:: expected a :20: before it, found none")
        self.statements += 1

    def _read_head(self, field: Field) -> None:
        statement, tag = self._statement, field.tag
        assert statement is not None
        take = HEADS[tag]
        try:
            take(statement, field)
        except Unreadable as reason:
            statement.problem(field.line, f":{tag}:: {reason}")

    def _begin_entry(self, field: Field, events: list[Event]) -> None:
        statement = self._open(field, events)
        if statement.closed:
            statement.problem(field.line, ":61:: expected no entry behind the closing balance, found one")
        if self._head is None:
            events.append(self._tell_head(statement))
        statement.entries += 1
        statement.pending = Pending(field)

    def _tell_head(self, statement: OpenStatement) -> Statement:
        head = self._head = statement.known()
        self._path = head.path
        status = "BOOK" if head.format is Format.MT940 else "PDNG"
        identities = self._identities(head.account)
        self._entries = EntryReader(head.account, head.currency, status, identities)
        return head

    def entries(self) -> list[Event]:
        """The entries that are complete."""
        raws, self._raws = self._raws, []
        return self._entries.read(raws)

    def _end_entry(self) -> None:
        statement = self._statement
        if statement is None or statement.pending is None:
            return
        entry, statement.pending = statement.pending, None
        raw = Raw(
            self._ordinal,
            statement.position,
            f"{self._path}/:61:[{statement.entries}]",
            entry.line,
            entry.lines,
            entry.details,
            entry.notes,
            entry.length > MAX_TEXT,
        )
        self._ordinal += 1
        self._raws.append(raw)

    def end(self) -> list[Event]:
        """The end of the statement that is open."""
        self._end_entry()
        events = self.entries()
        statement, self._statement = self._statement, None
        if statement is None:
            return events
        check_complete(statement)
        complete = statement.known()
        head, self._head = self._head, None
        if head is None:
            events.append(complete)
        elif (head.account, head.format, head.currency) != (
            complete.account,
            complete.format,
            complete.currency,
        ):
            statement.problem(
                statement.line, ":25:: expected account and opening balance before the first entry"
            )
        events.append(StatementEnd(complete, tuple(statement.problems)))
        return events
