-- The booked entries of a posted statement, and what of it could not be read, sum to its closing less its opening booked balance.
SELECT b.file_id, b.account_id, b.moved AS stated, coalesce(p.moved, 0) AS posted, coalesce(u.moved, 0) AS unread
FROM (
    SELECT s.file_id, s.account_id, sum(s.closing_minor - s.opening_minor) AS moved FROM bank_statement s
    JOIN bank_file f ON f.id = s.file_id AND f.stage IN ('posted', 'alarm') WHERE s.kind IN ('camt.053', 'mt940', 'bai2')
    GROUP BY 1, 2 HAVING count(*) = count(s.closing_minor) AND count(*) = count(s.opening_minor)) AS b
LEFT JOIN (
    SELECT s.file_id, e.account_id,
        sum(CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS moved
    FROM bank_sighting s JOIN bank_entry e ON e.id = s.entry_id AND e.status = 'BOOK'
    JOIN collection_account a ON a.id = e.account_id AND a.currency = e.currency WHERE s.status = 'BOOK'
    GROUP BY 1, 2) AS p ON p.file_id = b.file_id AND p.account_id = b.account_id
LEFT JOIN (
    SELECT q.file_id, s.account_id, sum(CASE q.direction WHEN 'credit' THEN q.amount_minor ELSE -q.amount_minor END)
            FILTER (WHERE q.status = 'BOOK' AND q.currency = a.currency) AS moved,
        bool_or(q.amount_minor IS NULL OR q.status = '' OR (q.direction = '' AND q.amount_minor <> 0)) AS unknown
    FROM bank_quarantine q JOIN bank_statement s ON (s.file_id, s.position) = (q.file_id, q.statement)
    JOIN collection_account a ON a.id = s.account_id WHERE q.resolved_at IS NULL
    GROUP BY 1, 2) AS u ON u.file_id = b.file_id AND u.account_id = b.account_id
WHERE u.unknown IS NOT TRUE AND b.moved <> coalesce(p.moved, 0) + coalesce(u.moved, 0);
