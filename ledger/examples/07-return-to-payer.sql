-- Nobody knows whose 80.00 these are. They are returned to their payer: pending unapplied → in-transit.
CALL pg_temp.receive('entry-1', 8000, '2026-03-02');
SELECT pg_temp.euros(amount_minor) AS amount FROM ledger_return_unapplied('return-1', 'entry-1', p_effective_on => '2026-03-10');

-- What is being returned cannot be credited any more.
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 8000, '2026-03-10');
SELECT FROM ledger_payout_sent('sent-1', 'return-1', '2026-03-11') \gset
SELECT FROM ledger_payout_settled('settled-1', 'sent-1', 'GIRO', '2026-03-11') \gset

-- The payer's account is closed: the money bounces and is unapplied again.
SELECT FROM ledger_payout_returned('bounced-1', 'sent-1', 'GIRO', 0, p_effective_on => '2026-03-13') \gset
SELECT * FROM journal;
SELECT * FROM house;

-- Now somebody recognises it.
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 8000, '2026-03-14');
SELECT * FROM balance;
