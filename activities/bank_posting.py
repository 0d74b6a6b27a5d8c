"""One chunk of a bank file, in the caller's transaction: its entries matched, posted, deposits moved, doorbells."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from activities.bank_booking import (
    BOOK,
    CREDIT,
    CREDIT_WHOLE,
    LOCK_ACCOUNTS,
    LOCK_REFUNDS,
    PAY_DEPOSITS,
    REVERSE,
    REVERSING,
    SLICE,
)
from activities.bank_grouping import BY_INDEX, TABLES
from activities.bank_incoming import Chunk, forget
from activities.bank_keeping import keep
from activities.bank_matching import MATCH
from activities.bank_payouts import match_payouts, post_payouts
from activities.bank_plain import PLAIN
from activities.bank_receipts import RECEIPTS
from activities.bank_reversals import REVERSALS
from activities.bank_telling import NOT_SHORT, SEVERAL, SHARE, TELL

FREEZES = "hashtext('prepay freezes')"
"""The lock that keeps freezing and crediting apart."""


class KeptWasLost(Exception):
    """PostgreSQL has not kept what it said it had: it died in between. The step is tried again."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__(
            f"Lines {chunk.first_line} to {chunk.last_line}: expected {chunk.entries + chunk.unread} entries, found "
            "fewer, as PostgreSQL died or somebody took them away. Nothing of them is posted; they are read again."
        )


def post_chunk(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> None:
    """Keep and post some entries of a file. Doing it again changes nothing: each money has its key for ever.

    Locks in this order: collection accounts by id, entries and parts by key, customers' accounts by id, deposits by id.
    Raises KeptWasLost where they do not wait any more, and nobody has kept them, and ToldAtOnce.
    """
    connection.execute(_LOCK_ACCOUNTS, {"accounts": chunk.accounts})
    new = keep(connection, file_id, chunk)
    _require(chunk, _kept(connection, file_id, chunk))
    _post(connection, file_id, chunk, _LOCK if new else _LOCK_TOLD)


def post_kept(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> None:
    """Post entries that another transaction has kept. Raises KeptWasLost."""
    with connection.pipeline():
        connection.execute(_LOCK_ACCOUNTS, {"accounts": chunk.accounts})
        kept = _kept(connection, file_id, chunk)
        _post(connection, file_id, chunk, _LOCK)
    _require(chunk, kept)


def _kept(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk) -> "list[psycopg.Cursor[Any]]":
    """How many entries have been kept, and how many that could not be read."""
    counts = [connection.execute(_KEPT, _range(file_id, chunk), prepare=True)]
    if chunk.unread:
        counts.append(connection.execute(_KEPT_UNREAD, _range(file_id, chunk), prepare=True))
    return counts


def _require(chunk: Chunk, kept: "Sequence[psycopg.Cursor[Any]]") -> None:
    for count, expected in zip(kept, (chunk.entries, chunk.unread), strict=False):
        if (count.fetchone() or (0,))[0] < expected:
            raise KeptWasLost(chunk)


def _range(file_id: int, chunk: Chunk) -> dict[str, int]:
    given = {"file": file_id, "first": chunk.first, "last": chunk.last}
    return given | {"first_statement": chunk.first_statement, "last_statement": chunk.last_statement}


def _post(connection: "psycopg.Connection[Any]", file_id: int, chunk: Chunk, lock: bytes) -> None:
    with connection.pipeline():
        _make_tables(connection)
        locked = connection.execute(lock, _range(file_id, chunk) | {"slice": SLICE}, prepare=True)
        _book(connection, BOOK, locked, reverses=chunk.reverses)
        forget(connection, file_id, chunk.number)


def _make_tables(connection: "psycopg.Connection[Any]") -> None:
    for statement in (BY_INDEX, *_TABLES):
        connection.execute(statement)


def credit_waiting(
    connection: "psycopg.Connection[Any]", where: str, given: Mapping[str, Any], after: str = ""
) -> str:
    """Match again, and credit, up to 1,000 parts that wait; returns where to go on, or nothing at the end.

    `where` is a condition on the part `p` and its entry `e`.
    """
    _make_tables(connection)
    connection.execute("DELETE FROM posting")
    connection.execute("DELETE FROM decision")
    values = {"slice": SLICE, "after": after, **given}
    connection.execute(_LOCK_THEIR_ACCOUNTS.format(where=where).encode(), values)
    found = connection.execute(_AWAITING.format(where=where).encode(), values)
    if not found.rowcount:
        return ""
    last = str(_one(connection, _LAST))
    _book(connection, CREDIT, found, reverses=False)
    return last if found.rowcount == SLICE else ""


def credit_all_waiting(connection: "psycopg.Connection[Any]", where: str, given: Mapping[str, Any]) -> None:
    """The same for all of them, in a transaction that may do so again for others: it locks all accounts first."""
    connection.execute("SELECT FROM collection_account ORDER BY id FOR NO KEY UPDATE")
    after: str | None = ""
    while after is not None:
        after = credit_waiting(connection, where, given, after) or None


def credit_decided(connection: "psycopg.Connection[Any]", part: int) -> None:
    """Post a part that people have credited: its credits are there. The caller holds the part."""
    _make_tables(connection)
    connection.execute("DELETE FROM posting")
    connection.execute("DELETE FROM decision")
    connection.execute("INSERT INTO posting (id, slice) VALUES (%(part)s, 0)", {"part": part})
    for statement in (*CREDIT, PAY_DEPOSITS):
        connection.execute(statement, {"slice": 0})


def _book(
    connection: "psycopg.Connection[Any]",
    statements: Sequence[str],
    parts: "psycopg.Cursor[Any]",
    *,
    reverses: bool,
) -> None:
    """Decide about the parts that were put in `posting`, and post them."""
    with connection.pipeline():
        # Before any account: no customer is frozen between the decision and the credit.
        connection.execute(f"SELECT pg_advisory_xact_lock_shared({FREEZES})".encode())
        if reverses:
            # Two files that take back the same booking: the second must see what the first did.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('bank reversals'))")
        payouts = match_payouts(connection)
        for statement in REVERSALS if reverses else ():
            connection.execute(statement, prepare=True)
        connection.execute(PLAIN, prepare=True)
        if _one(connection, "SELECT count(*) FROM decision") < parts.rowcount:
            for statement in MATCH:
                connection.execute(statement, prepare=True)
        connection.execute(TELL, prepare=True)
        several = connection.execute(SEVERAL, prepare=True)
        counted = connection.execute(_COUNT, prepare=True)
        for (part,) in several.fetchall():
            connection.execute(SHARE, {"part": part})
        slices, whole, others, short = counted.fetchone() or (0, 0, 0, 0)
        reversing = reverses and bool(_one(connection, REVERSING))
        if reversing:
            connection.execute(LOCK_REFUNDS)
        if slices > 1 or (whole and others) or reversing or payouts.payouts or short:
            connection.execute(LOCK_ACCOUNTS, {"payouts": payouts.payouts})
        if short:
            connection.execute(NOT_SHORT)
        for number in range(slices):
            for statement in ((CREDIT_WHOLE,) if whole else ()) + (tuple(statements) if others else ()):
                connection.execute(statement, {"slice": number}, prepare=True)
        post_payouts(connection, payouts)
        connection.execute(PAY_DEPOSITS, prepare=True)
        for statement in (*(REVERSE if reversing else ()), *RECEIPTS):
            connection.execute(statement, prepare=True)


def _one(connection: "psycopg.Connection[Any]", query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


# None has an index: that would be made anew at each commit, and with it the plan of each statement on the table.
_TABLES = (
    # The parts of this chunk that are booked and have not been posted before, in slices that the book takes at once.
    "CREATE TEMP TABLE IF NOT EXISTS posting (id bigint, slice bigint) ON COMMIT DELETE ROWS",
    # What was decided about those that are credits.
    """
    CREATE TEMP TABLE IF NOT EXISTS decision (
        id bigint, identity_key text, account_id bigint, entity text, currency text, booked_on date, value_on date,
        state text, awaits text, house text, flagged boolean, absorbed_minor bigint, credit_minor bigint,
        customer_id bigint, deposit_id bigint, deposit text, several boolean, whole boolean, screened text, reason text
    ) ON COMMIT DELETE ROWS
    """,
    *TABLES,
)

_SEEN = """
    FROM bank_sighting g {joins} WHERE g.file_id = %(file)s
        AND (g.statement, g.ordinal) >= (%(first_statement)s, %(first)s)
        AND (g.statement, g.ordinal) <= (%(last_statement)s, %(last)s)
"""
_KEPT = f"SELECT count(*) {_SEEN.format(joins='')}".encode()
_KEPT_UNREAD = b"""
    SELECT count(*) FROM bank_quarantine WHERE file_id = %(file)s AND ordinal BETWEEN %(first)s AND %(last)s
"""

_LOCKED = """
    INSERT INTO posting (id, slice)
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(slice)s FROM (
        SELECT id FROM bank_entry_part WHERE state = 'shown' AND {which} ORDER BY identity_key FOR NO KEY UPDATE
    ) locked
"""
_BOOKED = f"""
    SELECT e.id {_SEEN.format(joins="JOIN bank_entry e ON e.id = g.entry_id AND e.status = 'BOOK'")}
"""
_LOCK = _LOCKED.format(which=f"entry_id = ANY (ARRAY({_BOOKED}))").encode()
# And what another file has kept in another grouping and not posted: maybe that file never will.
_LOCK_TOLD = _LOCKED.format(
    which=f"""
        id = ANY (ARRAY(
            SELECT id FROM bank_entry_part WHERE entry_id = ANY (ARRAY({_BOOKED}))
            UNION
            SELECT p.id FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id AND e.status = 'BOOK'
            WHERE p.identity_key = ANY (ARRAY(SELECT key FROM incoming_part))
        ))"""
).encode()

# Of one account, one chunk is matched at a moment: what any file tells of its money, also in another way, is seen, and
# whoever closes a gap finds the parts that waited for it.
_LOCK_ACCOUNTS = "SELECT FROM collection_account WHERE id = ANY (%(accounts)s) ORDER BY id FOR NO KEY UPDATE"

_LOCK_THEIR_ACCOUNTS = """
    SELECT FROM collection_account WHERE id IN (
        SELECT e.account_id FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        WHERE p.awaits <> '' AND {where}
    ) ORDER BY id FOR NO KEY UPDATE
"""

_LAST = "SELECT max(identity_key) FROM bank_entry_part WHERE id = ANY (ARRAY(SELECT id FROM posting))"

_AWAITING = """
    INSERT INTO posting (id, slice)
    SELECT id, 0 FROM (
        SELECT p.id FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        WHERE p.awaits <> '' AND p.identity_key > %(after)s AND {where}
        ORDER BY p.identity_key LIMIT %(slice)s FOR NO KEY UPDATE OF p
    ) locked
"""

_COUNT = """
    SELECT p.slices, d.whole, p.parts - d.whole, d.short FROM
        (SELECT coalesce(max(slice) + 1, 0) AS slices, count(*) AS parts FROM posting) p,
        (
            SELECT count(*) FILTER (WHERE whole) AS whole, count(*) FILTER (WHERE absorbed_minor > 0) AS short
            FROM decision
        ) d
"""
