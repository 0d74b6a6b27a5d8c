"""Reads camt.052, camt.053 and camt.054 of any version: by local names, as a stream, with one entry in memory."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import BinaryIO

from lxml import etree

from bankfiles.camt_entry import EntryBuilder, Place
from bankfiles.camt_fields import (
    DETAILS,
    ENTRY,
    GROUP_HEADER,
    MAX_TAGS,
    STATEMENT,
    TRANSACTION,
    Plan,
    Slots,
    gather,
)
from bankfiles.camt_statement import StatementHead
from bankfiles.entry import Event, Format, Statement, StatementEnd
from bankfiles.identity import Identities
from bankfiles.refusals import Broken, NotABankFile, TooLarge, Unreadable
from bankfiles.xmlsource import XmlSource, elements

MAX_STATEMENTS = 10_000

_MESSAGES = {
    "BkToCstmrAcctRpt": Format.CAMT_052,
    "BkToCstmrStmt": Format.CAMT_053,
    "BkToCstmrDbtCdtNtfctn": Format.CAMT_054,
}
# The first version of each message has its version in the element's name.
MESSAGES = _MESSAGES | {f"{name}V01": format for name, format in _MESSAGES.items()}
_NAMES = (*MESSAGES, "GrpHdr", "Stmt", "Rpt", "Ntfctn", "Ntry", "TxDtls")
_VERSION = re.compile(r"camt\.05[234]\.\d{3}\.\d{2}")

_ENTRY, _DETAILS, _TRANSACTION = Plan(ENTRY), Plan(DETAILS), Plan(TRANSACTION)
_STATEMENT, _GROUP_HEADER = Plan(STATEMENT), Plan(GROUP_HEADER)


def read_camt(source: bytes | BinaryIO, identities: type[Identities] = Identities) -> Iterator[Event]:
    """Each statement, its entries, and its end. Raises Refused, and Held where the structure is broken."""
    reader = _Reader(identities)
    for document in XmlSource(source).documents():
        reader.document = document
        messages = reader.messages
        for element in elements(document, _NAMES):
            yield from reader.take(element)
        if not reader.messages:
            raise NotABankFile
        if reader.messages == messages:
            raise Broken(document.line_offset + 1, "a document holds no camt message")
    if not reader.messages:
        raise NotABankFile


def take_before(element: etree._Element, plan: Plan, slots: Slots) -> None:
    """Gather what stands before the element in its parent, and free the memory of that.

    The parser is ahead of us: what stands after it may be there already.
    """
    parent = element.getparent()
    assert parent is not None
    index = parent.index(element)
    if index:
        gather(parent[:index], plan, slots)
        del parent[:index]


def forget_before(element: etree._Element) -> None:
    """Free the memory of all that stands before the element, in its parent and in what is around that."""
    while (parent := element.getparent()) is not None:
        del parent[: parent.index(element)]
        element = parent


class _LocalNames(dict[str, str]):
    """The local name of each tag that was met."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition("}")[2]
        if len(self) < MAX_TAGS:
            self[tag] = name
        return name


_LOCAL = _LocalNames()


def local(element: etree._Element) -> str:
    return _LOCAL[element.tag]


class _OpenStatement:
    """A statement whose end has not come; its head's elements may stand before and after the entries."""

    def __init__(self, element: etree._Element, head: StatementHead, identities: type[Identities]) -> None:
        self.element, self._head, self._identities = element, head, identities
        self.path = f"{local(element)}[{head.position + 1}]"
        self.position = head.position
        # A statement is of what is booked, and its balances prove it.
        self.unsaid = "BOOK" if head.format is Format.CAMT_053 else ""
        self.entries = 0
        self._last: etree._Element | None = None
        self.entry_currency = ""
        self.account = ""
        self.entries_on: date | None = None
        """The day of an entry that has none."""
        self.identities = identities("")

    def begin_entry(self, entry: etree._Element) -> Statement | None:
        """Take what stands before the entry; the first one tells which statement it is in."""
        before, self._last = self._last, entry
        if before is not None and entry.getprevious() is before:
            # Nothing but the last entry, which was taken.
            self.element.remove(before)
        else:
            take_before(entry, _STATEMENT, self._head.slots)
        self.entries += 1
        if self.entries > 1:
            return None
        known = self._head.statement()
        self.account = known.account
        # Made after midnight, a statement is of the day that its closing balance has.
        closing = known.closing if known.format is Format.CAMT_053 else None
        self.entries_on = (closing and closing.on) or known.created_on
        self.identities = self._identities(known.account)
        return known

    def end(self) -> StatementEnd:
        gather(self.element[:], _STATEMENT, self._head.slots)
        complete = self._head.statement(self.entry_currency)
        if self.entries and complete.account != self.account:
            raise Broken(self._head.line, "the account stands after the first entry")
        return StatementEnd(complete, tuple(self._head.problems))


class _Reader:
    """What is open while the elements of a file end one after the other, the inner before the outer."""

    document: XmlSource

    def __init__(self, identities: type[Identities]) -> None:
        self._identities = identities
        self.messages = 0
        self._events: list[Event] = []
        self._ordinal = self._statements = self._statements_before = 0
        self._message: Slots = {}
        self._statement: _OpenStatement | None = None
        self._entry: etree._Element | None = None
        self._builder = EntryBuilder("", None, identities(""))

    def take(self, element: etree._Element) -> Sequence[Event]:
        """What is complete now that this element has ended."""
        try:
            name = "Ntry" if element is self._entry else _LOCAL[element.tag]
            if name == "TxDtls":
                self._end_transaction(element)
            elif name == "Ntry":
                self._end_entry(element)
            elif not self._end(element, name):
                return ()
        except Unreadable as reason:
            # What is unreadable inside an entry was taken care of there.
            raise self._broken(element, str(reason)) from None
        self.document.progress()
        events = self._events
        if events:
            self._events = []
        return events

    def _end(self, element: etree._Element, name: str) -> bool:
        """Whether a statement or a message has ended, and the memory of what was read so far is free again."""
        message = element.getparent()
        if name in MESSAGES:
            self._end_message(element)
            return True
        if message is None or local(message) not in MESSAGES:
            return False
        if name == "GrpHdr":
            self._message = {}
            gather(element[:], _GROUP_HEADER, self._message)
            return False
        self._end_statement(element)
        forget_before(element)
        return True

    def _end_transaction(self, element: etree._Element) -> None:
        entry = inside = element.getparent()
        if inside is not None and _LOCAL[inside.tag] == "NtryDtls":
            entry = inside.getparent()
        if inside is None or entry is None or _LOCAL[entry.tag] != "Ntry":
            raise self._broken(element, "TxDtls stands outside of an Ntry")
        if entry is not self._entry:
            self._begin_entry(entry)
        builder = self._builder
        slots: Slots = {}
        try:
            gather(element[:], _TRANSACTION, slots)
            if builder.count:
                # The parts of a batch are made as they come, and need the head of the entry.
                if inside is not entry:
                    take_before(element, _DETAILS, builder.slots)
                take_before(element if inside is entry else inside, _ENTRY, builder.slots)
        except Unreadable as reason:
            builder.fault(reason.inside(f"TxDtls[{builder.count + 1}]"))
        builder.add(slots)
        element.clear()

    def _begin_entry(self, entry: etree._Element) -> None:
        parent = entry.getparent()
        if self._entry is not None or parent is None:
            raise self._broken(entry, "Ntry stands in another Ntry or outside of a statement")
        if self._statement is None:
            self._begin_statement(parent)
        statement = self._statement
        if statement is None or parent is not statement.element:
            raise self._broken(entry, "Ntry stands outside of the statement")
        begun = statement.begin_entry(entry)
        if begun is not None:
            self._events.append(begun)
        self._entry = entry
        self._builder = EntryBuilder(
            statement.account, statement.entries_on, statement.identities, statement.unsaid
        )

    def _end_entry(self, element: etree._Element) -> None:
        if element is not self._entry:
            self._begin_entry(element)
        statement = self._statement
        assert statement is not None
        try:
            gather(element[:], _ENTRY, self._builder.slots)
        except Unreadable as reason:
            self._builder.fault(reason)
        path = f"{statement.path}/Ntry[{statement.entries}]"
        entry = self._builder.finish(Place(self._ordinal, statement.position, path, self._line(element)))
        statement.entry_currency = statement.entry_currency or entry.currency
        self._events.append(entry)
        self._ordinal += 1
        self._entry = None
        element.clear()

    def _begin_statement(self, element: etree._Element) -> None:
        message = element.getparent()
        format = MESSAGES.get(local(message)) if message is not None else None
        if format is None:
            raise self._broken(element, f"{local(element)} is no statement of a camt message")
        if self._statements >= MAX_STATEMENTS:
            raise TooLarge("The number of statements", str(MAX_STATEMENTS))
        version = _VERSION.search(str(element.tag))
        head = StatementHead(
            self._statements, format, version[0] if version else "", self._message, self._line(element)
        )
        self._statements += 1
        self._statement = _OpenStatement(element, head, self._identities)

    def _end_statement(self, element: etree._Element) -> None:
        if self._statement is None:
            self._begin_statement(element)
        statement = self._statement
        if statement is None or element is not statement.element:
            raise self._broken(element, "a statement stands in another")
        end = statement.end()
        if not statement.entries:
            self._events.append(end.statement)
        self._events.append(end)
        self._statement = None
        element.clear()

    def _end_message(self, element: etree._Element) -> None:
        self.messages += 1
        if self._statements == self._statements_before:
            raise self._broken(element, "the message holds no statement")
        self._statements_before = self._statements
        self._message = {}
        element.clear()

    def _line(self, element: etree._Element) -> int:
        return self.document.line_offset + (element.sourceline or 0)

    def _broken(self, element: etree._Element, found: str) -> Broken:
        return Broken(self._line(element), found)
