"""What a bank file tells, written down as it is read and taken away as it is posted: nothing is read twice.

It waits in a table that PostgreSQL keeps no log of and empties when it crashes; then the file is read again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg

from bankfiles import Charge, Direction, Entry, Event, Format, Part, Quarantine, Statement
from bankfiles.identity import named
from rules.entry_kinds import kind_of
from rules.matching import references

CHUNK = 1000
"""Parts that are posted in one transaction, about: an entry is never split."""
MAX_REMITTANCE = 2000
STATEMENTS = (Format.CAMT_053, Format.MT940, Format.BAI2)
"""The formats of booked statements: what they book is certain; a notification is not."""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some entries of a file, in its order, that are posted together."""

    number: int
    first_statement: int
    first: int
    """The ordinal of the first entry."""
    last_statement: int
    last: int
    first_line: int
    last_line: int
    entries: int
    parts: int
    unread: int
    """Those that could not be read."""
    reverses: bool
    """Some entry is a reversal."""
    paged: bool
    """Some entry stands on a page of a statement, and its money is counted on all pages."""
    confirms: bool
    """Some entry is booked by a statement."""
    accounts: Sequence[int]


def lock_incoming(connection: Connection, file_id: int) -> None:
    """Nobody else writes down what the file tells, until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('prepay incoming'), %s)", (file_id % 2**31,))


@contextmanager
def incoming(connection: Connection, file_id: int, chunk_parts: int | None = None) -> Iterator["Incoming"]:
    """Write down what a file tells, instead of what was written down before, in chunks of about so many parts.

    The caller holds `lock_incoming`.
    """
    forget(connection, file_id)
    countries = dict(
        connection.execute("SELECT bank_number, left(iban, 2) FROM collection_account").fetchall()
    )
    # As long as the reading of the file takes.
    connection.execute("SET LOCAL statement_timeout = 0")
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        yield Incoming(copy, file_id, countries, chunk_parts or CHUNK)
    connection.execute("SET LOCAL statement_timeout TO DEFAULT")


class Incoming:
    """Takes what a reader yields."""

    def __init__(
        self, copy: psycopg.Copy, file_id: int, countries: Mapping[str, str], chunk_parts: int
    ) -> None:
        self._copy, self._file_id, self._countries = copy, file_id, countries
        self._chunk_parts = chunk_parts
        self._format, self._country = Format.CAMT_054, ""
        self._chunk = self._parts = 0

    def take(self, event: Event) -> None:
        """Write an entry or what could not be read; a statement tells what those after it are of."""
        if isinstance(event, Entry):
            self.entry(event)
        elif isinstance(event, Quarantine):
            self._unread(event)
        elif isinstance(event, Statement):
            self._format = event.format
            self._country = self._countries.get(event.account.replace(" ", "").upper(), "")

    def entry(self, entry: Entry, *, counted: bool = False) -> None:
        """Write an entry with its parts; `counted` where its key comes from elsewhere and is not to be counted here."""
        before = (self._file_id, self._chunk, entry.ordinal)
        about = (entry.statement, entry.line, entry.status, entry.key, counted)
        told = _entry_row(entry)
        for part in entry.parts:
            row = (*before, part.position, *about, *told, *self._part_row(entry, part), *_READ)
            self._copy.write_row(row)
            # Once is enough.
            told = _NO_ENTRY
        if not entry.parts:
            self._copy.write_row((*before, 0, *about, *told, *_NO_PART, *_READ))
        self._count(len(entry.parts))

    def _unread(self, item: Quarantine) -> None:
        about = (item.ordinal, 0, item.statement, item.line, item.status, None, False)
        known = (item.amount_minor, item.currency, item.direction or "")
        rest = _NO_ENTRY[len(known) :]
        why = (item.path, item.reason)
        self._copy.write_row((self._file_id, self._chunk, *about, *known, *rest, *_NO_PART, *why))
        self._count(1)

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts >= self._chunk_parts:
            self._chunk, self._parts = self._chunk + 1, 0

    def _part_row(self, entry: Entry, part: Part) -> tuple[Any, ...]:
        alone = len(entry.parts) == 1
        way, end_to_end, structured, free = part.direction, part.end_to_end_id, part.structured, part.free
        # A note on a lump sum may be of one payment in it.
        note = (entry.note,) if alone and not entry.lump else ()
        found = references(structured, (*free, end_to_end, *note))
        charges = part.charges or (entry.charges if alone else ())
        return (
            part.key,
            part.amount_minor,
            part.currency,
            str(way),
            named(end_to_end),
            _array(found.structured),
            _array(found.free),
            "\n".join(structured + free)[:MAX_REMITTANCE],
            part.payer_name,
            part.payer_account,
            part.credited_account,
            named(part.bank_reference) or named(entry.bank_reference),
            part.return_reason,
            _charges(charges, part.currency) if charges else 0,
            _house(way, entry.transaction_code, self._format, self._country),
            "" if way is Direction.CREDIT else _batch(entry, part),
        )


def _entry_row(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.amount_minor,
        entry.currency,
        str(entry.direction),
        entry.reversal,
        entry.booked_on,
        entry.value_on,
        named(entry.bank_reference),
        entry.detailed,
    )


def _array(references: Sequence[str]) -> str:
    """As PostgreSQL writes an array: references are letters and digits."""
    return f"{{{','.join(references)}}}" if references else "{}"


# The same few codes stand in all entries of a bank.
@lru_cache(maxsize=1024)
def _house(direction: Direction, transaction_code: str, format: Format, country: str) -> str:
    """The house account of what is certainly nobody's payment."""
    return str(kind_of(direction, transaction_code, format, country) or "")


def _batch(entry: Entry, part: Part) -> str:
    """The payment file that a debit says it is of."""
    told = [part.payment_information_id, part.message_id]
    if entry.batch is not None:
        told += [entry.batch.payment_information_id, entry.batch.message_id]
    return next(filter(None, map(named, told)), "")


def _charges(charges: Sequence[Charge], currency: str) -> int:
    """What banks say they took of it, in its currency."""
    return sum(c.amount_minor for c in charges if c.currency == currency and c.direction is Direction.DEBIT)


def leave_to_people(connection: Connection, file_id: int) -> None:
    """What of a file could not be read once is for people, also when a newer reader could."""
    connection.execute(_KNOWN_UNREAD, {"file": file_id})


def chunks_of(connection: Connection, file_id: int) -> list[Chunk]:
    """The chunks of a file that still wait to be posted, in their order. Its statements have been kept."""
    return [Chunk(*row) for row in connection.execute(_CHUNKS, {"file": file_id}).fetchall()]


def is_complete(connection: Connection, file_id: int, entries: int) -> bool:
    """Whether each of so many entries of a file waits here or has been posted: else it must be read again."""
    found = connection.execute(_COUNT, {"file": file_id}).fetchone()
    if found is not None and found[0] == entries:
        return True
    found = connection.execute(_COUNT_POSTED_TOO, {"file": file_id}).fetchone()
    return found is not None and found[0] == entries


def forget(connection: Connection, file_id: int, chunk: int | None = None) -> None:
    """Take away a chunk, in the transaction that posts it, or all of a file."""
    if chunk is None:
        connection.execute("DELETE FROM bank_incoming WHERE file_id = %(file)s", {"file": file_id})
    else:
        connection.execute(_FORGET, {"file": file_id, "chunk": chunk}, prepare=True)


_PLACE = ("file_id", "chunk", "ordinal", "position", "statement", "line", "status", "key", "counted")
_ENTRY = (
    "amount_minor",
    "currency",
    "direction",
    "reversal",
    "booked_on",
    "value_on",
    "bank_reference",
    "detailed",
)
_PART = (
    "part_key", "part_minor", "part_currency", "part_direction", "end_to_end_id", "structured_references",
    "text_references", "remittance", "payer_name", "payer_account", "credited_account", "part_reference",
    "return_reason", "charges_minor", "house", "batch_id",
)  # fmt: skip
_WHY = ("path", "reason")
_NO_ENTRY, _NO_PART, _READ = (None,) * len(_ENTRY), (None,) * len(_PART), (None,) * len(_WHY)

_COPY = f"COPY bank_incoming ({', '.join((*_PLACE, *_ENTRY, *_PART, *_WHY))}) FROM STDIN"

_KNOWN_UNREAD = """
    DELETE FROM bank_incoming i USING bank_quarantine q
    WHERE i.file_id = %(file)s AND q.file_id = i.file_id AND q.ordinal = i.ordinal
"""

_STATEMENTS = ", ".join(f"'{format}'" for format in STATEMENTS)
_CONFIRMS = f"s.kind IN ({_STATEMENTS}) AND i.status = 'BOOK'"
_TOLD = """
    FROM bank_incoming i JOIN bank_statement s ON (s.file_id, s.position) = (i.file_id, i.statement)
"""

_CHUNKS = f"""
    SELECT i.chunk, min(i.statement), min(i.ordinal), max(i.statement), max(i.ordinal), min(i.line), max(i.line),
        count(*) FILTER (WHERE i.position = 0 AND i.key IS NOT NULL), count(i.part_key), count(i.reason),
        coalesce(bool_or(i.reversal), false), bool_or(s.pages_of IS NOT NULL AND NOT i.counted),
        bool_or({_CONFIRMS}), array_agg(DISTINCT s.account_id)
    {_TOLD} WHERE i.file_id = %(file)s GROUP BY i.chunk ORDER BY i.chunk
"""

_COUNT = "SELECT count(*) FROM bank_incoming WHERE file_id = %(file)s AND position = 0"
_COUNT_POSTED_TOO = """
    SELECT count(*) FROM (
        SELECT ordinal FROM bank_incoming WHERE file_id = %(file)s
        UNION SELECT ordinal FROM bank_quarantine WHERE file_id = %(file)s
        UNION SELECT g.ordinal FROM bank_sighting g JOIN bank_entry e ON e.id = g.entry_id
        WHERE g.file_id = %(file)s AND NOT (e.status = 'BOOK' AND EXISTS (
            SELECT FROM bank_entry_part p WHERE p.entry_id = e.id AND p.state = 'shown'
        ))
    ) known
"""

_FORGET = "DELETE FROM bank_incoming WHERE file_id = %(file)s AND chunk = %(chunk)s"

_OF_CHUNK = f"""
    {_TOLD} JOIN collection_account a ON a.id = s.account_id WHERE i.file_id = %(file)s AND i.chunk = %(chunk)s
"""
_PAGES = "CASE WHEN NOT i.counted THEN s.pages_of END, s.page"

STAGE = (
    f"""
    INSERT INTO incoming_entry (ordinal, statement, key, account_id, entity, currency, amount_minor, direction, status,
        reversal, booked_on, value_on, bank_reference, line, detailed, pages_of, page, confirms)
    SELECT i.ordinal, i.statement, i.key, a.id, a.entity, i.currency, i.amount_minor, i.direction, i.status,
        i.reversal, i.booked_on, i.value_on, i.bank_reference, i.line, i.detailed, {_PAGES}, {_CONFIRMS}
    {_OF_CHUNK} AND i.position = 0 AND i.key IS NOT NULL
    """,
    # What a transfer says of the account that it was sent to comes before what the statement says of all.
    f"""
    INSERT INTO incoming_part (ordinal, entry_key, position, key, amount_minor, currency, direction, end_to_end_id,
        structured_references, text_references, remittance, payer_name, payer_account, credited_account,
        bank_reference, return_reason, charges_minor, house, batch_id, pages_of, page, confirms)
    SELECT i.ordinal, i.key, i.position, i.part_key, i.part_minor, i.part_currency, i.part_direction, i.end_to_end_id,
        i.structured_references, i.text_references, i.remittance, i.payer_name, i.payer_account,
        CASE WHEN i.credited_account = '' AND i.part_direction = 'credit' THEN s.related_account
            ELSE i.credited_account END,
        i.part_reference, i.return_reason, i.charges_minor, i.house, i.batch_id, {_PAGES}, {_CONFIRMS}
    {_OF_CHUNK} AND i.part_key IS NOT NULL
    """,
)
"""The entries of a chunk and their parts, with what is known of their statements, to where they are compared."""
QUARANTINE = """
    INSERT INTO bank_quarantine (file_id, ordinal, statement, line, path, reason, amount_minor, currency, direction,
        status)
    SELECT file_id, ordinal, statement, line, path, reason, amount_minor, currency, direction, status
    FROM bank_incoming WHERE file_id = %(file)s AND chunk = %(chunk)s AND reason IS NOT NULL ON CONFLICT DO NOTHING
"""
