"""One chunk of a bank file, in the caller's transaction: entries kept, matched, posted, deposits moved, doorbells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from activities.bank_grouping import ONE_GROUPING, PAGES, PARTS
from bankfiles import Entry, Part, Quarantine
from rules.matching import references

MAX_REMITTANCE = 2000
# What the book's set functions take at once.
SLICE = 1000


@dataclass(frozen=True, slots=True)
class Account:
    """The collection account that a statement is about, and of which statement it is a page, if it is one."""

    id: int
    code: str
    entity: str
    currency: str
    pages_of: int | None = None
    page: int = 1


def post_chunk(
    connection: "psycopg.Connection[Any]",
    file_id: int,
    accounts: Mapping[int, Account],
    items: Sequence[Entry | Quarantine],
) -> None:
    """Keep and post some entries of a file. Doing it again changes nothing: each money has its key for ever.

    Locks in this order: entries and parts by key, customers' accounts by id, deposits by id.
    """
    given = {"file": file_id, "slice": SLICE}
    for statement in _STAGING:
        connection.execute(statement)
    _stage(connection, accounts, items)
    if any(accounts[item.statement].pages_of for item in items):
        for statement in PAGES:
            connection.execute(statement)
    for statement in (
        ONE_GROUPING,
        _QUARANTINE,
        _ENTRIES,
        *PARTS,
        _SIGHTINGS,
        _LOCK,
        _DEBITS,
        _MATCH,
    ):
        connection.execute(statement, given)
    last = connection.execute(_SLICES).fetchone()
    slices = range(last[0] if last else 0)
    if len(slices) > 1:
        # Before the first slice: the accounts of all of them, in the order that every posting keeps.
        connection.execute(_LOCK_ACCOUNTS)
    for number in slices:
        for statement in (_RECEIVE, _CREDIT, _BOOK_DEBITS):
            connection.execute(statement, {"slice": number})
    connection.execute(_DEPOSITS)


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
                for part in entry.parts:
                    copy.write_row((*_part_row(entry, part), *_page(accounts[entry.statement])))
        with cursor.copy(_COPY_QUARANTINE) as copy:
            for item in items:
                if isinstance(item, Quarantine):
                    copy.write_row((item.ordinal, item.line, item.path, item.reason))


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
        entry.bank_reference,
        entry.line,
        entry.detailed,
        *_page(account),
    )


def _page(account: Account) -> tuple[int | None, int]:
    return account.pages_of, account.page


def _part_row(entry: Entry, part: Part) -> tuple[Any, ...]:
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
        part.end_to_end_id,
        list(found.structured),
        list(found.free),
        "\n".join([*part.structured, *part.free])[:MAX_REMITTANCE],
        part.payer_name,
        part.payer_account,
        part.credited_account,
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
        detailed boolean, pages_of bigint, page bigint
    ) ON COMMIT DELETE ROWS
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS incoming_part (
        ordinal bigint, entry_key text, position bigint, key text, amount_minor bigint, currency text, direction text,
        end_to_end_id text, structured_references text[], text_references text[], remittance text,
        payer_name text, payer_account text, credited_account text, pages_of bigint, page bigint
    ) ON COMMIT DELETE ROWS
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS incoming_quarantine (
        ordinal bigint, line bigint, path text, reason text
    ) ON COMMIT DELETE ROWS
    """,
    # The parts of this chunk that are booked and have not been posted before, in slices that the book takes at once.
    "CREATE TEMP TABLE IF NOT EXISTS posting (id bigint PRIMARY KEY, slice bigint) ON COMMIT DELETE ROWS",
    # Lump sums of which this chunk tells the details, and whether there is only one.
    """
    CREATE TEMP TABLE IF NOT EXISTS waiting (
        lump_id bigint PRIMARY KEY, entry_id bigint, state text, one boolean
    ) ON COMMIT DELETE ROWS
    """,
    # The entries whose parts may have changed.
    "CREATE TEMP TABLE IF NOT EXISTS touched (id bigint PRIMARY KEY) ON COMMIT DELETE ROWS",
)

_COPY_ENTRIES = "COPY incoming_entry FROM STDIN"
_COPY_PARTS = "COPY incoming_part FROM STDIN"
_COPY_QUARANTINE = "COPY incoming_quarantine FROM STDIN"

_QUARANTINE = """
    INSERT INTO bank_quarantine (file_id, ordinal, line, path, reason)
    SELECT %(file)s, ordinal, line, path, reason FROM incoming_quarantine ON CONFLICT DO NOTHING
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

_SIGHTINGS = """
    INSERT INTO bank_sighting (file_id, ordinal, entry_id, statement, line, status)
    SELECT %(file)s, i.ordinal, e.id, i.statement, i.line, i.status
    FROM incoming_entry i JOIN bank_entry e ON e.identity_key = i.key ON CONFLICT DO NOTHING
"""

_LOCK = """
    INSERT INTO posting (id, slice)
    SELECT p.id, (row_number() OVER (ORDER BY p.id) - 1) / %(slice)s FROM (SELECT DISTINCT id FROM (
        SELECT part.id FROM incoming_entry i
        JOIN bank_entry e ON e.identity_key = i.key AND e.status = 'BOOK'
        JOIN bank_entry_part part ON part.entry_id = e.id AND part.state = 'shown'
        ORDER BY part.identity_key FOR NO KEY UPDATE OF part
    ) locked) p
"""

_SLICES = "SELECT coalesce(max(slice) + 1, 0) FROM posting"

_LOCK_ACCOUNTS = """
    SELECT count(*) FROM (
        SELECT array_agg(DISTINCT c.number || ' ' || e.entity || ' ' || p.currency) AS accounts
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry e ON e.id = p.entry_id
        JOIN customer c ON c.id = p.customer_id HAVING count(*) > 0
    ) r, LATERAL (
        SELECT array_agg(split_part(a, ' ', 1)) AS customers, array_agg(split_part(a, ' ', 2)) AS entities,
            array_agg(split_part(a, ' ', 3)) AS currencies
        FROM unnest(r.accounts) a
    ) l, LATERAL ledger_lock_customers(l.customers, l.entities, l.currencies)
"""

_DEBITS = """
    UPDATE bank_entry_part SET state = 'house', reason = 'a debit that nobody has explained yet'
    WHERE id IN (SELECT id FROM posting) AND direction = 'debit'
"""

# Structured references count before those in free text. References of several customers credit nobody, and nor does
# what looks like money that was posted before: the same reference of the bank and amount with another value date.
_MATCH = """
    WITH target AS (
        SELECT p.id, p.currency, e.entity, e.reversal, p.structured_references, p.text_references,
            EXISTS (
                SELECT FROM bank_entry twin
                WHERE twin.account_id = e.account_id AND twin.bank_reference = e.bank_reference
                  AND e.bank_reference <> '' AND twin.id <> e.id AND twin.status = 'BOOK'
                  AND twin.amount_minor = e.amount_minor AND twin.direction = e.direction
                  AND twin.value_on <> e.value_on AND abs(twin.value_on - e.value_on) <= 10
                  AND EXISTS (SELECT FROM bank_entry_part t WHERE t.entry_id = twin.id AND t.state <> 'shown')
            ) AS twin
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry e ON e.id = p.entry_id
        WHERE p.direction = 'credit'
    ), hit AS (
        SELECT t.id AS part_id, r.place, d.id AS deposit_id, d.number, d.customer_id, d.currency,
            d.currency = t.currency AND d.entity = t.entity AS fits, d.stage IN ('issued', 'part_paid') AS open
        FROM target t
        CROSS JOIN LATERAL (
            SELECT 1 AS place, unnest(t.structured_references) AS reference
            UNION ALL SELECT 2, unnest(t.text_references)
        ) r
        JOIN deposit d ON d.reference = r.reference
    ), owners AS (
        SELECT part_id, place, count(DISTINCT customer_id) AS customers FROM hit GROUP BY part_id, place
    ), best AS (
        SELECT DISTINCT ON (hit.part_id) hit.*, owners.customers FROM hit JOIN owners USING (part_id, place)
        ORDER BY hit.part_id, hit.place, hit.fits DESC, hit.open DESC, hit.deposit_id
    ), decided AS (
        SELECT t.id, b.customers = 1 AND b.fits AND NOT t.reversal AND NOT t.twin AS sure, b.deposit_id, b.customer_id,
            CASE
                WHEN t.reversal THEN 'the bank marks it as a reversal'
                WHEN t.twin THEN 'the same bank reference and amount was posted before, with another value date'
                WHEN b.part_id IS NULL THEN 'no payment reference of ours was found'
                WHEN b.customers > 1 THEN 'its references belong to several customers'
                WHEN NOT b.fits THEN 'its reference is that of ' || b.number || ', which is paid elsewhere or in '
                    || b.currency
                WHEN b.place = 1 THEN 'its structured reference is that of ' || b.number
                ELSE 'the reference in its text is that of ' || b.number
            END AS reason
        FROM target t LEFT JOIN best b ON b.part_id = t.id
    )
    UPDATE bank_entry_part p SET reason = d.reason,
        deposit_id = CASE WHEN d.sure THEN d.deposit_id END, customer_id = CASE WHEN d.sure THEN d.customer_id END,
        state = CASE WHEN d.sure THEN 'credited' ELSE 'unapplied' END
    FROM decided d WHERE p.id = d.id
"""

# The causes say where the money came from; the keys hold for ever.
_RECEIVE = """
    SELECT count(*) FROM (
        SELECT array_agg('receipt:' || p.identity_key ORDER BY p.id) AS keys,
            array_agg(a.code ORDER BY p.id) AS accounts,
            array_agg(e.entity ORDER BY p.id) AS entities, array_agg(p.currency ORDER BY p.id) AS currencies,
            array_agg(p.amount_minor ORDER BY p.id) AS amounts, array_agg(e.booked_on ORDER BY p.id) AS days,
            array_agg('bank entry part ' || p.id ORDER BY p.id) AS causes
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id
        WHERE posting.slice = %(slice)s AND p.direction = 'credit' AND p.receipt_of IS NULL HAVING count(*) > 0
    ) r, LATERAL ledger_receive_many(r.keys, r.accounts, r.entities, r.currencies, r.amounts, r.days, r.causes)
"""

_CREDIT = """
    SELECT count(*) FROM (
        SELECT array_agg('credit:' || p.identity_key ORDER BY p.id) AS keys,
            array_agg('receipt:' || coalesce(lump.identity_key, p.identity_key) ORDER BY p.id) AS sources,
            array_agg(c.number ORDER BY p.id) AS customers, array_agg(e.entity ORDER BY p.id) AS entities,
            array_agg(p.currency ORDER BY p.id) AS currencies, array_agg(p.amount_minor ORDER BY p.id) AS amounts,
            array_agg(e.booked_on ORDER BY p.id) AS days, array_agg(e.value_on ORDER BY p.id) AS value_days,
            array_agg(d.number ORDER BY p.id) AS deposits, array_agg('bank entry part ' || p.id ORDER BY p.id) AS causes
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry e ON e.id = p.entry_id
        JOIN customer c ON c.id = p.customer_id LEFT JOIN deposit d ON d.id = p.deposit_id
        LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of
        WHERE posting.slice = %(slice)s AND p.state = 'credited' HAVING count(*) > 0
    ) r, LATERAL ledger_credit_many(r.keys, r.sources, r.customers, r.entities, r.currencies, r.amounts, r.days,
        r.value_days, r.deposits, r.causes)
"""

_BOOK_DEBITS = """
    SELECT count(*) FROM (
        SELECT array_agg('debit:' || p.identity_key ORDER BY p.id) AS keys, array_agg(a.code ORDER BY p.id) AS accounts,
            array_agg('unexplained'::text ORDER BY p.id) AS against, array_agg(e.entity ORDER BY p.id) AS entities,
            array_agg(p.currency ORDER BY p.id) AS currencies, array_agg(p.amount_minor ORDER BY p.id) AS amounts,
            array_agg(e.booked_on ORDER BY p.id) AS days, array_agg('bank entry part ' || p.id ORDER BY p.id) AS causes
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id
        WHERE posting.slice = %(slice)s AND p.direction = 'debit' HAVING count(*) > 0
    ) r, LATERAL ledger_book_debits_many(r.keys, r.accounts, r.against, r.entities, r.currencies, r.amounts, r.days,
        r.causes)
"""

_DEPOSITS = """
    WITH paid AS (
        SELECT p.deposit_id, sum(p.amount_minor)::bigint AS amount_minor
        FROM posting JOIN bank_entry_part p USING (id) WHERE p.state = 'credited' GROUP BY p.deposit_id
    ), locked AS (
        SELECT d.id, paid.amount_minor FROM deposit d JOIN paid ON paid.deposit_id = d.id
        ORDER BY d.id FOR NO KEY UPDATE OF d
    ), moved AS (
        UPDATE deposit d SET version = d.version + 1,
            credited_minor = d.credited_minor + locked.amount_minor,
            late = d.late OR d.stage IN ('expired', 'cancelled'),
            stage = CASE
                WHEN d.credited_minor + locked.amount_minor >= d.amount_minor THEN 'credited'
                WHEN d.stage = 'issued' THEN 'part_paid'
                ELSE d.stage
            END
        FROM locked WHERE d.id = locked.id RETURNING d.workflow_id, d.version
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM moved
"""
