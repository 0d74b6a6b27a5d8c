"""What was decided about the parts in `posting`, posted to the book, and what that does to deposits.

The causes say where the money came from; the keys hold for ever. Arrays of ids keep PostgreSQL to the few rows of a
chunk (see `bank_posting`).
"""

from activities.refund_voiding import lock_refunds, void_lost

_OF_PAYOUTS = """
        SELECT c.number || ' ' || po.entity || ' ' || po.currency
        FROM payout po JOIN refund r ON r.id = po.refund_id JOIN customer c ON c.id = r.customer_id
        WHERE po.id = ANY (%(payouts)s::bigint[])
"""
_LOCK = """
    SELECT count(*) FROM (
        SELECT array_agg(DISTINCT account) AS accounts FROM ({accounts}) AS touched (account) HAVING count(*) > 0
    ) r, LATERAL (
        SELECT array_agg(split_part(a, ' ', 1)) AS customers, array_agg(split_part(a, ' ', 2)) AS entities,
            array_agg(split_part(a, ' ', 3)) AS currencies
        FROM unnest(r.accounts) a
    ) l, LATERAL ledger_lock_customers(l.customers, l.entities, l.currencies)
"""
# The accounts of all that follows at once, in the order that every posting keeps.
LOCK_ACCOUNTS = _LOCK.format(
    accounts=f"""
        SELECT c.number || ' ' || e.entity || ' ' || p.currency
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        JOIN credit ON credit.part_id IN (p.id, p.answers_id)
        JOIN customer c ON c.id = credit.customer_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) UNION {_OF_PAYOUTS}"""
)
LOCK_ACCOUNTS_OF_PAYOUTS = _LOCK.format(accounts=_OF_PAYOUTS)
"""The same for payouts alone."""

SLICE = 1000
"""What the book's set functions take at once."""

# What was decided holds all that is needed of these.
CREDIT_WHOLE = f"""
    SELECT count(*) FROM (
        SELECT array_agg('receipt:' || w.identity_key ORDER BY w.id) AS receipts,
            array_agg(a.code ORDER BY w.id) AS accounts,
            array_agg('credit:' || w.identity_key ORDER BY w.id) AS keys,
            array_agg(c.number ORDER BY w.id) AS customers, array_agg(w.entity ORDER BY w.id) AS entities,
            array_agg(w.currency ORDER BY w.id) AS currencies, array_agg(w.credit_minor ORDER BY w.id) AS amounts,
            array_agg(w.booked_on ORDER BY w.id) AS days, array_agg(w.value_on ORDER BY w.id) AS value_days,
            array_agg(coalesce(w.deposit, (SELECT number FROM deposit d WHERE d.id = w.deposit_id)) ORDER BY w.id)
                AS deposits,
            array_agg('bank entry part ' || w.id ORDER BY w.id) AS causes
        FROM (SELECT *, (row_number() OVER (ORDER BY id) - 1) / {SLICE} AS slice FROM decision WHERE whole) w
        JOIN collection_account a ON a.id = w.account_id JOIN customer c ON c.id = w.customer_id
        WHERE w.slice = %(slice)s HAVING count(*) > 0
    ) r, LATERAL ledger_receive_and_credit_many(r.receipts, r.accounts, r.keys, r.customers, r.entities, r.currencies,
        r.amounts, r.days, r.value_days, r.deposits, r.causes)
"""
"""Post a slice of the credits that are all of their receipt, which is not in the book yet."""
# Hashed, and never joined: one list with the other would be compared row by row.
_NOT_WHOLE = "p.id NOT IN (SELECT id FROM decision WHERE whole)"

_RECEIVE = f"""
    SELECT count(*) FROM (
        SELECT array_agg('receipt:' || p.identity_key ORDER BY p.id) AS keys,
            array_agg(a.code ORDER BY p.id) AS accounts,
            array_agg(e.entity ORDER BY p.id) AS entities, array_agg(p.currency ORDER BY p.id) AS currencies,
            array_agg(p.amount_minor ORDER BY p.id) AS amounts, array_agg(e.booked_on ORDER BY p.id) AS days,
            array_agg('bank entry part ' || p.id ORDER BY p.id) AS causes
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting WHERE slice = %(slice)s))
            AND p.direction = 'credit' AND p.state <> 'house' AND p.receipt_of IS NULL AND {_NOT_WHOLE}
        HAVING count(*) > 0
    ) r, LATERAL ledger_receive_many(r.keys, r.accounts, r.entities, r.currencies, r.amounts, r.days, r.causes)
"""

_ABSORB = """
    SELECT count(ledger_absorb_fee('absorbed:' || p.identity_key,
        'receipt:' || coalesce(lump.identity_key, p.identity_key), p.absorbed_minor, e.booked_on,
        'bank entry part ' || p.id))
    FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
    LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of
    WHERE p.id = ANY (ARRAY(SELECT id FROM posting WHERE slice = %(slice)s)) AND p.absorbed_minor > 0
"""

_CREDIT = f"""
    SELECT count(*) FROM (
        SELECT array_agg(credit.key ORDER BY p.id, credit.position) AS keys,
            array_agg('receipt:' || coalesce(lump.identity_key, p.identity_key) ORDER BY p.id, credit.position)
                AS sources,
            array_agg(c.number ORDER BY p.id, credit.position) AS customers,
            array_agg(e.entity ORDER BY p.id, credit.position) AS entities,
            array_agg(p.currency ORDER BY p.id, credit.position) AS currencies,
            array_agg(credit.amount_minor ORDER BY p.id, credit.position) AS amounts,
            array_agg(e.booked_on ORDER BY p.id, credit.position) AS days,
            array_agg(e.value_on ORDER BY p.id, credit.position) AS value_days,
            array_agg(d.number ORDER BY p.id, credit.position) AS deposits,
            array_agg('bank entry part ' || p.id ORDER BY p.id, credit.position) AS causes
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        JOIN credit ON credit.part_id = p.id
        JOIN customer c ON c.id = credit.customer_id LEFT JOIN deposit d ON d.id = credit.deposit_id
        LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting WHERE slice = %(slice)s)) AND p.state = 'credited'
            AND {_NOT_WHOLE}
        HAVING count(*) > 0
    ) r, LATERAL ledger_credit_many(r.keys, r.sources, r.customers, r.entities, r.currencies, r.amounts, r.days,
        r.value_days, r.deposits, r.causes)
"""

_HOUSE = """
    SELECT count(*) FROM (
        SELECT array_agg('house:' || p.identity_key ORDER BY p.id) AS keys,
            array_agg(CASE p.direction WHEN 'debit' THEN p.house ELSE 'bank:' || a.code END ORDER BY p.id) AS debits,
            array_agg(CASE p.direction WHEN 'debit' THEN 'bank:' || a.code ELSE p.house END ORDER BY p.id) AS credits,
            array_agg(e.entity ORDER BY p.id) AS entities, array_agg(p.currency ORDER BY p.id) AS currencies,
            array_agg(p.amount_minor ORDER BY p.id) AS amounts, array_agg(e.booked_on ORDER BY p.id) AS days,
            array_agg('bank entry part ' || p.id ORDER BY p.id) AS causes
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting WHERE slice = %(slice)s)) AND p.state = 'house'
        HAVING count(*) > 0
    ) r, LATERAL ledger_book_house_many(r.keys, r.debits, r.credits, r.entities, r.currencies, r.amounts, r.days,
        r.causes)
"""

# What a deposit has received more, or less. One that was closed before its money came is closed again without it.
_MOVE_DEPOSITS = """
    WITH paid AS ({paid}), locked AS (
        SELECT d.id, paid.amount_minor FROM deposit d JOIN paid ON paid.deposit_id = d.id
        ORDER BY d.id FOR NO KEY UPDATE OF d
    ), moved AS (
        UPDATE deposit d SET version = d.version + 1,
            credited_minor = d.credited_minor + locked.amount_minor,
            {lost} = d.{lost} - least(locked.amount_minor, 0),
            late = d.late OR (locked.amount_minor > 0 AND d.stage IN ('expired', 'cancelled')),
            stage = CASE
                WHEN d.credited_minor + locked.amount_minor >= d.amount_minor THEN 'credited'
                WHEN d.stage IN ('expired', 'cancelled') THEN d.stage
                WHEN d.late THEN CASE WHEN d.decided ? 'cancelled by' THEN 'cancelled' ELSE 'expired' END
                WHEN d.credited_minor + locked.amount_minor = 0 THEN 'issued'
                ELSE 'part_paid'
            END
        FROM locked WHERE d.id = locked.id RETURNING d.workflow_id, d.version
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM moved
"""

PAY_DEPOSITS = _MOVE_DEPOSITS.format(
    lost="taken_back_minor",
    paid="""
        SELECT deposit_id, sum(amount_minor)::bigint AS amount_minor FROM (
            SELECT deposit_id, credit_minor AS amount_minor FROM decision WHERE whole
            UNION ALL
            SELECT credit.deposit_id, credit.amount_minor
            FROM bank_entry_part p JOIN credit ON credit.part_id = p.id
            WHERE p.id = ANY (ARRAY(SELECT id FROM posting EXCEPT SELECT id FROM decision WHERE whole))
                AND p.state = 'credited'
        ) c WHERE deposit_id IS NOT NULL GROUP BY deposit_id
    """,
)

MOVE_BETWEEN_DEPOSITS = _MOVE_DEPOSITS.format(
    lost="moved_away_minor",
    paid="""
        SELECT from_deposit_id AS deposit_id, - amount_minor AS amount_minor FROM credit_move
        WHERE id = %(move)s AND from_deposit_id IS NOT NULL
        UNION ALL SELECT to_deposit_id, amount_minor FROM credit_move WHERE id = %(move)s AND to_deposit_id IS NOT NULL
    """,
)
"""What the move of a credit does to its two deposits."""

REVERSING = (
    "SELECT EXISTS (SELECT FROM posting JOIN bank_entry_part p USING (id) WHERE p.answers_id IS NOT NULL)"
)

_REVERSE = """
    SELECT count(*) FROM (
        SELECT p.identity_key, p.amount_minor, e.booked_on, p.id, o.identity_key AS original
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id JOIN bank_entry_part o ON o.id = p.answers_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) AND p.state = 'reversed' ORDER BY p.id
    ) r, LATERAL ledger_reverse_receipt('reversal:' || r.identity_key, 'receipt:' || r.original, r.amount_minor,
        r.booked_on, 'bank entry part ' || r.id)
"""

_TAKE_FROM_DEPOSITS = _MOVE_DEPOSITS.format(
    lost="taken_back_minor",
    paid="""
        SELECT credit.deposit_id, - sum(credit.amount_minor)::bigint AS amount_minor
        FROM posting JOIN bank_entry_part p USING (id) JOIN bank_entry_part o ON o.id = p.answers_id
        JOIN credit ON credit.part_id = o.id
        WHERE p.state = 'reversed' AND o.state = 'credited' AND credit.deposit_id IS NOT NULL GROUP BY credit.deposit_id
    """,
)

_REVERSED = """
    UPDATE bank_entry_part o SET state = 'reversed', awaits = '',
        reason = left(o.reason || '; taken back by entry ' || p.entry_id, 1000)
    FROM posting JOIN bank_entry_part p USING (id) WHERE p.state = 'reversed' AND o.id = p.answers_id
"""

_REVERSED_CUSTOMERS = """
    SELECT credit.customer_id FROM posting JOIN bank_entry_part p USING (id)
    JOIN credit ON credit.part_id = p.answers_id
    WHERE p.state = 'reversed'
"""
LOCK_REFUNDS = lock_refunds(_REVERSED_CUSTOMERS)
"""Before the accounts, where something is reversed."""
_VOID_REFUNDS = void_lost(_REVERSED_CUSTOMERS)

BOOK = (_RECEIVE, _ABSORB, _CREDIT, _HOUSE)
"""Post a slice."""
CREDIT = (_ABSORB, _CREDIT)
"""The same for parts whose receipts are in the book already."""
REVERSE = (_REVERSE, _TAKE_FROM_DEPOSITS, _REVERSED, *_VOID_REFUNDS)
"""Take back what was reversed, after all slices: it may have come in one of them."""
