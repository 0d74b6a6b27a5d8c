"""Where money on a balance came from, and where it went: the bank's line, the lots, and what was taken from each.

Each answer is read in one snapshot, in a few statements, and holds at most `limit` rows of a kind beside each thing
with the count and sum of those left out. Amounts are minor units; what left a lot is below zero.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from activities.explain_spending import deposits_of, name_spendings

Row = dict[str, Any]


class NoSuchEntry(ValueError):
    """The number is no bank entry's."""

    def __init__(self, entry: int) -> None:
        super().__init__(f"There is no bank entry {entry}; `prepay bank entries` lists them")


class NoSuchBalance(ValueError):
    """The customer is unknown, or has no balance in the currency."""

    def __init__(self, customer: str, currency: str | None) -> None:
        what = f"no {currency} balance" if currency else "no balance"
        super().__init__(f"There is {what} of a customer {customer}; `prepay customer list` lists customers")


def explain_entry(url: str, entry: int, limit: int) -> Row:
    """A bank entry, each file and line it was seen in, its parts, and what became of the money of each part.

    Raises NoSuchEntry.
    """
    with _snapshot(url) as connection:
        found = connection.execute(_ENTRY, {"entry": entry}).fetchone()
        if found is None:
            raise NoSuchEntry(entry)
        given = {"entry": entry, "limit": limit}
        sightings = connection.execute(_SIGHTINGS, given).fetchall()
        parts = connection.execute(_PARTS, given).fetchall()
        roots = [part["root"] for part in parts if part["root"] is not None]
        postings = connection.execute(_POSTINGS, {"roots": roots, "limit": limit}).fetchall()
        lots = _lots(connection, _LOTS_OF_RECEIPTS, roots, limit)
        moves = _moves(connection, _MOVED_OF_PARTS, [part["part"] for part in parts], limit)
    postings_of, lots_of = _grouped(postings, "root"), _grouped(lots, "parent")
    for part in parts:
        root = part.pop("root")
        part["postings"], part["postings_left_out"] = _counted(postings_of[root])
        part["lots"], part["lots_left_out"] = _counted(lots_of[root])
        part["moves"], part["moves_left_out"] = _counted(moves[part["part"]])
    found["sightings"], found["sightings_left_out"] = _counted(sightings)
    found["parts"], found["parts_left_out"] = _counted(parts)
    return found


def explain_balances(url: str, customer: str, currency: str | None, limit: int) -> list[Row]:
    """The balances of a customer, in one currency or all, each from its lots and what is pending.

    `problems` holds a sentence for each sum that differs from the balance. Raises NoSuchBalance.
    """
    with _snapshot(url) as connection:
        balances = connection.execute(_BALANCES, {"customer": customer, "currency": currency}).fetchall()
        if not balances:
            raise NoSuchBalance(customer, currency)
        accounts = [balance["account_id"] for balance in balances]
        lots = _grouped(_lots(connection, _LOTS_OF_ACCOUNTS, accounts, limit), "parent")
        pending = connection.execute(_PENDING, {"accounts": accounts, "limit": limit}).fetchall()
        deposits = _grouped(deposits_of(connection, accounts, limit), "account_id")
    waiting = _grouped(pending, "account_id")
    for balance in balances:
        account = balance.pop("account_id")
        balance["problems"] = list(_problems(balance))
        balance["lots"], balance["lots_left_out"] = _counted(lots[account])
        balance["pending"], balance["pending_left_out"] = _counted(waiting[account])
        balance["deposits"], balance["deposits_left_out"] = _counted(deposits[account])
    return balances


def _problems(balance: Row) -> Iterator[str]:
    whose = f"The {balance['currency']} balance of {balance['customer']} with {balance['entity']}"
    for name, sums in (
        ("posted", "what its lots brought less what left them"),
        ("left", "what its lots brought less what left them"),
        ("reserved", "what refunds have reserved of its lots"),
        ("held", "its open holds and refunds"),
        ("pending", "its credits before their value date"),
    ):
        stated, found = balance[f"{name}_minor"], balance.pop(f"{name}_found_minor")
        if stated != found:
            yield (
                f"{whose} says {name} {stated}, but {sums} come to {found} (minor units): "
                "run `prepay ledger check`"
            )


def _lots(connection: psycopg.Connection[Row], chosen: str, ids: Sequence[int], limit: int) -> list[Row]:
    """Lots with the bank's line that each came from, what was taken from it, and what is reserved."""
    query = _LOTS.format(chosen=chosen, came_from=_CAME_FROM, came_from_columns=_CAME_FROM_COLUMNS)
    lots = connection.execute(query.encode(), {"ids": list(ids), "limit": limit}).fetchall()
    ids_shown = [lot["lot"] for lot in lots]
    shown = {"lots": ids_shown, "limit": limit}
    moved = connection.execute(_MOVEMENTS, shown).fetchall()
    name_spendings(connection, moved)
    movements = _grouped(moved, "lot")
    reservations = _grouped(connection.execute(_RESERVATIONS, shown).fetchall(), "lot")
    moves = _moves(connection, _MOVED_OF_LOTS, ids_shown, limit)
    for lot in lots:
        lot["moves"], lot["moves_left_out"] = _counted(moves[lot["lot"]])
        lot["movements"], lot["movements_left_out"] = _counted(movements[lot["lot"]])
        lot["movements_left_out_minor"] = lot["used_minor"] - sum(
            movement["amount_minor"] for movement in lot["movements"]
        )
        lot["reservations"], lot["reservations_left_out"] = _counted(reservations[lot["lot"]])
    return lots


def _moves(
    connection: psycopg.Connection[Row], moved: str, ids: Sequence[int], limit: int
) -> dict[Any, list[Row]]:
    """The proposals to move credits, whatever became of them, by the part or lot of each."""
    query = _MOVES.format(moved=moved)
    return _grouped(
        connection.execute(query.encode(), {"ids": list(ids), "limit": limit}).fetchall(), "parent"
    )


def _grouped(rows: Sequence[Row], by: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.pop(by)].append(row)
    return groups


def _counted(rows: list[Row]) -> tuple[list[Row], int]:
    """The rows and how many more there are: each row knows how many there were."""
    total = [row.pop("of") for row in rows]
    return rows, (total[0] - len(rows) if rows else 0)


@contextmanager
def _snapshot(url: str) -> Iterator[psycopg.Connection[Row]]:
    # Balances and lots that change between two statements would seem not to add up.
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


_ENTRY = """
    SELECT e.id AS entry, a.code AS account, e.entity, e.amount_minor, e.currency, e.direction, e.status, e.reversal,
        e.booked_on, e.value_on, e.bank_reference, e.known_minor
    FROM bank_entry e JOIN collection_account a ON a.id = e.account_id WHERE e.id = %(entry)s
"""

_SIGHTINGS = """
    SELECT f.id AS file, f.name, f.format, f.sha256, s.line, s.status, f.received_at, f.delivered_by,
        count(*) OVER () AS of
    FROM bank_sighting s JOIN bank_file f ON f.id = s.file_id
    WHERE s.entry_id = %(entry)s ORDER BY s.file_id, s.ordinal LIMIT %(limit)s
"""

_PARTS = """
    SELECT p.id AS part, p.amount_minor, p.currency, p.direction, p.payer_name, p.remittance, p.end_to_end_id, p.state,
        p.reason, p.confirmed, o.entry_id AS takes_back, given.customer, given.deposit, t.id AS root,
        count(*) OVER () AS of
    FROM bank_entry_part p
    LEFT JOIN bank_entry_part o ON o.id = p.answers_id
    CROSS JOIN LATERAL (
        SELECT string_agg(DISTINCT c.number, ' ') AS customer,
            string_agg(d.number, ' ' ORDER BY credit.position) AS deposit
        FROM credit JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
        WHERE credit.part_id = p.id
    ) given
    LEFT JOIN ledger_transfer t ON t.leg = 0 AND t.key = CASE
        WHEN p.state = 'house' THEN 'house:' WHEN p.direction = 'debit' THEN 'reversal:' ELSE 'receipt:'
    END || p.identity_key
    WHERE p.entry_id = %(entry)s ORDER BY p.position LIMIT %(limit)s
"""

# What was written for a part: its own posting, and all that moved its money since.
_POSTINGS = """
    SELECT root, id AS transfer, effective_on, kind, phase::text, key, debit, credit, amount_minor, cause, of
    FROM (
        SELECT w.root, j.*, row_number() OVER (PARTITION BY w.root ORDER BY j.id) AS place,
            count(*) OVER (PARTITION BY w.root) AS of
        FROM (
            SELECT id AS root, id FROM ledger_transfer WHERE id = ANY(%(roots)s)
            UNION ALL SELECT source_id, id FROM ledger_transfer WHERE source_id = ANY(%(roots)s)
        ) w JOIN ledger_journal j ON j.id = w.id
    ) written WHERE place <= %(limit)s ORDER BY id
"""

# Recomputed beside what the account says of itself.
_BALANCES = """
    SELECT c.id AS account_id, c.holder AS customer, c.entity, c.currency,
        c.available_minor + c.debits_pending AS posted_minor, c.available_minor,
        c.debits_pending AS held_minor, c.credits_pending AS pending_minor,
        r.debits_posted - r.credits_posted AS receivable_minor,
        l.credited_minor, l.used_minor, l.left_minor, l.reserved_minor,
        l.credited_minor + l.used_minor AS posted_found_minor, l.credited_minor + l.used_minor AS left_found_minor,
        l.reserved_found_minor, p.held_found_minor, p.pending_found_minor
    FROM ledger_account c JOIN ledger_account r ON r.id = c.receivable_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.amount_minor), 0)::bigint AS credited_minor,
            coalesce(sum(l.free_minor + l.reserved_minor), 0)::bigint AS left_minor,
            coalesce(sum(l.reserved_minor), 0)::bigint AS reserved_minor,
            coalesce(sum(a.used), 0)::bigint AS used_minor,
            coalesce(- sum(a.reserved), 0)::bigint AS reserved_found_minor
        FROM ledger_lot l LEFT JOIN (
            SELECT lot_id, sum(amount_minor) FILTER (WHERE NOT reserves) AS used,
                sum(amount_minor) FILTER (WHERE reserves) AS reserved
            FROM ledger_allocation WHERE account_id = c.id GROUP BY lot_id
        ) a ON a.lot_id = l.id WHERE l.account_id = c.id
    ) l
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(remaining_minor) FILTER (WHERE kind <> 'credit'), 0)::bigint AS held_found_minor,
            coalesce(sum(remaining_minor) FILTER (WHERE kind = 'credit'), 0)::bigint AS pending_found_minor
        FROM ledger_pending WHERE account_id = c.id
    ) p
    WHERE c.kind = 'customer' AND c.holder = %(customer)s AND (%(currency)s::text IS NULL OR c.currency = %(currency)s)
    ORDER BY c.entity, c.currency
"""

# The bank entry part of a transfer `t` with a source, and the line that told of it first.
_CAME_FROM_COLUMNS = """
    receipt.key AS receipt, part.id AS part, part.entry_id AS entry, first.file, first.file_name, first.line,
    coalesce(first.sightings, 0) AS sightings
"""

_CAME_FROM = """
    LEFT JOIN ledger_transfer receipt ON receipt.id = t.source_id
    LEFT JOIN bank_entry_part part ON part.identity_key = substr(receipt.key, 1 + length('receipt:'))
        AND starts_with(receipt.key, 'receipt:')
    LEFT JOIN LATERAL (
        SELECT s.file_id AS file, f.name AS file_name, s.line, count(*) OVER () AS sightings
        FROM bank_sighting s JOIN bank_file f ON f.id = s.file_id
        WHERE s.entry_id = part.entry_id ORDER BY s.file_id, s.ordinal LIMIT 1
    ) first ON true
"""

# First those with something left, then the newest.
_LOTS_OF_ACCOUNTS = """
    SELECT l.*, account_id AS parent,
        row_number() OVER (PARTITION BY account_id ORDER BY free_minor + reserved_minor = 0, id DESC) AS place,
        count(*) OVER (PARTITION BY account_id) AS of
    FROM ledger_lot l WHERE account_id = ANY(%(ids)s)
"""

_LOTS_OF_RECEIPTS = """
    SELECT l.*, t.source_id AS parent, row_number() OVER (PARTITION BY t.source_id ORDER BY l.id DESC) AS place,
        count(*) OVER (PARTITION BY t.source_id) AS of
    FROM ledger_transfer t JOIN ledger_lot l ON l.id = t.id WHERE t.source_id = ANY(%(ids)s)
"""

_LOTS = """
    WITH l AS MATERIALIZED (SELECT * FROM ({chosen}) every WHERE place <= %(limit)s)
    SELECT l.parent, l.id AS lot, a.holder AS customer, a.currency, t.effective_on,
        t.created_at, credit.key AS credit, t.deposit, giver.holder AS moved_from, {came_from_columns},
        l.amount_minor, coalesce(used.used_minor, 0) AS used_minor, l.free_minor + l.reserved_minor AS remaining_minor,
        l.reserved_minor, l.live, l.of
    FROM l JOIN ledger_account a ON a.id = l.account_id
    JOIN ledger_transfer t ON t.id = l.id
    JOIN ledger_transfer credit ON credit.id = coalesce(t.pending_id, t.id)
    LEFT JOIN ledger_lot before ON before.id = t.about_id AND t.kind = 'move'
    LEFT JOIN ledger_account giver ON giver.id = before.account_id
    {came_from}
    LEFT JOIN (
        SELECT lot_id, sum(amount_minor)::bigint AS used_minor FROM ledger_allocation
        WHERE lot_id = ANY (ARRAY(SELECT id FROM l)) AND NOT reserves GROUP BY lot_id
    ) used ON used.lot_id = l.id
    ORDER BY l.parent, l.place
"""

# A posting that changes what another one rests on, such as an order refund, names that one in `for`.
_MOVEMENTS = """
    SELECT m.lot_id AS lot, m.use_id AS use, t.id AS transfer, t.effective_on, t.kind, t.key, t.cause, m.amount_minor,
        CASE WHEN u.id <> t.id THEN u.kind END AS for_kind, CASE WHEN u.id <> t.id THEN u.key END AS for_key,
        CASE WHEN u.id <> t.id THEN u.cause END AS for_cause, o.code AS "to",
        (
            SELECT min(s.effective_on) FROM ledger_transfer s WHERE s.about_id = t.id AND s.kind = 'settlement'
        ) AS settled_on, m.of
    FROM (
        SELECT a.*, count(*) OVER (PARTITION BY lot_id) AS of,
            row_number() OVER (PARTITION BY lot_id ORDER BY transfer_id DESC, amount_minor, use_id) AS place
        FROM ledger_allocation a WHERE lot_id = ANY(%(lots)s) AND NOT reserves
    ) m
    JOIN ledger_transfer t ON t.id = m.transfer_id
    JOIN ledger_transfer u ON u.id = m.use_id
    JOIN ledger_account o ON o.id = t.credit_account_id
    WHERE m.place <= %(limit)s ORDER BY m.lot_id, m.place DESC
"""

_RESERVATIONS = """
    SELECT r.lot_id AS lot, t.effective_on, t.kind, t.key, t.cause, r.amount_minor, r.of
    FROM (
        SELECT lot_id, use_id, - sum(amount_minor)::bigint AS amount_minor, count(*) OVER (PARTITION BY lot_id) AS of,
            row_number() OVER (PARTITION BY lot_id ORDER BY use_id) AS place
        FROM ledger_allocation WHERE lot_id = ANY(%(lots)s) AND reserves
        GROUP BY lot_id, use_id HAVING sum(amount_minor) < 0
    ) r JOIN ledger_transfer t ON t.id = r.use_id
    WHERE r.place <= %(limit)s ORDER BY r.lot_id, r.place
"""

# A credit that was moved to another customer made its lots by the move's key.
_MOVED_OF_LOTS = """
    SELECT l.id AS parent, coalesce(c.id, m.credit_id) AS credit_id
    FROM unnest(%(ids)s::bigint[]) l (id) JOIN ledger_transfer t ON t.id = l.id
    JOIN ledger_transfer made ON made.id = coalesce(t.pending_id, t.id)
    LEFT JOIN credit c ON c.key = made.key LEFT JOIN credit_move m ON m.key = made.key
"""

_MOVED_OF_PARTS = "SELECT part_id AS parent, id AS credit_id FROM credit WHERE part_id = ANY(%(ids)s)"

_MOVES = """
    SELECT parent, id AS move, stage, amount_minor,
        (SELECT number FROM customer WHERE id = from_customer_id) AS from_customer,
        (SELECT number FROM deposit WHERE id = from_deposit_id) AS from_deposit,
        (SELECT number FROM customer WHERE id = to_customer_id) AS to_customer,
        (SELECT number FROM deposit WHERE id = to_deposit_id) AS to_deposit,
        proposed_by, reason, proposed_at, decided_by, decided_reason, decided_at, of
    FROM (
        SELECT moved.parent, m.*, row_number() OVER (PARTITION BY moved.parent ORDER BY m.id DESC) AS place,
            count(*) OVER (PARTITION BY moved.parent) AS of
        FROM ({moved}) moved JOIN credit_move m USING (credit_id)
    ) told WHERE place <= %(limit)s ORDER BY id
"""

# Holds, refunds not yet sent, and credits before their value date.
_PENDING = f"""
    SELECT w.account_id, t.effective_on, w.kind, t.key, t.cause, w.remaining_minor AS amount_minor, w.expires_at,
        w.value_on, t.deposit, {_CAME_FROM_COLUMNS}, w.of
    FROM (
        SELECT p.*, count(*) OVER (PARTITION BY account_id) AS of,
            row_number() OVER (PARTITION BY account_id ORDER BY id DESC) AS place
        FROM ledger_pending p WHERE account_id = ANY(%(accounts)s)
    ) w
    JOIN ledger_transfer t ON t.id = w.id
    {_CAME_FROM}
    WHERE w.place <= %(limit)s ORDER BY w.account_id, w.place
"""
