-- What is available is never below zero, and nothing is available while the customer owes money.
SELECT b.*, c.owes FROM ledger_balance b
JOIN ledger_account c ON c.code = 'customer:' || b.customer || ':' || b.entity || ':' || b.currency
WHERE b.available_minor < 0 OR receivable_minor < 0 OR (receivable_minor > 0 AND b.available_minor > 0)
    OR c.owes <> (receivable_minor > 0);
