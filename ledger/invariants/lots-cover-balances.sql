-- A customer's lots have left what the customer's balance is; every posted credit is one lot.
SELECT b.code, b.credits_posted - b.debits_posted AS balance, coalesce(l.remaining, 0) AS lots
FROM ledger_account b
LEFT JOIN (SELECT account_id, sum(free_minor + reserved_minor) AS remaining FROM ledger_lot GROUP BY 1) AS l
    ON l.account_id = b.id
WHERE b.kind = 'customer' AND b.credits_posted - b.debits_posted <> coalesce(l.remaining, 0)
UNION ALL
SELECT t.key, t.amount_minor, l.amount_minor FROM ledger_transfer t FULL JOIN ledger_lot l ON l.id = t.id
WHERE (t.kind IN ('credit', 'move') AND t.phase IN ('posted', 'post') OR l.id IS NOT NULL)
    AND (t.amount_minor, t.credit_account_id) IS DISTINCT FROM (l.amount_minor, l.account_id);
