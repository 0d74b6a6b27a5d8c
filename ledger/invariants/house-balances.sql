-- A house account's sealed total and what came since equal the sum of all its transfers.
SELECT b.code, b.debits_posted, s.debits AS sum_debits, b.credits_posted, s.credits AS sum_credits
FROM ledger_account_balance b
LEFT JOIN (
    SELECT side.account_id, sum(side.debit) AS debits, sum(side.credit) AS credits
    FROM ledger_transfer t, LATERAL (VALUES (t.debit_account_id, t.amount_minor, 0),
        (t.credit_account_id, 0, t.amount_minor)) AS side(account_id, debit, credit)
    WHERE t.phase IN ('posted', 'post') GROUP BY 1) AS s ON s.account_id = b.id
WHERE b.kind NOT IN ('customer', 'receivable')
    AND (b.debits_posted <> coalesce(s.debits, 0) OR b.credits_posted <> coalesce(s.credits, 0));
