-- Each credit is a lot. D1 brings 100.00 from payer X, D2 100.00 from payer Y.
CALL pg_temp.receive('entry-x', 10000, '2026-03-02');
CALL pg_temp.receive('entry-y', 10000, '2026-03-03');
CALL pg_temp.credit('credit-x', 'entry-x', 'C-1001', 10000, '2026-03-02', deposit => 'D1');
CALL pg_temp.credit('credit-y', 'entry-y', 'C-1001', 10000, '2026-03-03', deposit => 'D2');

-- A payment of 150.00 uses the oldest lot first: 0 / 50.
SELECT FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 15000, '2026-03-04') \gset
SELECT deposit, remaining FROM lots;

-- 80.00 of the order come back, in reverse order of use: 30 / 100.
SELECT FROM ledger_refund_order('return-1', 'order-1', 8000, '2026-03-05') \gset
SELECT deposit, remaining FROM lots;

-- A refund of everything now would take 100.00 from D2, for Y, and 30.00 from D1, for X: newest first.
BEGIN;
SELECT deposit, source, pg_temp.euros(amount_minor) AS amount
FROM ledger_reserve_refund('refund-1', 'C-1001', 'acme-de', 'EUR', 13000, p_effective_on => '2026-03-06');
ROLLBACK;

-- Instead the bank reverses X's transfer. What was spent of it rests on D2 from now on: 0 / 30.
SELECT kind, pg_temp.short(debit) AS debit, pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount
FROM ledger_reverse_receipt('reversal-x', 'entry-x', 10000, '2026-03-07');
SELECT deposit, remaining FROM lots;
SELECT use_key AS spending, t.deposit, pg_temp.euros(u.amount_minor) AS rests_on_it
FROM ledger_lot_use u JOIN ledger_transfer t ON t.id = u.lot_id WHERE u.kind = 'pay';

-- Then Y's as well: 0 / 0, and the customer owes 70.00.
SELECT kind, pg_temp.short(debit) AS debit, pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount
FROM ledger_reverse_receipt('reversal-y', 'entry-y', 10000, '2026-03-08');
SELECT deposit, remaining FROM lots;
SELECT * FROM balance WHERE customer = 'C-1001';
