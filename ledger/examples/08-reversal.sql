-- The bank reverses a receipt that nobody was credited for: unapplied → bank.
CALL pg_temp.receive('entry-1', 2000, '2026-03-02');
SELECT kind, pg_temp.short(debit) AS debit, pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount
FROM ledger_reverse_receipt('reversal-1', 'entry-1', 2000, '2026-03-03');

-- C-1001 was credited 100.00, has spent 30.00 and waits for a refund of 50.00. The bank reverses the receipt.
-- The refund is voided, what is available goes back, and the customer owes the 30.00.
CALL pg_temp.receive('entry-2', 10000, '2026-03-02');
CALL pg_temp.credit('credit-2', 'entry-2', 'C-1001', 10000, '2026-03-02');
SELECT FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 3000, '2026-03-03') \gset
SELECT FROM ledger_reserve_refund('refund-1', 'C-1001', 'acme-de', 'EUR', 5000, p_effective_on => '2026-03-04') \gset
SELECT kind, pg_temp.short(debit) AS debit, pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount, voided_key
FROM ledger_reverse_receipt('reversal-2', 'entry-2', 10000, '2026-03-05');
SELECT * FROM balance WHERE customer = 'C-1001';

-- Until that is repaid, nothing is spent or refunded.
SELECT FROM ledger_pay('order-2', 'C-1001', 'acme-de', 'EUR', 1, '2026-03-06') \gset

-- The next credit repays it first: customer → receivable.
CALL pg_temp.receive('entry-3', 4000, '2026-03-07');
CALL pg_temp.credit('credit-3', 'entry-3', 'C-1001', 4000, '2026-03-07');
SELECT key, kind, debit, credit, amount FROM journal WHERE key = 'credit-3';
SELECT * FROM balance WHERE customer = 'C-1001';
