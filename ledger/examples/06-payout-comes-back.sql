-- A payout of 1,000.00 is rejected by the bank before it was booked: in-transit → customer, and it is held again.
CALL pg_temp.receive('entry-1', 100000, '2026-03-02');
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 100000, '2026-03-02');
SELECT FROM ledger_reserve_refund('refund-1', 'C-1001', 'acme-de', 'EUR', 100000, p_effective_on => '2026-03-03') \gset
SELECT FROM ledger_payout_sent('sent-1', 'refund-1', '2026-03-03') \gset
SELECT pg_temp.euros(held_minor) AS held
FROM ledger_payout_returned('rejected-1', 'sent-1', p_hold_key => 'refund-1-again', p_effective_on => '2026-03-04');
SELECT * FROM balance WHERE customer = 'C-1001';

-- Sent again, booked by the bank, and returned by the payee's bank, which keeps 5.00. The customer gets all of it back.
SELECT FROM ledger_payout_sent('sent-2', 'refund-1-again', '2026-03-05') \gset
SELECT FROM ledger_payout_settled('settled-2', 'sent-2', 'GIRO', '2026-03-05') \gset
SELECT FROM ledger_payout_returned('returned-2', 'sent-2', 'GIRO', 500, 'refund-1-third', '2026-03-09') \gset
SELECT * FROM journal;
SELECT * FROM balance WHERE customer = 'C-1001';
SELECT * FROM house;
