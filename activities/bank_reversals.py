"""Which earlier booking a part takes back, that the bank marks as a reversal.

The statements run on the parts in `posting`, in the caller's transaction, before it is decided whose the money is.
"""

# What a booking takes back: found by the bank's references of the entry and the transaction, else by one of them, else
# by the customer's own, else by a deposit's reference, with the same amount the other way. More than one that fits
# equally well, and a person decides. Each step is materialized and carries what the next one needs: PostgreSQL takes
# them for one row, and would do each again for each.
_REVERSALS = """
    WITH reversing AS MATERIALIZED (
        SELECT p.id AS reversing_id, p.bank_reference, e.bank_reference AS of_entry, p.end_to_end_id,
            p.structured_references || p.text_references AS references_told, p.amount_minor, p.currency, p.direction,
            p.payer_account, e.account_id, e.booked_on
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) AND e.reversal AND p.answers_id IS NULL
    ), candidate AS MATERIALIZED (
        SELECT r.*, c.id, 1 AS place FROM reversing r
        JOIN bank_entry ce ON ce.account_id = r.account_id AND ce.bank_reference = r.of_entry
        JOIN bank_entry_part c ON c.entry_id = ce.id AND c.bank_reference = r.bank_reference
        WHERE r.of_entry <> ''
        UNION ALL
        SELECT r.*, c.id, 2 FROM reversing r
        JOIN bank_entry ce ON ce.account_id = r.account_id AND ce.bank_reference = r.bank_reference
        JOIN bank_entry_part c ON c.entry_id = ce.id
        WHERE r.bank_reference <> ''
        UNION ALL
        SELECT r.*, c.id, 3 FROM reversing r
        JOIN bank_entry ce ON ce.account_id = r.account_id AND ce.booked_on BETWEEN r.booked_on - 30 AND r.booked_on
        JOIN bank_entry_part c ON c.entry_id = ce.id AND c.end_to_end_id = r.end_to_end_id
        WHERE r.end_to_end_id <> ''
        UNION ALL
        SELECT r.*, c.part_id, 4 FROM reversing r
        JOIN deposit d ON d.reference = ANY (r.references_told)
        CROSS JOIN LATERAL (
            SELECT part_id FROM credit WHERE deposit_id = d.id
            UNION SELECT moved.part_id FROM credit_move m JOIN credit moved ON moved.id = m.credit_id
            WHERE m.from_deposit_id = d.id AND m.stage = 'applied'
        ) c
    ), original AS MATERIALIZED (
        SELECT r.reversing_id, r.account_id AS of_account, r.booked_on AS reversed_on, r.place, c.id, c.entry_id
        FROM candidate r JOIN bank_entry_part c ON c.id = r.id
        WHERE c.amount_minor = r.amount_minor AND c.currency = r.currency AND c.direction <> r.direction
            AND c.receipt_of IS NULL
            AND NOT EXISTS (SELECT FROM receipt_return b WHERE b.part_id = c.id AND b.stage = 'sent')
            AND (c.payer_account = r.payer_account OR c.payer_account = '' OR r.payer_account = '')
            AND CASE c.direction WHEN 'debit' THEN c.state = 'house' ELSE c.state IN ('credited', 'unapplied')
                OR (c.state = 'shown' AND c.house = '' AND c.id IN (SELECT id FROM posting)) END
            AND NOT EXISTS (SELECT FROM bank_entry_part known WHERE known.answers_id = c.id)
    ), booked AS MATERIALIZED (
        SELECT o.*, ce.account_id, ce.booked_on FROM original o
        JOIN bank_entry ce ON ce.id = o.entry_id AND ce.status = 'BOOK' AND NOT ce.reversal
    ), fitting AS (
        SELECT DISTINCT ON (reversing_id, id) reversing_id, id, place FROM booked
        WHERE account_id = of_account AND booked_on <= reversed_on ORDER BY reversing_id, id, place
    ), best AS (
        SELECT reversing_id, min(id) AS id, count(*) AS count FROM (
            SELECT f.*, rank() OVER (PARTITION BY reversing_id ORDER BY place) AS rank FROM fitting f
        ) ranked WHERE rank = 1 GROUP BY reversing_id
    ), sure AS (
        SELECT DISTINCT ON (id) * FROM best WHERE count = 1 ORDER BY id, reversing_id
    )
    UPDATE bank_entry_part p SET answers_id = sure.id FROM sure WHERE p.id = sure.reversing_id
"""

# Nobody else moves the original from now on; where somebody was quicker, nothing is taken back by itself.
_LOCK_ORIGINALS = """
    SELECT id FROM bank_entry_part WHERE id = ANY (ARRAY(
        SELECT p.answers_id FROM posting JOIN bank_entry_part p USING (id) WHERE p.answers_id IS NOT NULL
    )) ORDER BY identity_key FOR NO KEY UPDATE
"""
_STILL_THERE = """
    UPDATE bank_entry_part p SET answers_id = NULL FROM bank_entry_part o
    WHERE p.id = ANY (ARRAY(SELECT id FROM posting)) AND o.id = p.answers_id
        AND o.state NOT IN ('credited', 'unapplied', 'house')
        AND NOT (o.state = 'shown' AND o.id IN (SELECT id FROM posting))
"""

REVERSALS = (_REVERSALS, _LOCK_ORIGINALS, _STILL_THERE)
"""Find what is taken back, and hold it."""
