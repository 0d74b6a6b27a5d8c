-- The parts of a bank entry, and what of it was known before, sum to the entry.
SELECT e.id, e.amount_minor, e.known_minor, p.sum FROM bank_entry e
LEFT JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN part.direction = e.direction THEN part.amount_minor ELSE -part.amount_minor END), 0) AS sum
    FROM bank_entry_part part WHERE part.entry_id = e.id) AS p ON true
WHERE e.amount_minor <> e.known_minor + p.sum;
