-- A credit is where its last move put it, each move began where the one before ended, and moved it all in the book once.
WITH move AS (
    SELECT m.*, lead(m.id) OVER later AS next_id, lead(m.from_customer_id) OVER later AS next_customer_id,
        lead(m.from_deposit_id) OVER later AS next_deposit_id, c.customer_id, c.deposit_id,
        c.amount_minor AS credited_minor
    FROM credit_move m JOIN credit c ON c.id = m.credit_id
    WHERE m.stage = 'applied' WINDOW later AS (PARTITION BY m.credit_id ORDER BY m.id)
)
SELECT move.id, move.credit_id, move.amount_minor, t.moved FROM move
LEFT JOIN LATERAL (
    SELECT sum(amount_minor) AS moved FROM ledger_transfer WHERE key = move.key AND kind = 'move') AS t ON true
WHERE move.amount_minor <> credited_minor
    OR t.moved IS DISTINCT FROM CASE WHEN from_customer_id <> to_customer_id THEN move.amount_minor END
    OR to_customer_id <> CASE WHEN next_id IS NULL THEN customer_id ELSE next_customer_id END
    OR to_deposit_id IS DISTINCT FROM CASE WHEN next_id IS NULL THEN deposit_id ELSE next_deposit_id END;
