-- What is available is never below zero, and nothing is available while the customer owes money.
SELECT * FROM ledger_balance
WHERE available_minor < 0 OR receivable_minor < 0 OR (receivable_minor > 0 AND available_minor > 0);
