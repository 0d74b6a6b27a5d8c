"""Reads BAI2 (Cash Management Balance Reporting Specifications, version 2), record by record, as a stream."""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from bankfiles.bai2_entry import read_entry
from bankfiles.bai2_records import Record, records
from bankfiles.bai2_statement import Account, FileHead, GroupHead, Tally, read_file_head, read_group_head
from bankfiles.camt import MAX_STATEMENTS
from bankfiles.camt_entry import Place
from bankfiles.entry import Entry, Event, Quarantine, StatementEnd
from bankfiles.identity import Identities
from bankfiles.refusals import Broken, Disagrees, NotABankFile, TooLarge

MAX_PROBLEMS = 1_000
"""Disagreements that are told of a statement: groups without accounts may bring any number."""

# How many of file, group and account are open where a record may stand.
_DEPTHS = {"01": 0, "02": 1, "03": 2, "16": 3, "49": 3, "98": 2, "99": 1}
_EXPECTED = ("a 01 record", "a 02 or 99 record", "a 03 or 98 record", "a 16 or 49 record")


def read_bai2(source: bytes | BinaryIO, identities: type[Identities] = Identities) -> Iterator[Event]:
    """Each account as a statement, its entries, and its end. Raises Refused, and Held where the structure is broken.

    The end of a statement comes when the trailers after it have been read: what disagrees in them is told with it.
    """
    reader = _Reader(identities)
    last = None
    for last in records(source):
        yield from reader.take(last)
    if last is None:
        raise NotABankFile
    reader.end(last.last_line)


class _Reader:
    """What is open while the records of a file come one after the other."""

    _file: FileHead
    _group: GroupHead
    _account: Account

    def __init__(self, identities: type[Identities]) -> None:
        self._open: list[Tally] = []
        self._identities_of, self._identities = identities, identities("")
        self._ended: StatementEnd | None = None
        self._statements = self._ordinal = 0

    def take(self, record: Record) -> Iterator[Event]:
        """What is complete now that this record has been read."""
        if _DEPTHS[record.code] != len(self._open):
            expected = _EXPECTED[len(self._open)]
            raise Broken(record.line, f"expected {expected}, found a {record.code} record")
        for tally in self._open:
            tally.records += record.count
        if record.code == "16":
            yield self._entry(record)
        elif record.code == "03":
            yield from self._begin_account(record)
        elif record.code == "49":
            self._end_account(record)
        elif record.code == "02":
            self._group = read_group_head(record, self._file)
            self._open.append(Tally(records=record.count))
        elif record.code == "98":
            self._tell(self._close(record, "accounts"))
        elif record.code == "01":
            self._file = read_file_head(record)
            self._open.append(Tally(records=record.count))
        else:
            yield from self._end_file(record)

    def end(self, line: int) -> None:
        """The file has been read. Raises Broken when something is still open."""
        if self._open:
            raise Broken(line, f"expected {_EXPECTED[len(self._open)]}, found the end of the file")

    def _begin_account(self, record: Record) -> Iterator[Event]:
        if self._ended is not None:
            yield self._ended
            self._ended = None
        if self._statements >= MAX_STATEMENTS:
            raise TooLarge("The number of statements", str(MAX_STATEMENTS))
        self._account = Account(record, self._statements, self._file, self._group)
        self._statements += 1
        self._identities = self._identities_of(self._account.common.account)
        self._open.append(self._account.tally)
        yield self._account.statement

    def _entry(self, record: Record) -> Entry | Quarantine:
        account = self._account
        account.entries += 1
        path = f"{account.statement.path}/16[{account.entries}]"
        place = Place(self._ordinal, account.statement.position, path, record.line)
        self._ordinal += 1
        entry, counted = read_entry(record, account.common, self._identities, place)
        if counted is None:
            account.tally.unread = account.tally.unread or record.line
        else:
            account.tally.total += counted
        return entry

    def _end_account(self, record: Record) -> None:
        problems = self._close(record)
        self._ended = StatementEnd(self._account.statement, (*self._account.problems, *problems))

    def _end_file(self, record: Record) -> Iterator[Event]:
        self._tell(self._close(record, "groups"))
        if self._ended is None:
            raise Broken(record.line, "expected an account in the file, found none")
        yield self._ended
        self._ended = None

    def _close(self, trailer: Record, inside: str = "") -> list[str]:
        """What disagrees in the trailer of what is open innermost; its total counts for what is around that."""
        closed = self._open.pop()
        total = closed.close(trailer, inside)
        if self._open:
            self._open[-1].total += total
            self._open[-1].inside += 1
        return closed.problems

    def _tell(self, problems: list[str]) -> None:
        if self._ended is not None:
            told = (*self._ended.problems, *problems)[:MAX_PROBLEMS]
            self._ended = replace(self._ended, problems=told)
        elif problems:
            raise Disagrees(tuple(f"{problem}." for problem in problems))
