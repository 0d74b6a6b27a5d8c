-- What an unreadable entry was resolved to is seen in its line, of the money that the file told there, by two people.
SELECT q.file_id, q.line, q.entry_id FROM bank_quarantine q
JOIN bank_statement s ON (s.file_id, s.position) = (q.file_id, q.statement) JOIN bank_entry e ON e.id = q.entry_id
LEFT JOIN bank_sighting g ON (g.file_id, g.ordinal) = (q.file_id, q.ordinal)
LEFT JOIN bank_resolution r ON r.id = q.resolution_id AND (r.file_id, r.ordinal) = (q.file_id, q.ordinal)
WHERE g.entry_id IS DISTINCT FROM e.id OR g.statement <> q.statement OR e.account_id <> s.account_id
    OR e.amount_minor <> q.amount_minor OR q.currency NOT IN ('', e.currency) OR q.direction NOT IN ('', e.direction)
    OR r.id IS NULL OR r.stage <> 'applied' OR (r.proposed_by, r.decided_by) <> (q.resolved_by, q.approved_by)
    OR (r.amount_minor, r.currency, r.direction) <> (e.amount_minor, e.currency, e.direction)
    OR lower(btrim(q.approved_by)) = lower(btrim(q.resolved_by))
UNION ALL
SELECT q.file_id, q.line, g.entry_id FROM bank_quarantine q
JOIN bank_sighting g ON (g.file_id, g.ordinal) = (q.file_id, q.ordinal) WHERE q.resolved_at IS NULL
UNION ALL
SELECT r.file_id, q.line, q.entry_id FROM bank_resolution r LEFT JOIN bank_quarantine q USING (file_id, ordinal)
WHERE r.stage = 'applied' AND q.resolution_id IS DISTINCT FROM r.id;
