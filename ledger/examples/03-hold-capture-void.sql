-- C-1001 has 100.00; 60.00 are held for an order. A hold is not spent, but not available either.
CALL pg_temp.receive('entry-1', 10000, '2026-03-02');
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 10000, '2026-03-02');
SELECT FROM ledger_hold('hold-1', 'C-1001', 'acme-de', 'EUR', 6000, p_effective_on => '2026-03-03') \gset
SELECT * FROM balance;

-- The goods leave in two parts. The second one is final: what is left of the hold is free again.
SELECT FROM ledger_capture('part-1', 'hold-1', 2500, p_effective_on => '2026-03-04') \gset
SELECT FROM ledger_capture('part-2', 'hold-1', 2000, p_final => true, p_effective_on => '2026-03-05') \gset
SELECT FROM ledger_capture('part-3', 'hold-1', 1, p_effective_on => '2026-03-05') \gset
SELECT * FROM balance;

-- An order that is given up: its hold is voided.
SELECT FROM ledger_hold('hold-2', 'C-1001', 'acme-de', 'EUR', 5500, p_effective_on => '2026-03-06') \gset
SELECT FROM ledger_void('void-2', 'hold-2', '2026-03-06') \gset

-- A hold whose time has run out takes no capture, swept or not; the sweep voids it.
SELECT FROM ledger_hold('hold-3', 'C-1001', 'acme-de', 'EUR', 100, clock_timestamp() + interval '50 milliseconds') \gset
SELECT FROM pg_sleep(0.06) \gset
DO $$ BEGIN PERFORM ledger_capture('late', 'hold-3'); EXCEPTION WHEN SQLSTATE 'PB006' THEN RAISE WARNING 'refused, too late'; END $$;
SELECT hold_key, amount_minor FROM ledger_expire_holds();
SELECT * FROM journal;
SELECT * FROM balance;
