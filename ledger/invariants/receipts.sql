-- No receipt gives more than it brought, and unapplied is exactly what receipts have left.
WITH receipt AS (
    SELECT r.id, r.key, r.credit_account_id AS unapplied_id, r.amount_minor - coalesce(sum(CASE
        WHEN t.debit_account_id <> r.credit_account_id AND t.credit_account_id <> r.credit_account_id THEN 0
        WHEN t.phase IN ('pending', 'posted') AND t.debit_account_id = r.credit_account_id THEN t.amount_minor
        WHEN t.phase = 'post' THEN 0 ELSE -t.amount_minor END), 0) AS free,
        coalesce(sum(CASE WHEN t.debit_account_id = r.credit_account_id THEN
            CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0 ELSE -t.amount_minor END
        END), 0) AS pending
    FROM ledger_transfer r LEFT JOIN ledger_transfer t ON t.source_id = r.id
    WHERE r.kind = 'receipt' GROUP BY r.id)
SELECT key, free, pending FROM receipt WHERE free < 0 OR pending < 0
UNION ALL
SELECT b.code, b.credits_posted - b.debits_posted, coalesce(sum(r.free + r.pending), 0)
FROM ledger_account_balance b LEFT JOIN receipt r ON r.unapplied_id = b.id WHERE b.kind = 'unapplied'
GROUP BY b.code, b.credits_posted, b.debits_posted
HAVING b.credits_posted - b.debits_posted <> coalesce(sum(r.free + r.pending), 0);
