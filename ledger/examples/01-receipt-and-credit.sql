-- A receipt is posted on booking: bank → unapplied. It is nobody's yet.
CALL pg_temp.receive('entry-1', 10000, '2026-03-02');
SELECT * FROM house;

-- Its reference names a deposit of C-1001: unapplied → customer.
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 10000, '2026-03-02', deposit => 'D-2026-000001');
SELECT * FROM balance;

-- The bank gives value for the next receipt in two days only: the credit is pending until then.
CALL pg_temp.receive('entry-2', 5000, '2026-03-02');
CALL pg_temp.credit('credit-2', 'entry-2', 'C-1001', 5000, '2026-03-02', value_on => '2026-03-04');
SELECT * FROM balance;

-- Two days later the sweep posts it.
SELECT credit_key, amount_minor FROM ledger_post_due_credits('2026-03-04');
SELECT * FROM balance;

-- A receipt gives no more than it brought.
CALL pg_temp.credit('credit-3', 'entry-1', 'C-1002', 1, '2026-03-04');
SELECT * FROM journal;
