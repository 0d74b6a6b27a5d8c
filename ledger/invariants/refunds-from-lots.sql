-- A refund reserves and uses its lots in full, and spends no more than they had left.
SELECT t.id, t.key, t.kind, t.phase, t.amount_minor, coalesce(sum(a.amount_minor), 0) AS from_lots
FROM ledger_transfer t LEFT JOIN ledger_lot_change a ON a.use_id = t.id AND a.transfer_id = t.id
WHERE t.kind = 'refund' AND t.phase IN ('pending', 'post') GROUP BY t.id
HAVING t.amount_minor <> -coalesce(sum(a.amount_minor), 0);
