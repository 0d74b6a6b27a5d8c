-- What is pending is each pending transfer less its posts and voids; a closed one has nothing left.
SELECT t.id, t.key, t.amount_minor, p.remaining_minor, t.amount_minor - coalesce(a.amount, 0) AS should_remain
FROM ledger_transfer t LEFT JOIN ledger_pending p ON p.id = t.id
LEFT JOIN (
    SELECT pending_id, sum(amount_minor) AS amount, bool_or(closes) AS closed
    FROM ledger_transfer WHERE pending_id IS NOT NULL GROUP BY 1) AS a ON a.pending_id = t.id
WHERE t.phase = 'pending' AND (coalesce(p.remaining_minor, 0) <> t.amount_minor - coalesce(a.amount, 0)
    OR (p.id IS NULL) <> coalesce(a.closed, false))
UNION ALL
SELECT p.id, t.key, t.amount_minor, p.remaining_minor, NULL FROM ledger_pending p
LEFT JOIN ledger_transfer t ON t.id = p.id AND t.phase = 'pending' WHERE t.id IS NULL;
