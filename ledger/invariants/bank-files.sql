-- A bank file that was posted has told of as many entries as it has, none of them left unposted; nothing else waits.
SELECT f.id AS file, p.id AS part FROM bank_file f JOIN bank_sighting s ON s.file_id = f.id
JOIN bank_entry e ON e.id = s.entry_id AND e.status = 'BOOK'
JOIN bank_entry_part p ON p.entry_id = e.id AND p.state = 'shown' WHERE f.stage IN ('posted', 'alarm')
UNION ALL
SELECT f.id, NULL FROM bank_file f
WHERE f.stage IN ('posted', 'alarm') AND NOT starts_with(f.format, 'pain.') AND NOT starts_with(f.format, 'pacs.')
    AND f.entries <> (
        SELECT count(*) FROM (
            SELECT ordinal FROM bank_sighting WHERE file_id = f.id
            UNION SELECT ordinal FROM bank_quarantine WHERE file_id = f.id) told)
UNION ALL
SELECT DISTINCT i.file_id, NULL::bigint FROM bank_incoming i LEFT JOIN bank_file f ON f.id = i.file_id
WHERE f.stage IS DISTINCT FROM 'read';
