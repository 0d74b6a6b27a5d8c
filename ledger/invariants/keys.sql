-- An idempotency key stands for one request.
SELECT key, count(DISTINCT request_hash) AS requests FROM ledger_transfer
GROUP BY key HAVING count(DISTINCT request_hash) > 1 OR min(leg) <> 0;
