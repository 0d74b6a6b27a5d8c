"""The questions behind records, statements and exports; a role that may only read is enough.

Every posting locks its customer's account before it takes a number, so within an account numbers are the order of
commits: what is committed later has a larger one. A position in an account therefore divides its movements for ever.
"""

from typing import Any

from prepay.money import to_minor
from prepay.movements import names_of
from prepay.records import RecordFilter

LAST = 2**63 - 1

ACCOUNTS = """
    SELECT a.id AS account, a.entity, a.currency FROM ledger_account a
    WHERE a.kind = 'customer' AND a.holder = %(customer)s AND (%(entity)s::text IS NULL OR a.entity = %(entity)s)
        AND (%(currency)s::text IS NULL OR a.currency = %(currency)s)
    ORDER BY a.entity, a.currency
"""

_SIDE = """
    SELECT t.id, t.kind, t.phase, t.key, t.created_at, t.effective_on, t.value_on, t.deposit, t.cause, t.source_id,
        t.pending_id, t.about_id, {amount}::bigint AS amount_minor, {held}::bigint AS held_minor,
        {pending}::bigint AS pending_minor
    FROM ledger_transfer t WHERE t.{side}_account_id = {account} AND t.{side}s_customer AND t.id < {before}
"""
_POSTS = "(CASE WHEN t.phase IN ('posted', 'post') THEN t.amount_minor ELSE 0 END)"
_PENDS = "(CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0 ELSE - t.amount_minor END)"
_PLACE = {"account": "{account}", "before": "{before}"}
_CREDITS = _SIDE.format(side="credit", amount=_POSTS, held="0", pending=_PENDS, **_PLACE)
_DEBITS = _SIDE.format(side="debit", amount=f"(- {_POSTS})", held=_PENDS, pending="0", **_PLACE)

MOVED = f"{_CREDITS} UNION ALL {_DEBITS}"
"""Both sides of an account, before a position."""

# As many of them, the newest: each side reads no more than that from the end of its index.
_NEWEST = "ORDER BY t.id DESC LIMIT %(look)s"
_LOOK = f"""
    (({_CREDITS} {_NEWEST}) UNION ALL ({_DEBITS} {_NEWEST})) ORDER BY id DESC LIMIT %(look)s
""".format(account="%(account)s", before="%(before)s")

# What a movement `m` is about. Each part is one look-up by an index, and only for movements that are looked at.
DETAILS = """
    LEFT JOIN LATERAL (
        SELECT min(b.number) AS number, string_agg(DISTINCT l.product, ', ') AS product,
            array_agg(DISTINCT l.product) AS products,
            CASE WHEN count(DISTINCT l.product) > 1
                THEN jsonb_agg(jsonb_build_array(l.product, p.amount_minor) ORDER BY p.position) END AS parts
        FROM bill_payment p JOIN bill b ON b.id = p.bill_id
        JOIN bill_line l ON l.bill_id = p.bill_id AND l.position = p.position
        WHERE p.transfer_id = CASE m.kind WHEN 'pay' THEN m.id ELSE m.about_id END HAVING count(*) > 0
    ) billed ON m.kind IN ('pay', 'order-refund')
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.kind = 'credit' AND m.deposit IS NOT NULL THEN 'deposit'
            WHEN billed.number IS NOT NULL THEN CASE m.kind WHEN 'pay' THEN 'bill' ELSE 'void-bill' END
            WHEN m.kind = 'void' THEN 'void-' || (SELECT o.kind FROM ledger_transfer o WHERE o.id = m.pending_id)
            ELSE m.kind END AS name
    ) named
    LEFT JOIN LATERAL (SELECT d.product FROM deposit d WHERE d.number = m.deposit) wish ON true
    LEFT JOIN LATERAL (
        SELECT part.payer_name AS payer, entry.value_on,
            coalesce(nullif(part.bank_reference, ''), entry.bank_reference) AS bank_reference,
            (
                SELECT coalesce(nullif(v.iban, ''), v.account_number) FROM virtual_account v
                WHERE v.bank_number = nullif(part.credited_account, '') LIMIT 1
            ) AS virtual_account
        FROM ledger_transfer receipt
        JOIN bank_entry_part part ON part.identity_key = substr(receipt.key, 1 + length('receipt:'))
            AND starts_with(receipt.key, 'receipt:')
        JOIN bank_entry entry ON entry.id = part.entry_id
        WHERE receipt.id = m.source_id
    ) bank ON true
    LEFT JOIN LATERAL (
        SELECT o.key, o.cause FROM ledger_transfer o WHERE o.id =
            coalesce(m.pending_id, CASE WHEN m.kind IN ('order-refund', 'payout-return') THEN m.about_id END, m.id)
    ) origin ON m.kind <> 'credit'
    LEFT JOIN LATERAL (
        SELECT r.number FROM payout o JOIN refund r ON r.id = o.refund_id
        WHERE o.hold_key = origin.key
            OR o.id = CASE WHEN starts_with(origin.key, 'sent:') THEN substr(origin.key, 6)::bigint END
        LIMIT 1
    ) repaid ON m.kind IN ('refund', 'payout-return', 'void')
    CROSS JOIN LATERAL (
        SELECT CASE WHEN starts_with(origin.key, 'order:') THEN substr(origin.key, 7) END AS "order"
    ) ordered
    CROSS JOIN LATERAL (
        SELECT coalesce(m.deposit, billed.number, ordered."order", repaid.number,
                CASE WHEN m.kind IN ('pay', 'hold', 'capture') THEN m.cause END, '') AS about,
            coalesce(wish.product, billed.product, CASE WHEN ordered."order" IS NOT NULL THEN origin.cause END, '')
                AS product
    ) it
"""

COLUMNS = """
    m.id, m.created_at, m.effective_on, coalesce(m.value_on, bank.value_on) AS value_on, named.name AS kind,
    m.phase = 'pending' AS pending, m.amount_minor, m.held_minor, m.pending_minor, m.deposit, m.cause, m.key,
    it.about, it.product, coalesce(bank.payer, '') AS payer,
    coalesce(bank.bank_reference, '') AS bank_reference, coalesce(bank.virtual_account, '') AS virtual_account
"""

_FILTER = """
    (%(names)s::text[] IS NULL OR named.name = ANY (%(names)s))
    AND (%(product)s::text IS NULL OR it.product = %(product)s OR %(product)s = ANY (billed.products))
    AND (%(from_on)s::date IS NULL OR m.effective_on >= %(from_on)s)
    AND (%(through_on)s::date IS NULL OR m.effective_on <= %(through_on)s)
    AND (%(least)s::bigint IS NULL OR abs({size}) >= %(least)s)
    AND (%(most)s::bigint IS NULL OR abs({size}) <= %(most)s)
    AND (%(like)s::text IS NULL OR concat_ws(' ', m.key, it.about, m.cause, it.product, bank.payer,
        bank.bank_reference) ILIKE %(like)s)
""".format(size="coalesce(nullif(m.amount_minor, 0), nullif(m.held_minor, 0), m.pending_minor)")

# From a position of an account so far backwards; sums of what came later are taken from what the balance was there, or
# is now. The last movement that was looked at is told too, whether it is meant or not: from there it goes on.
PAGE = f"""
    SELECT a.id AS account, a.entity, a.currency, r.*, p.balance_minor - r.later AS balance_minor,
        p.balance_minor - r.later - p.held_minor + r.later_held AS available_minor
    FROM ledger_account a CROSS JOIN LATERAL (
        SELECT coalesce(%(balance_minor)s::bigint, a.available_minor + a.debits_pending) AS balance_minor,
            coalesce(%(held_minor)s::bigint, a.debits_pending) AS held_minor
    ) p CROSS JOIN (
        SELECT {COLUMNS}, m.later, m.later_held, f.meant, m.place = %(look)s AS last,
            count(*) FILTER (WHERE f.meant) OVER (ORDER BY m.id DESC) AS found
        FROM (
            SELECT w.*, coalesce(sum(w.amount_minor) OVER later, 0)::bigint AS later,
                coalesce(sum(w.held_minor) OVER later, 0)::bigint AS later_held, row_number() OVER later AS place
            FROM ({_LOOK}) w WINDOW later AS (ORDER BY w.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) m {DETAILS} CROSS JOIN LATERAL (SELECT coalesce(({_FILTER}), false) AS meant) f
    ) r
    WHERE a.id = %(account)s AND a.kind = 'customer' AND a.holder = %(customer)s
        AND (r.meant AND r.found <= %(limit)s OR r.last)
    ORDER BY r.id DESC
"""

TOTALS = f"""
    SELECT count(*) AS records, coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor > 0), 0)::bigint AS in_minor,
        - coalesce(sum(m.amount_minor) FILTER (WHERE m.amount_minor < 0), 0)::bigint AS out_minor
    FROM ({MOVED.format(account="%(account)s", before="%(before)s")}) m {DETAILS} WHERE {_FILTER}
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
    """The filter as parameters."""
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
    return to_minor(amount, currency) if amount and currency else None
