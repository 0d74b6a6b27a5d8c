-- A payout is settled once and comes back once, in full; in-transit is what was sent and neither yet.
WITH payout AS (
    SELECT s.id, s.key, s.amount_minor, s.credit_account_id AS transit_id,
        count(*) FILTER (WHERE a.kind = 'settlement') AS settled,
        count(*) FILTER (WHERE a.kind = 'payout-return') AS returned,
        coalesce(sum(a.amount_minor) FILTER (WHERE a.kind IN ('bounce', 'fee')), 0) AS came_back
    FROM ledger_transfer s LEFT JOIN ledger_transfer a ON a.about_id = s.id
    WHERE s.kind IN ('refund', 'return') AND s.phase = 'post' GROUP BY s.id)
SELECT key, amount_minor, came_back FROM payout WHERE settled > 1 OR returned > 1
    OR came_back <> CASE WHEN settled = 1 AND returned = 1 THEN amount_minor ELSE 0 END
UNION ALL
SELECT b.code, b.credits_posted - b.debits_posted, coalesce(sum(p.amount_minor), 0)
FROM ledger_account_balance b
LEFT JOIN payout p ON p.transit_id = b.id AND p.settled = 0 AND p.returned = 0
WHERE b.kind = 'in-transit' GROUP BY b.code, b.credits_posted, b.debits_posted
HAVING b.credits_posted - b.debits_posted <> coalesce(sum(p.amount_minor), 0);
