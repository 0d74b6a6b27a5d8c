-- A payout was sent in the book if and only if it is in a file, came back there if and only if it was rejected or returned, and each file is the sum of its payouts.
SELECT p.id::text AS payout, p.stage, p.amount_minor, sent.amount_minor AS sent_minor, settled.id IS NOT NULL AS settled,
    back.id IS NOT NULL AS came_back
FROM payout p
LEFT JOIN ledger_transfer sent ON sent.key = 'sent:' || p.id AND sent.leg = 0
LEFT JOIN ledger_transfer settled ON settled.key = 'settled:' || p.id AND settled.leg = 0
LEFT JOIN ledger_transfer back ON back.key = 'returned:' || p.id AND back.leg = 0
LEFT JOIN payment_file f ON f.id = p.file_id
WHERE (p.file_id IS NOT NULL) <> (sent.id IS NOT NULL) OR sent.amount_minor <> p.amount_minor
    OR (p.stage IN ('rejected', 'returned')) <> (back.id IS NOT NULL)
    OR (p.stage IN ('settled', 'returned')) <> (settled.id IS NOT NULL)
    OR (p.stage IN ('planned', 'ready')) <> EXISTS (
        SELECT FROM ledger_transfer h JOIN ledger_pending w ON w.id = h.id
        WHERE h.key = p.hold_key AND h.leg = 0 AND w.remaining_minor = p.amount_minor)
    OR (p.stage IN ('settled', 'returned') AND p.settled_part_id IS NULL)
    OR (p.stage = 'returned' AND p.came_back_part_id IS NULL) OR f.account_id <> p.account_id
UNION ALL
SELECT f.message_id, f.stage, f.sum_minor, sum(p.amount_minor), NULL, NULL
FROM payment_file f LEFT JOIN payout p ON p.file_id = f.id GROUP BY f.id
HAVING f.payouts <> count(p.id) OR f.sum_minor IS DISTINCT FROM sum(p.amount_minor)
    OR (f.ended_at IS NULL) <> bool_or(p.stage = 'sent')
    OR encode(sha256(f.content), 'hex') <> f.sha256;
