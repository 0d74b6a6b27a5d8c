-- The parts of a bank entry, and what of it was known before, sum to the entry; the details of a lump sum to it.
SELECT e.id, e.amount_minor, e.known_minor, p.sum FROM bank_entry e
LEFT JOIN LATERAL (
    SELECT coalesce(sum(CASE WHEN part.direction = e.direction THEN part.amount_minor ELSE -part.amount_minor END), 0) AS sum
    FROM bank_entry_part part WHERE part.entry_id = e.id AND part.state <> 'detailed') AS p ON true
WHERE e.amount_minor <> e.known_minor + p.sum
UNION ALL
SELECT lump.id, lump.amount_minor, NULL, sum(part.amount_minor) FROM bank_entry_part lump
LEFT JOIN bank_entry_part part ON part.receipt_of = lump.id AND part.direction = lump.direction
GROUP BY lump.id
HAVING lump.amount_minor <> CASE lump.state WHEN 'detailed' THEN coalesce(sum(part.amount_minor), 0)
    ELSE lump.amount_minor + coalesce(sum(part.amount_minor), 0) END;
