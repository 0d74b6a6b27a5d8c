"""Keeps the entries of a chunk of a bank file, and what they are made of: once for ever, before anything is decided."""

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
    TOLD_SINGLY_TOO,
)
from activities.bank_incoming import QUARANTINE, STAGE, Chunk


class ToldAtOnce(Exception):
    """Another transaction has kept details of a lump sum singly, at the same moment. The step is tried again."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__(
            f"Lines {chunk.first_line} to {chunk.last_line}: expected the details of a lump sum, found that another "
            "file tells of them as payments at the same moment. Nothing of these lines is posted; they are tried again."
        )


def keep(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> bool:
    """Keep some entries of a file, whatever is known of them; whether all was new. Doing it again changes nothing.

    Locks entries and parts by key. Raises ToldAtOnce.
    """
    with connection.pipeline():
        _stage(connection, file_id, chunk)
        if chunk.paged:
            for statement in PAGES:
                connection.execute(statement)
        if _keep_new(connection, file_id, chunk):
            return True
        for statement in PARTS:
            connection.execute(statement)
        told_singly_too = connection.execute(TOLD_SINGLY_TOO)
        connection.execute(_SIGHTINGS, {"file": file_id})
        if chunk.confirms:
            connection.execute(CONFIRM)
    if _number(told_singly_too):
        raise ToldAtOnce(chunk)
    return False


def keep_new(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> bool:
    """The same, only where all that they tell is new; else the caller takes back what has been done.

    Waits for nobody but for whoever keeps the same money at this moment.
    """
    if chunk.paged:
        return False
    with connection.pipeline():
        # Not waited for: the posting that rests on it comes later in the log, and then both are on the disk.
        connection.execute("SET LOCAL synchronous_commit = off")
        _stage(connection, file_id, chunk)
        return _keep_new(connection, file_id, chunk)


def _keep_new(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> bool:
    """Keep what was staged, where all is new. Whether it was; if not, only entries have been kept."""
    if chunk.unread:
        connection.execute(QUARANTINE, {"file": file_id, "chunk": chunk.number})
    new = connection.execute(_ENTRIES, prepare=True)
    known = connection.execute(ANY_KNOWN, prepare=True)
    if _number(new) < chunk.entries or _number(known):
        return False
    parts = connection.execute(NEW_PARTS, prepare=True)
    connection.execute(_SIGHTINGS, {"file": file_id}, prepare=True)
    if _number(parts) == chunk.parts:
        return True
    # A file that tells of the same money at this moment has made them fewer.
    connection.execute(TAKE_PARTS_BACK)
    return False


def _number(cursor: "psycopg.Cursor[Any]") -> int:
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def _stage(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> None:
    for table in (BY_INDEX, *_INCOMING, *TABLES):
        connection.execute(table)
    for statement in STAGE:
        connection.execute(statement, {"file": file_id, "chunk": chunk.number}, prepare=True)


# None has an index: that would be made anew at each commit, and with it the plan of each statement on the table.
_INCOMING = (
    """
    CREATE TEMP TABLE IF NOT EXISTS incoming_entry (
        ordinal bigint, statement bigint, key text, account_id bigint, entity text, currency text, amount_minor bigint,
        direction text, status text, reversal boolean, booked_on date, value_on date, bank_reference text, line bigint,
        detailed boolean, pages_of bigint, page bigint, confirms boolean
    ) ON COMMIT DELETE ROWS
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS incoming_part (
        ordinal bigint, entry_key text, position bigint, key text, amount_minor bigint, currency text, direction text,
        end_to_end_id text, structured_references text[], text_references text[], remittance text,
        payer_name text, payer_account text, credited_account text, bank_reference text, return_reason text,
        charges_minor bigint, house text, batch_id text, pages_of bigint, page bigint, confirms boolean
    ) ON COMMIT DELETE ROWS
    """,
)

# An entry shown before it was booked is booked now; everything else that is known stays as it is. How many are new.
_ENTRIES = """
    WITH kept AS (
        INSERT INTO bank_entry (identity_key, account_id, entity, currency, amount_minor, known_minor, direction,
            status, reversal, booked_on, value_on, bank_reference, detailed)
        SELECT DISTINCT ON (key) key, account_id, entity, currency, amount_minor, 0, direction, status, reversal,
            booked_on, value_on, bank_reference, bool_or(detailed) OVER (PARTITION BY key)
        FROM incoming_entry ORDER BY key, status = 'BOOK' DESC
        ON CONFLICT (identity_key) DO UPDATE
        SET status = excluded.status, booked_on = excluded.booked_on, value_on = excluded.value_on,
            reversal = excluded.reversal
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
