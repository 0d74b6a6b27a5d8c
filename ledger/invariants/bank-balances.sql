-- Each bank account of the book is where its statements end, and what was booked since and in no statement.
WITH part AS (
    SELECT e.account_id, CASE p.direction WHEN 'credit' THEN p.amount_minor ELSE -p.amount_minor END AS minor, p.confirmed
    FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
    JOIN collection_account a ON a.id = e.account_id AND a.currency = p.currency
    WHERE p.state NOT IN ('shown', 'detailed')
), began AS (
    SELECT account_id, sum(opening_minor - coalesce(gap_from_minor, 0)) AS minor FROM bank_statement
    WHERE begins <> '' GROUP BY 1
), summed AS (
    SELECT a.id, a.code, a.entity, a.currency, a.gap_statement_id, coalesce(began.minor, 0) AS began,
        coalesce(sum(p.minor), 0) AS posted, coalesce(sum(p.minor) FILTER (WHERE p.confirmed), 0) AS confirmed
    FROM collection_account a LEFT JOIN part p ON p.account_id = a.id LEFT JOIN began ON began.account_id = a.id
    GROUP BY a.id, began.minor
)
SELECT s.code, 'the book differs from what was booked' AS problem, b.debits_posted - b.credits_posted AS found,
    s.began + s.posted AS expected
FROM summed s JOIN ledger_account_balance b ON b.code = 'bank:' || s.code || ':' || s.entity || ':' || s.currency
WHERE b.debits_posted - b.credits_posted <> s.began + s.posted
UNION ALL
SELECT s.code, 'the statements end elsewhere', s.began + s.confirmed, max(t.closing_minor) FROM summed s
JOIN bank_statement t ON t.account_id = s.id AND t.chained AND t.closing_on = (
    SELECT max(l.closing_on) FROM bank_statement l WHERE l.account_id = s.id AND l.chained)
WHERE s.gap_statement_id IS NULL
    AND NOT EXISTS (SELECT FROM bank_statement t JOIN bank_quarantine q ON q.file_id = t.file_id WHERE t.account_id = s.id)
    AND NOT EXISTS (SELECT FROM bank_statement t JOIN bank_file f ON f.id = t.file_id
        WHERE t.account_id = s.id AND f.stage IN ('stored', 'read', 'held', 'discarded'))
GROUP BY s.id, s.code, s.began, s.confirmed HAVING NOT bool_or(t.closing_minor = s.began + s.confirmed);
