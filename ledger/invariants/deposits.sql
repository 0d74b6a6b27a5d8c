-- A deposit has received what was credited for it, and its stage says so.
SELECT d.number, d.stage, d.amount_minor, d.credited_minor, p.sum AS credited FROM deposit d
LEFT JOIN LATERAL (
    SELECT coalesce(sum(c.amount_minor), 0) AS sum FROM credit c
    JOIN bank_entry_part part ON part.id = c.part_id AND part.state = 'credited' WHERE c.deposit_id = d.id) AS p ON true
WHERE d.credited_minor <> p.sum OR (d.stage = 'credited') <> (d.credited_minor >= d.amount_minor)
    OR (d.stage = 'part_paid' AND d.credited_minor = 0) OR (d.stage = 'issued' AND d.credited_minor > 0)
    OR d.handled_version > d.version OR d.taken_back_told_minor > d.taken_back_minor
    OR d.moved_away_told_minor > d.moved_away_minor OR d.moved_away_minor <> (
        SELECT coalesce(sum(m.amount_minor), 0) FROM credit_move m WHERE m.from_deposit_id = d.id AND m.stage = 'applied');
