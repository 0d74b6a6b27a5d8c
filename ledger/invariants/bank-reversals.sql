-- What a booking takes back had the same amount the other way, and is taken back once, in the book too.
SELECT p.id, p.state, o.id AS original, o.state AS original_state FROM bank_entry_part p
JOIN bank_entry_part o ON o.id = p.answers_id
WHERE p.amount_minor <> o.amount_minor OR p.currency <> o.currency OR p.direction = o.direction
    OR (p.state = 'reversed') <> (o.state = 'reversed')
UNION ALL
SELECT p.id, p.state, o.id, o.state FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
LEFT JOIN bank_entry_part o ON o.id = p.answers_id OR o.answers_id = p.id
WHERE p.state = 'reversed' AND o.id IS NULL;
