-- Debits equal credits for each contracting entity and currency.
SELECT entity, currency, sum(debits_posted) AS debits, sum(credits_posted) AS credits
FROM ledger_account_balance GROUP BY entity, currency HAVING sum(debits_posted) <> sum(credits_posted);
