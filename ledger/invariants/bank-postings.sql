-- Each part of a booked entry was posted once, by itself or as its lump sum; what is not booked was not posted.
SELECT p.id, p.state, p.direction, e.status, p.amount_minor, t.amount_minor AS posted
FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
LEFT JOIN bank_entry_part lump ON lump.id = p.receipt_of
LEFT JOIN payout o ON p.state = 'payout' AND o.id = (
    SELECT min(id) FROM payout WHERE p.id IN (settled_part_id, came_back_part_id))
LEFT JOIN ledger_transfer t ON t.leg = 0 AND t.key = CASE
    WHEN p.state = 'payout' THEN CASE p.direction WHEN 'debit' THEN 'settled:' ELSE 'returned:' END || o.id
    ELSE CASE WHEN p.state = 'house' THEN 'house:' WHEN p.direction = 'debit' THEN 'reversal:' ELSE 'receipt:' END
        || coalesce(lump.identity_key, p.identity_key)
    END
WHERE (p.state <> 'shown') <> (t.id IS NOT NULL)
    OR (t.id IS NOT NULL AND e.status <> 'BOOK')
    OR (t.kind IN ('receipt', 'house') AND t.amount_minor <> coalesce(lump.amount_minor, p.amount_minor))
    OR (p.state = 'house' AND EXISTS (SELECT FROM ledger_transfer r WHERE r.key = 'receipt:' || p.identity_key));
