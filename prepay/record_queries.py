"""The questions behind records, statements and exports; a role that may only read is enough.

Every posting locks its customer's account before it takes a number, so within an account numbers are the order of
commits: what is committed later has a larger one. A position in an account therefore divides its movements for ever.
"""

from typing import Any

from prepay.money import to_minor
from prepay.movements import names_of
from prepay.records import RecordFilter

LAST = 2**63 - 1

# The account's balance and its newest movement, seen together.
POSITIONS = """
    SELECT a.id AS account, a.entity, a.currency, a.available_minor + a.debits_pending AS balance_minor,
        a.debits_pending AS held_minor, 1 + greatest(
            (SELECT max(id) FROM ledger_transfer WHERE credit_account_id = a.id AND credits_customer),
            (SELECT max(id) FROM ledger_transfer WHERE debit_account_id = a.id AND debits_customer), 0) AS before
    FROM ledger_account a WHERE a.kind = 'customer' AND a.holder = %(customer)s
        AND (%(entity)s::text IS NULL OR a.entity = %(entity)s)
        AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
    ORDER BY a.entity, a.currency
"""

# Both sides of one account `p`, before a position; PostgreSQL merges the two indexes in the order that is asked for.
MOVED = """
    SELECT t.id, t.kind, t.phase, t.key, t.created_at, t.effective_on, t.value_on, t.deposit, t.cause, t.source_id,
        t.pending_id, t.about_id,
        CASE WHEN t.phase IN ('posted', 'post') THEN t.amount_minor ELSE 0 END AS amount_minor,
        0::bigint AS held_minor, CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0
            ELSE - t.amount_minor END AS pending_minor
    FROM ledger_transfer t WHERE t.credit_account_id = {account} AND t.credits_customer AND t.id < {before}
    UNION ALL
    SELECT t.id, t.kind, t.phase, t.key, t.created_at, t.effective_on, t.value_on, t.deposit, t.cause, t.source_id,
        t.pending_id, t.about_id, CASE WHEN t.phase IN ('posted', 'post') THEN - t.amount_minor ELSE 0 END,
        CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0 ELSE - t.amount_minor END, 0
    FROM ledger_transfer t WHERE t.debit_account_id = {account} AND t.debits_customer AND t.id < {before}
"""

# What a movement `m` is about. Each part is one look-up by an index, and only for movements that are looked at.
DETAILS = """
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.kind = 'credit' AND m.deposit IS NOT NULL THEN 'deposit'
            WHEN m.kind = 'void' THEN 'void-' || (SELECT o.kind FROM ledger_transfer o WHERE o.id = m.pending_id)
            ELSE m.kind END AS name
    ) named
    LEFT JOIN LATERAL (SELECT d.product FROM deposit d WHERE d.number = m.deposit) wish ON true
    LEFT JOIN LATERAL (
        SELECT part.payer_name AS payer, entry.value_on,
            coalesce(nullif(part.bank_reference, ''), entry.bank_reference) AS bank_reference
        FROM ledger_transfer receipt
        JOIN bank_entry_part part ON part.identity_key = substr(receipt.key, 1 + length('receipt:'))
            AND starts_with(receipt.key, 'receipt:')
        JOIN bank_entry entry ON entry.id = part.entry_id
        WHERE receipt.id = m.source_id
    ) bank ON true
"""

COLUMNS = """
    m.id, m.created_at, m.effective_on, coalesce(m.value_on, bank.value_on) AS value_on, named.name AS kind,
    m.phase = 'pending' AS pending, m.amount_minor, m.held_minor, m.pending_minor, m.deposit, m.cause, m.key,
    coalesce(wish.product, '') AS product, coalesce(bank.payer, '') AS payer,
    coalesce(bank.bank_reference, '') AS bank_reference
"""

_FILTER = """
    (%(names)s::text[] IS NULL OR named.name = ANY (%(names)s))
    AND (%(product)s::text IS NULL OR wish.product = %(product)s)
    AND (%(from_on)s::date IS NULL OR m.effective_on >= %(from_on)s)
    AND (%(through_on)s::date IS NULL OR m.effective_on <= %(through_on)s)
    AND (%(least)s::bigint IS NULL OR abs({size}) >= %(least)s)
    AND (%(most)s::bigint IS NULL OR abs({size}) <= %(most)s)
    AND (%(like)s::text IS NULL OR concat_ws(' ', m.key, m.deposit, m.cause, wish.product, bank.payer,
        bank.bank_reference) ILIKE %(like)s)
""".format(size="coalesce(nullif(m.amount_minor, 0), nullif(m.held_minor, 0), m.pending_minor)")

_POSITIONED = """
    FROM unnest(%(accounts)s::bigint[], %(befores)s::bigint[], %(balances)s::bigint[], %(helds)s::bigint[])
        AS p (account, before, balance_minor, held_minor)
    JOIN ledger_account a ON a.id = p.account AND a.kind = 'customer' AND a.holder = %(customer)s
"""

# From each position backwards; sums of what came later are taken from what the balance was there.
PAGE = f"""
    SELECT a.id AS account, a.entity, a.currency, r.* {_POSITIONED}
    CROSS JOIN LATERAL (
        SELECT {COLUMNS}, p.balance_minor - m.later AS balance_minor,
            p.balance_minor - m.later - p.held_minor + m.later_held AS available_minor
        FROM (
            SELECT w.*, coalesce(sum(w.amount_minor) OVER later, 0)::bigint AS later,
                coalesce(sum(w.held_minor) OVER later, 0)::bigint AS later_held
            FROM ({MOVED.format(account="p.account", before="p.before")}) w
            WINDOW later AS (ORDER BY w.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) m {DETAILS} WHERE {_FILTER} ORDER BY m.id DESC LIMIT %(limit)s
    ) r ORDER BY r.id DESC LIMIT %(limit)s
"""

TOTALS = f"""
    SELECT a.entity, a.currency, r.* {_POSITIONED}
    CROSS JOIN LATERAL (
        SELECT count(*) AS records,
            coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor > 0), 0)::bigint AS in_minor,
            - coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor < 0), 0)::bigint AS out_minor
        FROM ({MOVED.format(account="p.account", before="p.before")}) m {DETAILS} WHERE {_FILTER}
    ) r ORDER BY a.entity, a.currency
"""

# One account from its beginning, for exports: the sums run along.
STREAM = f"""
    SELECT {COLUMNS}, m.balance_minor, m.balance_minor - m.held_so_far AS available_minor
    FROM (
        SELECT w.*, (sum(w.amount_minor) OVER so_far)::bigint AS balance_minor,
            (sum(w.held_minor) OVER so_far)::bigint AS held_so_far
        FROM ({MOVED.format(account="%(account)s", before="%(before)s")}) w
        WINDOW so_far AS (ORDER BY w.id ROWS UNBOUNDED PRECEDING)
    ) m {DETAILS} WHERE {_FILTER} ORDER BY m.id
"""


def given(wanted: RecordFilter) -> dict[str, Any]:
    """The filter as parameters. Raises AmountRefused, CurrencyRefused."""
    names = [name for kind in wanted.kinds for name in names_of(kind)]
    text = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") if wanted.text else None
    return {
        "entity": wanted.entity,
        "currency": wanted.currency,
        "names": names or None,
        "product": wanted.product,
        "from_on": wanted.from_on,
        "through_on": wanted.through_on,
        "least": _minor(wanted.amount_from, wanted.currency),
        "most": _minor(wanted.amount_to, wanted.currency),
        "like": f"%{text}%" if text else None,
    }


def _minor(amount: str | None, currency: str | None) -> int | None:
    return to_minor(amount.strip(), currency) if amount and currency else None
