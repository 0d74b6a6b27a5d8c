-- C-1001 has 100.00 and asks for 60.00 of it back. The refund reserves the newest lots: pending customer → in-transit.
CALL pg_temp.receive('entry-1', 7000, '2026-03-02');
CALL pg_temp.receive('entry-2', 3000, '2026-03-02');
CALL pg_temp.credit('credit-1', 'entry-1', 'C-1001', 7000, '2026-03-02', deposit => 'D1');
CALL pg_temp.credit('credit-2', 'entry-2', 'C-1001', 3000, '2026-03-02', deposit => 'D2');
SELECT source, deposit, pg_temp.euros(amount_minor) AS amount
FROM ledger_reserve_refund('refund-1', 'C-1001', 'acme-de', 'EUR', 6000, p_effective_on => '2026-03-03');
SELECT * FROM balance WHERE customer = 'C-1001';

-- Reserved money can be neither spent nor refunded again.
SELECT FROM ledger_pay('order-1', 'C-1001', 'acme-de', 'EUR', 4001, '2026-03-03') \gset

-- The approved payout goes into a payment file: the hold is posted.
SELECT FROM ledger_payout_sent('sent-1', 'refund-1', '2026-03-04') \gset
SELECT * FROM house;

-- The bank books it: in-transit → bank.
SELECT FROM ledger_payout_settled('settled-1', 'sent-1', 'GIRO', '2026-03-05') \gset
SELECT * FROM journal;
SELECT * FROM lots;
SELECT * FROM house;

-- A refund can also name its lots. They must have enough left.
SELECT FROM ledger_reserve_refund('refund-2', 'C-1001', 'acme-de', 'EUR', 4000, ARRAY['credit-2']) \gset
SELECT source, pg_temp.euros(amount_minor) AS amount
FROM ledger_reserve_refund('refund-2', 'C-1001', 'acme-de', 'EUR', 4000, ARRAY['credit-1'], '2026-03-06');

-- It is not approved: the money is free again.
SELECT FROM ledger_void('rejected-2', 'refund-2', '2026-03-07') \gset
SELECT * FROM balance WHERE customer = 'C-1001';
