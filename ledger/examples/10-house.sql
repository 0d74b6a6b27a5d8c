-- The account had 500.00 when the book began.
SELECT FROM ledger_house_transfer('opening', 'bank:GIRO', 'opening', 'acme-de', 'EUR', 50000, '2026-03-01') \gset

-- The bank takes its fee, and a debit that nobody can explain yet: both are booked, so both are posted.
SELECT count(*) FROM ledger_book_house_many(ARRAY['entry-7', 'entry-8'], ARRAY['bank-fees', 'unexplained'],
    ARRAY['bank:GIRO', 'bank:GIRO'], ARRAY['acme-de', 'acme-de'], ARRAY['EUR', 'EUR'], ARRAY[1250, 9900],
    ARRAY[DATE '2026-03-31', DATE '2026-03-31'], ARRAY['quarterly fee', NULL]) \gset

-- Interest comes in, 300.00 are swept to the company's main account, and the unexplained debit was a sweep too.
SELECT FROM ledger_house_transfer('interest', 'bank:GIRO', 'interest', 'acme-de', 'EUR', 75, '2026-03-31') \gset
SELECT FROM ledger_house_transfer('sweep', 'company', 'bank:GIRO', 'acme-de', 'EUR', 30000, '2026-03-31') \gset
SELECT FROM ledger_house_transfer('explained', 'company', 'unexplained', 'acme-de', 'EUR', 9900, '2026-04-01') \gset

-- Money of receipts and of payouts cannot be moved this way.
SELECT FROM ledger_house_transfer('wrong', 'unapplied', 'bank:GIRO', 'acme-de', 'EUR', 1) \gset
SELECT * FROM journal;
SELECT * FROM house;
