-- What all stories share: two customers of acme-de, and tables that show amounts in euros. The test runs it first.
\set ECHO none
\set QUIET on
\set VERBOSITY terse
\pset footer off
SET client_min_messages = warning;
SELECT ledger_open_customer('C-1001', 'acme-de', 'EUR'), ledger_open_customer('C-1002', 'acme-de', 'EUR') \gset
CREATE FUNCTION pg_temp.euros(minor numeric) RETURNS text LANGUAGE sql AS $$ SELECT to_char(minor / 100, 'FM999999990.00') $$;
CREATE FUNCTION pg_temp.short(code text) RETURNS text LANGUAGE sql AS $$ SELECT replace(code, ':acme-de:EUR', '') $$;
-- A booked receipt on the account GIRO, and the credit of a receipt to a customer.
CREATE PROCEDURE pg_temp.receive(receipt text, amount bigint, booked_on date) LANGUAGE sql AS $$
    SELECT * FROM ledger_receive_many(ARRAY[receipt], ARRAY['GIRO'], ARRAY['acme-de'], ARRAY['EUR'], ARRAY[amount],
        ARRAY[booked_on], ARRAY[NULL]) $$;
CREATE PROCEDURE pg_temp.credit(credit text, receipt text, customer text, amount bigint, booked_on date,
    value_on date DEFAULT NULL, deposit text DEFAULT NULL) LANGUAGE sql AS $$
    SELECT * FROM ledger_credit_many(ARRAY[credit], ARRAY[receipt], ARRAY[customer], ARRAY['acme-de'], ARRAY['EUR'],
        ARRAY[amount], ARRAY[booked_on], ARRAY[value_on], ARRAY[deposit], ARRAY[NULL], booked_on) $$;
CREATE TEMP VIEW journal AS
SELECT key, kind, CASE phase WHEN 'posted' THEN '' ELSE phase::text END AS phase, pg_temp.short(debit) AS debit,
    pg_temp.short(credit) AS credit, pg_temp.euros(amount_minor) AS amount FROM ledger_journal ORDER BY id;
CREATE TEMP VIEW balance AS
SELECT customer, pg_temp.euros(posted_minor) AS posted, pg_temp.euros(pending_in_minor) AS pending_in,
    pg_temp.euros(held_minor) AS held, pg_temp.euros(available_minor) AS available,
    pg_temp.euros(receivable_minor) AS owes FROM ledger_balance ORDER BY customer;
CREATE TEMP VIEW lots AS
SELECT customer, credit_key AS credit, deposit, pg_temp.euros(amount_minor) AS amount,
    pg_temp.euros(remaining_minor) AS remaining, pg_temp.euros(reserved_minor) AS reserved FROM ledger_lot_detail ORDER BY id;
-- Liabilities, sales and in-transit are shown with their credit balance, bank and costs with their debit balance.
CREATE TEMP VIEW house AS
SELECT pg_temp.short(code) AS account, pg_temp.euros(greatest(debits_posted - credits_posted, 0)) AS debit,
    pg_temp.euros(greatest(credits_posted - debits_posted, 0)) AS credit
FROM ledger_account_balance WHERE kind NOT IN ('customer', 'receivable') AND debits_posted <> credits_posted ORDER BY code;
\set ECHO all
