-- What is live or still coming of a credit, in the book, is its customer's and all of it, also after it was moved.
WITH key AS (
    SELECT id AS credit_id, key FROM credit
    UNION ALL SELECT credit_id, key FROM credit_move WHERE stage = 'applied'
), placed AS (
    SELECT key.credit_id, l.account_id, l.amount_minor FROM key JOIN ledger_transfer t ON t.key = key.key
    JOIN ledger_lot l ON l.id = t.id AND l.live
    UNION ALL
    SELECT key.credit_id, l.account_id, l.amount_minor FROM key JOIN ledger_transfer t ON t.key = key.key
    JOIN ledger_transfer post ON post.pending_id = t.id JOIN ledger_lot l ON l.id = post.id AND l.live
    UNION ALL
    SELECT key.credit_id, w.account_id, w.remaining_minor FROM key JOIN ledger_transfer t ON t.key = key.key
    JOIN ledger_pending w ON w.id = t.id
)
SELECT c.id, c.key, c.amount_minor, p.state, customer.number AS customer, s.placed, s.holder, s.holders FROM credit c
JOIN bank_entry_part p ON p.id = c.part_id JOIN customer ON customer.id = c.customer_id
LEFT JOIN (
    SELECT placed.credit_id, sum(placed.amount_minor) AS placed, min(a.holder) AS holder,
        count(DISTINCT a.holder) AS holders
    FROM placed JOIN ledger_account a ON a.id = placed.account_id GROUP BY 1) AS s ON s.credit_id = c.id
WHERE coalesce(s.placed, 0) <> CASE p.state WHEN 'credited' THEN c.amount_minor ELSE 0 END
    OR s.holder <> customer.number OR s.holders > 1;
