-- Each bank account of the book is where its statements end, but for what of them could not be read, and what was booked since and in no statement.
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
), unread AS (
    -- What another file tells of as well, read or not, may lack once or not at all.
    SELECT t.account_id, CASE q.direction WHEN 'credit' THEN q.amount_minor ELSE -q.amount_minor END AS minor,
        q.amount_minor IS NULL OR q.status = '' OR (q.direction = '' AND q.amount_minor <> 0) AS unknown,
        EXISTS (
            SELECT FROM bank_entry e JOIN bank_entry_part p ON p.entry_id = e.id AND p.confirmed
            WHERE e.account_id = t.account_id AND (e.amount_minor, e.currency, e.direction) = (q.amount_minor, q.currency, q.direction)
                AND e.booked_on BETWEEN coalesce(t.opening_on, t.closing_on) - 3 AND t.closing_on + 3
                AND NOT EXISTS (SELECT FROM bank_sighting g WHERE g.entry_id = e.id AND g.file_id = q.file_id)
        ) OR EXISTS (
            SELECT FROM bank_quarantine o JOIN bank_statement ot ON (ot.file_id, ot.position) = (o.file_id, o.statement)
            WHERE ot.account_id = t.account_id AND o.file_id <> q.file_id AND o.resolved_at IS NULL
                AND (o.amount_minor, o.currency, o.direction) = (q.amount_minor, q.currency, q.direction)
        ) AS maybe
    FROM bank_quarantine q JOIN bank_statement t ON (t.file_id, t.position) = (q.file_id, q.statement) AND t.chained
    JOIN collection_account a ON a.id = t.account_id
    WHERE q.resolved_at IS NULL AND q.status IN ('BOOK', '') AND q.currency IN (a.currency, '')
), lacking AS (
    SELECT account_id, bool_or(unknown) AS unknown, sum(minor) FILTER (WHERE NOT maybe OR minor < 0) AS least,
        sum(minor) FILTER (WHERE NOT maybe OR minor > 0) AS most
    FROM unread GROUP BY 1
)
SELECT s.code, 'the book differs from what was booked' AS problem, b.debits_posted - b.credits_posted AS found,
    s.began + s.posted AS expected
FROM summed s JOIN ledger_account_balance b ON b.code = 'bank:' || s.code || ':' || s.entity || ':' || s.currency
WHERE b.debits_posted - b.credits_posted <> s.began + s.posted
UNION ALL
SELECT s.code, 'the statements end elsewhere', s.began + s.confirmed, max(t.closing_minor) FROM summed s
LEFT JOIN lacking l ON l.account_id = s.id
JOIN bank_statement t ON t.account_id = s.id AND t.chained AND t.closing_on = (
    SELECT max(l.closing_on) FROM bank_statement l WHERE l.account_id = s.id AND l.chained)
WHERE s.gap_statement_id IS NULL AND l.unknown IS NOT TRUE
    AND NOT EXISTS (SELECT FROM bank_statement t JOIN bank_file f ON f.id = t.file_id
        WHERE t.account_id = s.id AND t.chained AND f.stage IN ('stored', 'read', 'held'))
GROUP BY s.id, s.code, s.began, s.confirmed, l.least, l.most
HAVING NOT bool_or(t.closing_minor - s.began - s.confirmed BETWEEN coalesce(l.least, 0) AND coalesce(l.most, 0));
