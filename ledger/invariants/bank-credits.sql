-- What a credited part brought, and what was absorbed for it, is credited to customers once, in the book and here.
SELECT p.id, p.state, p.amount_minor, p.absorbed_minor, c.credited, c.booked FROM bank_entry_part p
LEFT JOIN LATERAL (
    SELECT sum(credit.amount_minor) AS credited, sum(t.amount_minor) AS booked FROM credit
    LEFT JOIN ledger_transfer t ON t.leg = 0 AND t.key = credit.key AND t.kind = 'credit'
    WHERE credit.part_id = p.id) AS c ON true
WHERE CASE WHEN p.state = 'credited' THEN c.credited IS DISTINCT FROM p.amount_minor + p.absorbed_minor
    WHEN p.state = 'reversed' THEN c.credited <> p.amount_minor + p.absorbed_minor
    ELSE c.credited IS NOT NULL OR p.absorbed_minor > 0 END
    OR c.booked IS DISTINCT FROM c.credited OR (p.awaits <> '' AND p.state <> 'unapplied');
