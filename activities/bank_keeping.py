"""Keeps the entries of a chunk of a bank file, and what they are made of: once for ever, before anything is decided."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from activities.bank_grouping import (
    ANY_KNOWN,
    BY_INDEX,
    CONFIRM,
    NEW_PARTS,
    PAGES,
    PARTS,
    TABLES,
    TAKE_PARTS_BACK,
)
from bankfiles import Direction, Entry, Format, Part, Quarantine
from bankfiles.identity import is_reference
from rules.entry_kinds import kind_of
from rules.matching import references

Items = Sequence[Entry | Quarantine]
"""What a chunk is made of, in the order of the file."""
MAX_REMITTANCE = 2000
STATEMENTS = (Format.CAMT_053, Format.MT940, Format.BAI2)
"""The formats of booked statements."""


@dataclass(frozen=True, slots=True)
class Account:
    """The collection account that a statement is about, of which statement it is a page, and whether that confirms."""

    id: int
    code: str
    entity: str
    currency: str
    pages_of: int | None = None
    page: int = 1
    format: Format = Format.CAMT_054
    country: str = ""
    """Of its IBAN."""
    related: str = ""
    """The account that all of the statement is about, where that is not its own."""

    @property
    def confirms(self) -> bool:
        """What a booked statement books is certain; a notification is not."""
        return self.format in STATEMENTS


def keep(
    connection: "psycopg.Connection[Any]", file_id: int, accounts: Mapping[int, Account], items: Items
) -> bool:
    """Keep some entries of a file, whatever is known of them; whether all was new. Doing it again changes nothing.

    Locks entries and parts by key.
    """
    _stage(connection, accounts, items)
    with connection.pipeline():
        if any(accounts[item.statement].pages_of for item in items):
            for statement in PAGES:
                connection.execute(statement)
        if _keep_new(connection, file_id, items):
            return True
        for statement in PARTS:
            connection.execute(statement)
        connection.execute(_SIGHTINGS, {"file": file_id})
        if any(accounts[item.statement].confirms for item in items):
            connection.execute(CONFIRM)
    return False


def keep_new(
    connection: "psycopg.Connection[Any]", file_id: int, accounts: Mapping[int, Account], items: Items
) -> bool:
    """The same, only where all that they tell is new; else the caller takes back what has been done.

    Waits for nobody but for whoever keeps the same money at this moment.
    """
    if any(accounts[item.statement].pages_of for item in items):
        return False
    # Not waited for: the posting that rests on it comes later in the log, and then both are on the disk.
    connection.execute("SET LOCAL synchronous_commit = off")
    _stage(connection, accounts, items)
    with connection.pipeline():
        return _keep_new(connection, file_id, items)


def _keep_new(connection: "psycopg.Connection[Any]", file_id: int, items: Items) -> bool:
    """Keep what was staged, where all is new. Whether it was; if not, only entries have been kept."""
    given = {"file": file_id}
    read = [item for item in items if isinstance(item, Entry)]
    if len(read) < len(items):
        connection.execute(_QUARANTINE, given)
    new = connection.execute(_ENTRIES, prepare=True)
    known = connection.execute(ANY_KNOWN, prepare=True)
    if _number(new) < len(read) or _number(known):
        return False
    parts = connection.execute(NEW_PARTS, prepare=True)
    connection.execute(_SIGHTINGS, given, prepare=True)
    if _number(parts) == sum(len(entry.parts) for entry in read):
        return True
    # A file that tells of the same money at this moment has made them fewer.
    connection.execute(TAKE_PARTS_BACK)
    return False


def _number(cursor: "psycopg.Cursor[Any]") -> int:
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def _stage(
    connection: "psycopg.Connection[Any]",
    accounts: Mapping[int, Account],
    items: Items,
) -> None:
    connection.execute(_STAGING)
    read = [item for item in items if isinstance(item, Entry)]
    with connection.cursor() as cursor:
        with cursor.copy(_COPY_ENTRIES) as copy:
            for entry in read:
                copy.write_row(_entry_row(entry, accounts[entry.statement]))
        with cursor.copy(_COPY_PARTS) as copy:
            for entry in read:
                account = accounts[entry.statement]
                for part in entry.parts:
                    copy.write_row(
                        (*_part_row(entry, part, account), *_page(account), _confirms(account, entry))
                    )
        if len(read) < len(items):
            with cursor.copy(_COPY_QUARANTINE) as copy:
                for item in items:
                    if isinstance(item, Quarantine):
                        copy.write_row(_quarantine_row(item))


def _quarantine_row(item: Quarantine) -> tuple[Any, ...]:
    return (
        item.ordinal,
        item.statement,
        item.line,
        item.path,
        item.reason,
        item.amount_minor,
        item.currency,
        item.direction or "",
        item.status,
    )


def _entry_row(entry: Entry, account: Account) -> tuple[Any, ...]:
    return (
        entry.ordinal,
        entry.statement,
        entry.key,
        account.id,
        account.entity,
        entry.currency,
        entry.amount_minor,
        entry.direction.value,
        entry.status,
        entry.reversal,
        entry.booked_on,
        entry.value_on,
        _named(entry.bank_reference),
        entry.line,
        entry.detailed,
        *_page(account),
        _confirms(account, entry),
    )


def _confirms(account: Account, entry: Entry) -> bool:
    return account.confirms and entry.booked


def _page(account: Account) -> tuple[int | None, int]:
    return account.pages_of, account.page


def _part_row(entry: Entry, part: Part, account: Account) -> tuple[Any, ...]:
    free = [*part.free, part.end_to_end_id]
    if len(entry.parts) == 1:
        free.append(entry.note)
    found = references(part.structured, free)
    return (
        entry.ordinal,
        entry.key,
        part.position,
        part.key,
        part.amount_minor,
        part.currency,
        part.direction.value,
        _named(part.end_to_end_id),
        list(found.structured),
        list(found.free),
        "\n".join([*part.structured, *part.free])[:MAX_REMITTANCE],
        part.payer_name,
        part.payer_account,
        part.credited_account or (account.related if part.direction is Direction.CREDIT else ""),
        _named(part.bank_reference) or _named(entry.bank_reference),
        part.return_reason,
        _charges(entry, part),
        kind_of(part.direction, entry.transaction_code, account.format, account.country) or "",
        _batch(entry, part),
    )


def _batch(entry: Entry, part: Part) -> str:
    """The payment file that a debit says it is of."""
    if part.direction is Direction.CREDIT:
        return ""
    told = [part.payment_information_id, part.message_id]
    if entry.batch is not None:
        told += [entry.batch.payment_information_id, entry.batch.message_id]
    return next((name for name in told if is_reference(name)), "")


def _named(reference: str) -> str:
    """A reference that names something; what banks write where they have none names nothing."""
    return reference if is_reference(reference) else ""


def _charges(entry: Entry, part: Part) -> int:
    """What banks say they took of it, in its currency."""
    charges = part.charges or (entry.charges if len(entry.parts) == 1 else ())
    return sum(
        c.amount_minor for c in charges if c.currency == part.currency and c.direction is Direction.DEBIT
    )


def chunks(items: Iterator[Entry | Quarantine], size: int) -> Iterator[Items]:
    """The items in lists with about `size` parts; an entry is never split."""
    chunk: list[Entry | Quarantine] = []
    parts = 0
    for item in items:
        chunk.append(item)
        parts += len(item.parts) if isinstance(item, Entry) else 1
        if parts >= size:
            yield chunk
            chunk, parts = [], 0
    if chunk:
        yield chunk


_STAGING = f"""
    {BY_INDEX};
    CREATE TEMP TABLE IF NOT EXISTS incoming_entry (
        ordinal bigint, statement bigint, key text, account_id bigint, entity text, currency text, amount_minor bigint,
        direction text, status text, reversal boolean, booked_on date, value_on date, bank_reference text, line bigint,
        detailed boolean, pages_of bigint, page bigint, confirms boolean
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_part (
        ordinal bigint, entry_key text, position bigint, key text, amount_minor bigint, currency text, direction text,
        end_to_end_id text, structured_references text[], text_references text[], remittance text,
        payer_name text, payer_account text, credited_account text, bank_reference text, return_reason text,
        charges_minor bigint, house text, batch_id text, pages_of bigint, page bigint, confirms boolean
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS incoming_quarantine (
        ordinal bigint, statement bigint, line bigint, path text, reason text, amount_minor bigint, currency text,
        direction text, status text
    ) ON COMMIT DELETE ROWS;
    {";".join(TABLES)};
""".encode()

_COPY_ENTRIES = "COPY incoming_entry FROM STDIN"
_COPY_PARTS = "COPY incoming_part FROM STDIN"
_COPY_QUARANTINE = "COPY incoming_quarantine FROM STDIN"

_QUARANTINE = """
    INSERT INTO bank_quarantine (file_id, ordinal, statement, line, path, reason, amount_minor, currency, direction,
        status)
    SELECT %(file)s, ordinal, statement, line, path, reason, amount_minor, currency, direction, status
    FROM incoming_quarantine ON CONFLICT DO NOTHING
"""

# An entry shown before it was booked is booked now; everything else that is known stays as it is. How many are new.
_ENTRIES = """
    WITH kept AS (
        INSERT INTO bank_entry (identity_key, account_id, entity, currency, amount_minor, known_minor, direction,
            status, reversal, booked_on, value_on, bank_reference, detailed)
        SELECT DISTINCT ON (key) key, account_id, entity, currency, amount_minor, 0, direction, status, reversal,
            booked_on, value_on, bank_reference, bool_or(detailed) OVER (PARTITION BY key)
        FROM incoming_entry ORDER BY key, status = 'BOOK' DESC
        ON CONFLICT (identity_key) DO UPDATE
        SET status = excluded.status, booked_on = excluded.booked_on, value_on = excluded.value_on
        WHERE bank_entry.status <> 'BOOK' AND excluded.status = 'BOOK'
        RETURNING xmax = 0 AS new
    )
    SELECT count(*) FILTER (WHERE new) FROM kept
"""

# Arrays make PostgreSQL look up the few rows of a chunk by their index. Joined to what was staged, of which it has no
# statistics, it read whole tables for each chunk, or compared each row with each.
_SIGHTINGS = """
    INSERT INTO bank_sighting (file_id, ordinal, entry_id, statement, line, status)
    SELECT %(file)s, i.ordinal, e.id, i.statement, i.line, i.status
    FROM incoming_entry i JOIN bank_entry e ON e.identity_key = i.key
    WHERE e.identity_key = ANY (ARRAY(SELECT key FROM incoming_entry)) ON CONFLICT DO NOTHING
"""
