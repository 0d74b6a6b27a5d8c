-- Bank entries, their parts, sightings and credits name rows that are there: no foreign key looks.
SELECT 'entry' AS what, e.id FROM bank_entry e
WHERE NOT EXISTS (SELECT FROM collection_account a WHERE (a.id, a.entity) = (e.account_id, e.entity))
UNION ALL
SELECT 'part', p.id FROM bank_entry_part p WHERE NOT EXISTS (SELECT FROM bank_entry e WHERE e.id = p.entry_id)
UNION ALL
SELECT 'sighting', s.entry_id FROM bank_sighting s
WHERE NOT EXISTS (SELECT FROM bank_entry e WHERE e.id = s.entry_id)
    OR NOT EXISTS (SELECT FROM bank_file f WHERE f.id = s.file_id)
UNION ALL
SELECT 'credit', c.id FROM credit c
WHERE NOT EXISTS (SELECT FROM bank_entry_part p WHERE p.id = c.part_id)
    OR NOT EXISTS (SELECT FROM customer u WHERE u.id = c.customer_id)
    OR (c.deposit_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM deposit d WHERE (d.id, d.customer_id) = (c.deposit_id, c.customer_id)));
