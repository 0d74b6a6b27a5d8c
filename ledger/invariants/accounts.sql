-- An account's code says what it is, and every transfer is of a sound shape.
SELECT code AS found, kind FROM ledger_account
WHERE code <> kind || coalesce(':' || holder, '') || ':' || entity || ':' || currency
    OR (kind = 'customer') <> (receivable_id IS NOT NULL) OR (kind = 'customer') <> (available_minor IS NOT NULL)
    OR (kind = 'customer') <> (credits_posted IS NULL)
UNION ALL
SELECT key, kind FROM ledger_transfer
WHERE debit_account_id = credit_account_id OR (pending_id IS NULL) <> (phase IN ('posted', 'pending'))
    OR (closes AND pending_id IS NULL);
