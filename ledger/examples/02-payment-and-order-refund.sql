-- C-1001 has 100.00 and pays an order of 30.00: customer → sales.
CALL pg_temp.receive('entry-1', 10000, '2026-03-02');
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 10000, '2026-03-02');
SELECT replayed FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 3000, '2026-03-03');

-- The shop asks again because it saw no answer: nothing is paid twice.
SELECT replayed FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 3000, '2026-03-03');

-- The same key with another amount is a mistake and refused.
SELECT replayed FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 4000, '2026-03-03');

-- More than is available is refused.
SELECT replayed FROM ledger_pay('order-2', 'C-1001', 'acme-de', 'EUR', 7001, '2026-03-03');

-- A part of the order comes back: sales → customer. Never more than was paid.
SELECT replayed FROM ledger_refund_order('return-1', 'order-1', 1000, '2026-03-05');
SELECT replayed FROM ledger_refund_order('return-2', 'order-1', 2001, '2026-03-05');
SELECT * FROM journal;
SELECT * FROM balance;
