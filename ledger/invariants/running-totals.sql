-- The running totals of customers' accounts equal the sums of their transfers; house accounts keep none.
SELECT a.code, a.debits_posted, coalesce(d.posted, 0) AS sum_debits_posted,
    a.debits_pending, coalesce(d.pending, 0) AS sum_debits_pending,
    a.credits_posted, coalesce(c.posted, 0) AS sum_credits_posted,
    a.credits_pending, coalesce(c.pending, 0) AS sum_credits_pending
FROM (
    SELECT id, code, debits_posted, debits_pending, credits_pending,
        coalesce(credits_posted, available_minor + debits_posted + debits_pending) AS credits_posted
    FROM ledger_account) AS a
LEFT JOIN (
    SELECT debit_account_id AS id, sum(amount_minor) FILTER (WHERE phase IN ('posted', 'post')) AS posted,
        sum(CASE phase WHEN 'pending' THEN amount_minor WHEN 'posted' THEN 0 ELSE -amount_minor END) AS pending
    FROM ledger_transfer WHERE debits_customer GROUP BY 1) AS d USING (id)
LEFT JOIN (
    SELECT credit_account_id AS id, sum(amount_minor) FILTER (WHERE phase IN ('posted', 'post')) AS posted,
        sum(CASE phase WHEN 'pending' THEN amount_minor WHEN 'posted' THEN 0 ELSE -amount_minor END) AS pending
    FROM ledger_transfer WHERE credits_customer GROUP BY 1) AS c USING (id)
WHERE a.debits_posted <> coalesce(d.posted, 0) OR a.debits_pending <> coalesce(d.pending, 0)
    OR a.credits_posted <> coalesce(c.posted, 0) OR a.credits_pending <> coalesce(c.pending, 0);
