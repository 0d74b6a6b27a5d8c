-- Each bank account of the book is where its statements end, and what was booked since and in no statement.
WITH booked AS (
    SELECT e.account_id, e.id, CASE e.direction WHEN 'credit' THEN 1 ELSE -1 END AS sign, e.amount_minor, e.known_minor,
        EXISTS (SELECT FROM bank_sighting g JOIN bank_statement s ON (s.file_id, s.position) = (g.file_id, g.statement)
            WHERE g.entry_id = e.id AND g.status = 'BOOK' AND s.chained AND s.kind IN ('camt.053', 'mt940', 'bai2')) AS told
    FROM bank_entry e JOIN collection_account a ON a.id = e.account_id AND a.currency = e.currency
    WHERE e.status = 'BOOK' AND EXISTS (SELECT FROM bank_entry_part p WHERE p.entry_id = e.id AND p.state <> 'shown'
        UNION ALL SELECT WHERE e.known_minor = e.amount_minor)
), began AS (
    SELECT account_id, sum(opening_minor - coalesce(gap_from_minor, 0)) AS minor FROM bank_statement
    WHERE begins <> '' GROUP BY 1
), book AS (
    SELECT b.code, b.debits_posted - b.credits_posted AS minor FROM ledger_account_balance b WHERE b.kind = 'bank'
), summed AS (
    SELECT a.id, a.code, coalesce(began.minor, 0) AS began,
        coalesce(sum(b.sign * (b.amount_minor - b.known_minor)), 0) AS posted,
        coalesce(sum(b.sign * b.amount_minor) FILTER (WHERE b.told), 0) AS told
    FROM collection_account a LEFT JOIN booked b ON b.account_id = a.id LEFT JOIN began ON began.account_id = a.id
    GROUP BY a.id, a.code, began.minor
)
SELECT s.code, 'the book differs from what was booked' AS problem, book.minor AS found, s.began + s.posted AS expected
FROM summed s JOIN book ON split_part(book.code, ':', 2) = s.code WHERE book.minor <> s.began + s.posted
UNION ALL
SELECT s.code, 'the statements end elsewhere', s.began + s.told, max(t.closing_minor) FROM summed s
JOIN bank_statement t ON t.account_id = s.id AND t.chained AND t.closing_on = (
    SELECT max(l.closing_on) FROM bank_statement l WHERE l.account_id = s.id AND l.chained)
WHERE NOT EXISTS (SELECT FROM bank_statement t JOIN bank_quarantine q ON q.file_id = t.file_id WHERE t.account_id = s.id)
    AND NOT EXISTS (SELECT FROM bank_statement t JOIN bank_file f ON f.id = t.file_id
        WHERE t.account_id = s.id AND f.stage IN ('stored', 'read', 'held', 'discarded'))
GROUP BY s.id, s.code, s.began, s.told HAVING NOT bool_or(t.closing_minor = s.began + s.told);
