-- A balance knows whether bills wait for it, and where it could pay one, it is in the queue to be settled now.
SELECT a.code, a.available_minor, a.bills_open, b.open AS open_bills FROM ledger_account a
JOIN customer c ON c.number = a.holder
CROSS JOIN LATERAL (
    SELECT count(*) AS open FROM bill WHERE account_id = a.id AND stage IN ('issued', 'part_paid')) AS b
WHERE a.kind = 'customer' AND (a.bills_open <> (b.open > 0) OR (
    b.open > 0 AND a.available_minor > 0 AND c.auto_pay AND NOT a.owes AND NOT a.frozen
    AND NOT EXISTS (SELECT FROM bill_queue q WHERE q.account_id = a.id AND q.created_at <= now())));
