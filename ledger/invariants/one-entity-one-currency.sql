-- No transfer crosses a contracting entity or a currency, and both its accounts exist.
SELECT t.id, t.key, d.code AS debit, c.code AS credit FROM ledger_transfer t
LEFT JOIN ledger_account d ON d.id = t.debit_account_id
LEFT JOIN ledger_account c ON c.id = t.credit_account_id
WHERE (d.entity, d.currency) IS DISTINCT FROM (c.entity, c.currency) OR d.id IS NULL OR c.id IS NULL
    OR t.debits_customer <> (d.kind IN ('customer', 'receivable'))
    OR t.credits_customer <> (c.kind IN ('customer', 'receivable'));
