"""What was decided about payments, written down: each part in words, the credits it gives, and what is frozen."""

# What names several deposits is shared out afterwards.
TELL = """
    WITH told AS (
        UPDATE bank_entry_part p SET state = d.state, awaits = d.awaits, house = d.house, flagged = d.flagged,
            absorbed_minor = d.absorbed_minor, reason = d.reason
        FROM decision d WHERE p.id = ANY (ARRAY(SELECT id FROM decision)) AND p.id = d.id
    ), frozen AS (
        INSERT INTO money_freeze (part_id, reason)
        SELECT id, 'its payer is ' || CASE screened WHEN 'hit' THEN 'on the screening list' ELSE 'being screened' END
        FROM decision WHERE screened IS NOT NULL AND state = 'unapplied' ON CONFLICT DO NOTHING RETURNING workflow_id
    ), rung AS (
        INSERT INTO outbox (workflow_id, version) SELECT workflow_id, 1 FROM frozen
    )
    INSERT INTO credit (key, part_id, position, customer_id, deposit_id, amount_minor)
    SELECT 'credit:' || identity_key, id, 0, customer_id, deposit_id, credit_minor FROM decision
    WHERE state = 'credited' AND NOT several
"""

# A payment that names several deposits of a customer fills one after the other; what is left goes to the last.
SEVERAL = "SELECT id FROM decision WHERE state = 'credited' AND several ORDER BY id"
SHARE = """
    WITH named AS (
        SELECT p.id AS part_id, p.identity_key, p.amount_minor, d.id AS deposit_id, d.customer_id, min(r.n) AS n,
            greatest(d.amount_minor - d.credited_minor - coalesce((
                SELECT sum(c.amount_minor) FROM credit c JOIN posting ON posting.id = c.part_id
                WHERE c.deposit_id = d.id
            ), 0), 0)::bigint AS awaited_minor
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        CROSS JOIN LATERAL unnest(CASE
            WHEN EXISTS (SELECT FROM deposit s WHERE s.reference = ANY (p.structured_references))
            THEN p.structured_references ELSE p.text_references END) WITH ORDINALITY r (reference, n)
        JOIN deposit d ON d.reference = r.reference
            AND d.currency = p.currency AND d.entity = e.entity AND d.stage IN ('issued', 'part_paid')
        WHERE p.id = %(part)s GROUP BY p.id, d.id
    ), filled AS (
        SELECT *, least(awaited_minor,
            greatest(amount_minor - (sum(awaited_minor) OVER so_far - awaited_minor), 0))::bigint AS share_minor
        FROM named WINDOW so_far AS (ORDER BY n)
    ), shared AS (
        SELECT *, share_minor + CASE n WHEN max(n) OVER () THEN amount_minor - sum(share_minor) OVER () ELSE 0 END
            AS credit_minor
        FROM filled
    ), numbered AS (
        SELECT *, row_number() OVER (ORDER BY n) - 1 AS position FROM shared WHERE credit_minor > 0
    )
    INSERT INTO credit (key, part_id, position, customer_id, deposit_id, amount_minor)
    SELECT 'credit:' || identity_key || CASE position WHEN 0 THEN '' ELSE ':' || position END, part_id, position,
        customer_id, deposit_id, credit_minor
    FROM numbered
"""

# Once the customers' accounts are locked. Meanwhile the deposit may have been paid through another account: then
# nothing was missing.
NOT_SHORT = """
    WITH paid AS (
        SELECT d.id, d.absorbed_minor FROM decision d JOIN deposit ON deposit.id = d.deposit_id
        WHERE d.absorbed_minor > 0 AND deposit.amount_minor - deposit.credited_minor <> d.credit_minor
    ), told AS (
        UPDATE bank_entry_part p SET absorbed_minor = 0, reason = replace(p.reason, '; what was missing is taken as a '
            || 'fee of banks', '')
        FROM paid WHERE p.id = paid.id
    )
    UPDATE credit SET amount_minor = credit.amount_minor - paid.absorbed_minor FROM paid WHERE credit.part_id = paid.id
"""
