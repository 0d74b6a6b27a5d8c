"""Receipts without an owner: opened and ended in the transaction that decides about their parts.

The statements run after all else on the parts in `posting`, on what these take back, and on lump sums in `waiting`.
Whoever holds a part holds its receipt. Claims come last: they are locked by id.
"""

OPEN_STAGES = "('unapplied', 'returning')"

_TOUCHED = """
    ARRAY(
        SELECT id FROM posting
        UNION SELECT p.answers_id FROM posting JOIN bank_entry_part p USING (id) WHERE p.answers_id IS NOT NULL
        UNION SELECT lump_id FROM waiting
    )
"""

# What is settled by anything but an operator's decision: matched after all, taken back, told in detail.
_END = f"""
    WITH ended AS (
        UPDATE receipt r SET stage = CASE p.state WHEN 'returned' THEN 'returned' ELSE 'settled' END, heard = false,
            ended_at = now()
        FROM bank_entry_part p
        WHERE r.part_id = ANY ({_TOUCHED}) AND r.stage IN {OPEN_STAGES} AND p.id = r.part_id AND p.state <> 'unapplied'
        RETURNING r.part_id
    ), application AS (
        UPDATE receipt_application a SET stage = 'void' FROM ended
        WHERE a.part_id = ended.part_id AND a.stage = 'proposed'
    ), going_back AS (
        UPDATE receipt_return b SET stage = 'void', ended_at = now() FROM ended
        WHERE b.part_id = ended.part_id AND b.stage = 'prepared' RETURNING b.id
    ), unpaid AS (
        UPDATE payout o SET stage = 'void', ended_at = now() FROM going_back g
        WHERE o.return_id = g.id AND o.stage = 'ready'
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'receipt-' || part_id, 1 FROM ended
"""

# What comes back to being unapplied is opened again. Whoever waited for something else than now hears of it too.
_OPEN = f"""
    WITH unapplied AS MATERIALIZED (
        SELECT * FROM bank_entry_part WHERE id = ANY (ARRAY(SELECT id FROM posting)) AND state = 'unapplied'
    ), opened AS (
        INSERT INTO receipt AS r (part_id, entity, currency, amount_minor)
        SELECT p.id, e.entity, p.currency, p.amount_minor
        FROM unapplied p JOIN bank_entry e ON e.id = p.entry_id ORDER BY p.id
        ON CONFLICT (part_id) DO UPDATE SET stage = 'unapplied', heard = false, ended_at = NULL, chased = 0,
            opened_at = now()
        WHERE r.stage NOT IN {OPEN_STAGES}
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'receipt-' || id, 1 FROM unapplied
"""

# Whether a part `p` of an entry `e` is what a claim `c` of its amount looks for.
_SAME_MONEY = """
    e.booked_on BETWEEN c.paid_on - 3 AND c.paid_on + 30 AND (
        (c.payer_account <> '' AND p.payer_account = c.payer_account)
        OR (c.payer_name <> '' AND upper(p.payer_name) = upper(c.payer_name))
        OR (c.bank_reference <> '' AND c.bank_reference IN (p.bank_reference, e.bank_reference, p.end_to_end_id))
    )
"""

# For claims in a chunk that opened receipts, or that are named: where exactly one receipt fits, it is found.
_FIT = """
    WITH looking AS (
        SELECT c.id FROM claim c WHERE c.id = ANY ({claims}) AND c.stage = 'waiting' ORDER BY c.id FOR NO KEY UPDATE
    ), fitting AS (
        SELECT c.id, r.part_id FROM looking JOIN claim c USING (id) JOIN customer u ON u.id = c.customer_id
        JOIN receipt r ON r.currency = c.currency AND r.amount_minor = c.amount_minor AND r.stage = 'unapplied'
        JOIN bank_entry_part p ON p.id = r.part_id JOIN bank_entry e ON e.id = p.entry_id
        WHERE {same_money} AND EXISTS (
                SELECT FROM ledger_account WHERE code = 'customer:' || u.number || ':' || r.entity || ':' || r.currency
            )
    ), found AS (
        UPDATE claim c SET stage = 'found', part_id = f.part_id, found_at = now(), version = version + 1
        FROM (SELECT id, min(part_id) AS part_id FROM fitting GROUP BY id HAVING count(*) = 1) f
        WHERE c.id = f.id RETURNING c.id, c.part_id
    )
    INSERT INTO outbox (workflow_id, version)
    SELECT 'receipt-' || part_id, 1 FROM found UNION SELECT 'claim-' || id, 1 FROM found
"""

# Looked up from the few receipts, however many claims wait.
_CLAIMS_OF_OPENED = """
    ARRAY(
        SELECT c.id FROM unnest(ARRAY(SELECT id FROM posting)) AS opened (id)
        JOIN receipt r ON r.part_id = opened.id AND r.stage = 'unapplied'
        JOIN claim c ON c.currency = r.currency AND c.amount_minor = r.amount_minor AND c.stage = 'waiting'
    )
"""

# Where all of it went to the claim's customer it is answered, else it waits for other money. The receipt is locked.
SETTLE_CLAIMS = """
    WITH settled AS (
        SELECT c.id, c.amount_minor <= coalesce((
            SELECT sum(credit.amount_minor) FROM credit
            WHERE credit.part_id = c.part_id AND credit.customer_id = c.customer_id
        ), 0) AS theirs
        FROM claim c JOIN receipt r ON r.part_id = c.part_id
        WHERE c.part_id = ANY ({parts}) AND c.stage = 'found' AND r.stage NOT IN ('unapplied', 'returning')
        ORDER BY c.id FOR NO KEY UPDATE OF c
    ), told AS (
        UPDATE claim c SET stage = CASE WHEN theirs THEN 'credited' ELSE 'waiting' END, version = version + 1,
            part_id = CASE WHEN theirs THEN c.part_id END, found_at = CASE WHEN theirs THEN c.found_at END,
            ended_at = CASE WHEN theirs THEN now() END
        FROM settled WHERE c.id = settled.id RETURNING c.id
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'claim-' || id, 1 FROM told
"""

_NAMED = "CAST(%(claims)s AS bigint[])"
FIND_FOR_CLAIMS = _FIT.format(claims=_NAMED, same_money=_SAME_MONEY)
"""Search for the money of some claims."""

# The oldest credit that no other claim was answered with. Where a receipt of that amount waits, it may be that one.
ANSWER_CREDITED = f"""
    WITH looking AS (
        SELECT c.id FROM claim c WHERE c.id = ANY ({_NAMED}) AND c.stage = 'waiting' ORDER BY c.id FOR NO KEY UPDATE
    ), fitting AS (
        SELECT c.id, p.id AS part_id, max(k.created_at) AS credited_at
        FROM looking JOIN claim c USING (id) JOIN credit k ON k.customer_id = c.customer_id
        JOIN bank_entry_part p ON p.id = k.part_id JOIN bank_entry e ON e.id = p.entry_id
        WHERE (p.currency, p.amount_minor) = (c.currency, c.amount_minor) AND {_SAME_MONEY}
            AND NOT EXISTS (SELECT FROM claim o WHERE o.part_id = p.id)
            AND NOT EXISTS (SELECT FROM claim o WHERE o.credited_part_id = p.id)
            AND NOT EXISTS (
                SELECT FROM receipt r WHERE r.stage = 'unapplied'
                    AND (r.currency, r.amount_minor) = (c.currency, c.amount_minor)
            )
        GROUP BY c.id, p.id HAVING sum(k.amount_minor) >= c.amount_minor
    ), first_of_part AS (
        SELECT DISTINCT ON (part_id) id, part_id, credited_at FROM fitting ORDER BY part_id, id
    ), known AS (
        UPDATE claim c SET stage = 'closed', credited_part_id = f.part_id, ended_at = now(), version = version + 1,
            answer = 'it was credited on ' || to_char(f.credited_at, 'YYYY-MM-DD')
        FROM (SELECT DISTINCT ON (id) id, part_id, credited_at FROM first_of_part ORDER BY id, part_id) f
        WHERE c.id = f.id RETURNING c.id
    )
    INSERT INTO outbox (workflow_id, version) SELECT 'claim-' || id, 1 FROM known
"""
"""Close those of some claims whose money their customer has already, without an operator."""

RECEIPTS = (
    _END,
    _OPEN,
    SETTLE_CLAIMS.format(parts=_TOUCHED),
    _FIT.format(claims=_CLAIMS_OF_OPENED, same_money=_SAME_MONEY),
)
"""After the parts in `posting` have been decided about: what that means for receipts and claims."""
