"""One chunk of a bank file, in the caller's transaction: entries kept, matched, posted, deposits moved, doorbells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from activities.bank_booking import (
    BOOK,
    CREDIT,
    LOCK_ACCOUNTS,
    LOCK_REFUNDS,
    PAY_DEPOSITS,
    REVERSE,
    REVERSING,
)
from activities.bank_grouping import CONFIRM, ONE_GROUPING, PAGES, PARTS
from activities.bank_matching import MATCH, REVERSALS, SEVERAL, SHARE
from activities.bank_payouts import match_payouts, post_payouts
from activities.bank_receipts import RECEIPTS
from bankfiles import Direction, Entry, Format, Part, Quarantine
from bankfiles.identity import is_reference
from rules.entry_kinds import kind_of
from rules.matching import references

MAX_REMITTANCE = 2000
STATEMENTS = (Format.CAMT_053, Format.MT940, Format.BAI2)
"""The formats of booked statements."""
FREEZES = "hashtext('prepay freezes')"
"""The lock that keeps freezing and crediting apart."""
# What the book's set functions take at once.
SLICE = 1000


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


def post_chunk(
    connection: "psycopg.Connection[Any]",
    file_id: int,
    accounts: Mapping[int, Account],
    items: Sequence[Entry | Quarantine],
) -> None:
    """Keep and post some entries of a file. Doing it again changes nothing: each money has its key for ever.

    Locks in this order: entries and parts by key, customers' accounts by id, deposits by id.
    """
    for statement in _STAGING:
        connection.execute(statement)
    _stage(connection, accounts, items)
    # A gap that closes meanwhile waits, so that whoever closes it finds these parts.
    connection.execute(_LOOK_AT_GAPS)
    if any(accounts[item.statement].pages_of for item in items):
        for statement in PAGES:
            connection.execute(statement)
    given = {"file": file_id, "slice": SLICE}
    for statement in (ONE_GROUPING, _QUARANTINE, _ENTRIES, *PARTS, _SIGHTINGS, _LOCK):
        connection.execute(statement, given)
    if any(accounts[item.statement].confirms for item in items):
        connection.execute(CONFIRM)
    _book(connection, BOOK, reverses=any(isinstance(item, Entry) and item.reversal for item in items))


def credit_waiting(
    connection: "psycopg.Connection[Any]", where: str, given: Mapping[str, Any], after: str = ""
) -> str:
    """Match again, and credit, up to 1,000 parts that wait; returns where to go on, or nothing at the end.

    `where` is a condition on the part `p` and its entry `e`.
    """
    for statement in _STAGING:
        connection.execute(statement)
    connection.execute("DELETE FROM posting")
    values = {"slice": SLICE, "after": after, **given}
    # A gap that closes meanwhile waits, so that whoever closes it finds these parts.
    connection.execute(_LOOK_AT_THEIR_GAPS.format(where=where).encode(), values)
    found = connection.execute(_AWAITING.format(where=where).encode(), values).rowcount
    if not found:
        return ""
    last = str(_one(connection, _LAST))
    _book(connection, CREDIT, reverses=False)
    return last if found == SLICE else ""


def credit_decided(connection: "psycopg.Connection[Any]", part: int) -> None:
    """Post a part that people have credited: its credits are there. The caller holds the part."""
    for statement in _STAGING:
        connection.execute(statement)
    connection.execute("DELETE FROM posting")
    connection.execute("INSERT INTO posting (id, slice) VALUES (%(part)s, 0)", {"part": part})
    for statement in (*CREDIT, PAY_DEPOSITS):
        connection.execute(statement, {"slice": 0})


def _book(connection: "psycopg.Connection[Any]", statements: Sequence[str], *, reverses: bool) -> None:
    """Decide about the parts in `posting`, and post them."""
    # Before any account: no customer is frozen between the decision and the credit.
    connection.execute(f"SELECT pg_advisory_xact_lock_shared({FREEZES})".encode())
    if reverses:
        # Two files that take back the same booking: the second must see what the first did.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('bank reversals'))")
    payouts = match_payouts(connection)
    for statement in (*REVERSALS, *MATCH) if reverses else MATCH:
        connection.execute(statement)
    for (part,) in connection.execute(SEVERAL).fetchall():
        connection.execute(SHARE, {"part": part})
    last = connection.execute(_SLICES).fetchone()
    slices = range(last[0] if last else 0)
    reversing = reverses and bool(_one(connection, REVERSING))
    if reversing:
        connection.execute(LOCK_REFUNDS)
    if len(slices) > 1 or reversing or payouts.payouts:
        connection.execute(LOCK_ACCOUNTS, {"payouts": payouts.payouts})
    for number in slices:
        for statement in statements:
            connection.execute(statement, {"slice": number})
    post_payouts(connection, payouts)
    connection.execute(PAY_DEPOSITS)
    for statement in (*(REVERSE if reversing else ()), *RECEIPTS):
        connection.execute(statement)


def _one(connection: "psycopg.Connection[Any]", query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _stage(
    connection: "psycopg.Connection[Any]",
    accounts: Mapping[int, Account],
    items: Sequence[Entry | Quarantine],
) -> None:
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


def chunks(items: Iterator[Entry | Quarantine], size: int) -> Iterator[list[Entry | Quarantine]]:
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


_STAGING = (
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
    """
    CREATE TEMP TABLE IF NOT EXISTS incoming_quarantine (
        ordinal bigint, statement bigint, line bigint, path text, reason text, amount_minor bigint, currency text,
        direction text, status text
    ) ON COMMIT DELETE ROWS
    """,
    # The parts of this chunk that are booked and have not been posted before, in slices that the book takes at once.
    """
    CREATE TEMP TABLE IF NOT EXISTS posting (
        id bigint PRIMARY KEY, slice bigint, several boolean NOT NULL DEFAULT false
    ) ON COMMIT DELETE ROWS
    """,
    # Lump sums of which this chunk tells the details, and whether there is only one.
    """
    CREATE TEMP TABLE IF NOT EXISTS waiting (
        lump_id bigint PRIMARY KEY, entry_id bigint, state text, one boolean
    ) ON COMMIT DELETE ROWS
    """,
    # The entries whose parts may have changed, and whether they had none before.
    "CREATE TEMP TABLE IF NOT EXISTS touched (id bigint PRIMARY KEY, fresh boolean) ON COMMIT DELETE ROWS",
)

_COPY_ENTRIES = "COPY incoming_entry FROM STDIN"
_COPY_PARTS = "COPY incoming_part FROM STDIN"
_COPY_QUARANTINE = "COPY incoming_quarantine FROM STDIN"

_QUARANTINE = """
    INSERT INTO bank_quarantine (file_id, ordinal, statement, line, path, reason, amount_minor, currency, direction,
        status)
    SELECT %(file)s, ordinal, statement, line, path, reason, amount_minor, currency, direction, status
    FROM incoming_quarantine ON CONFLICT DO NOTHING
"""

# An entry shown before it was booked is booked now; everything else that is known stays as it is.
_ENTRIES = """
    INSERT INTO bank_entry (identity_key, account_id, entity, currency, amount_minor, known_minor, direction, status,
        reversal, booked_on, value_on, bank_reference, detailed)
    SELECT DISTINCT ON (key) key, account_id, entity, currency, amount_minor, 0, direction, status, reversal, booked_on,
        value_on, bank_reference, bool_or(detailed) OVER (PARTITION BY key)
    FROM incoming_entry ORDER BY key, status = 'BOOK' DESC
    ON CONFLICT (identity_key) DO UPDATE
    SET status = excluded.status, booked_on = excluded.booked_on, value_on = excluded.value_on
    WHERE bank_entry.status <> 'BOOK' AND excluded.status = 'BOOK'
"""

# Arrays make PostgreSQL look up the few rows of a chunk by their index. Joined to what was staged, of which it has no
# statistics, it read whole tables for each chunk, or compared each row with each.
_SIGHTINGS = """
    INSERT INTO bank_sighting (file_id, ordinal, entry_id, statement, line, status)
    SELECT %(file)s, i.ordinal, e.id, i.statement, i.line, i.status
    FROM incoming_entry i JOIN bank_entry e ON e.identity_key = i.key
    WHERE e.identity_key = ANY (ARRAY(SELECT key FROM incoming_entry)) ON CONFLICT DO NOTHING
"""

_LOCK = """
    INSERT INTO posting (id, slice)
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(slice)s FROM (
        SELECT id FROM bank_entry_part WHERE state = 'shown' AND entry_id = ANY (ARRAY(
            SELECT id FROM bank_entry
            WHERE status = 'BOOK' AND identity_key = ANY (ARRAY(SELECT key FROM incoming_entry))
        )) ORDER BY identity_key FOR NO KEY UPDATE
    ) locked
"""

_LOOK_AT_GAPS = """
    SELECT FROM collection_account WHERE id IN (SELECT account_id FROM incoming_entry) ORDER BY id FOR SHARE
"""

_LOOK_AT_THEIR_GAPS = """
    SELECT FROM collection_account WHERE id IN (
        SELECT e.account_id FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        WHERE p.awaits <> '' AND {where}
    ) ORDER BY id FOR SHARE
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

_SLICES = "SELECT coalesce(max(slice) + 1, 0) FROM posting"
