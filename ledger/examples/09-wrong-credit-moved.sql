-- 100.00 were credited to C-1001 by mistake, who has already spent 40.00 of them. They are C-1002's.
CALL pg_temp.receive('entry-1', 10000, '2026-03-02');
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 10000, '2026-03-02');
SELECT FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 4000, '2026-03-03') \gset

-- C-1002 gets all of it: what is left from C-1001's balance, the spent part from what C-1001 owes from now on.
SELECT kind, pg_temp.short(debit) AS debit, pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount
FROM ledger_move_credit('move-1', 'credit-1', 'C-1002', '2026-03-04');
SELECT * FROM balance;

-- C-1002's lots still say which receipt they came from.
SELECT customer, source, pg_temp.euros(amount_minor) AS amount, pg_temp.euros(remaining_minor) AS remaining, live
FROM ledger_lot_detail ORDER BY id;
