-- Money that nobody was credited with has an open receipt, all else has none, and what is to go back is held in the book.
SELECT p.id, p.state, r.stage, p.amount_minor, r.amount_minor AS receipt_minor, w.remaining_minor AS held_minor
FROM bank_entry_part p
LEFT JOIN receipt r ON r.part_id = p.id
LEFT JOIN receipt_return b ON b.part_id = p.id AND b.stage IN ('prepared', 'sent', 'returned')
LEFT JOIN payout o ON o.return_id = b.id AND o.stage <> 'void'
LEFT JOIN ledger_transfer t ON t.key = b.key AND t.leg = 0
LEFT JOIN ledger_pending w ON w.id = t.id
WHERE (p.state = 'unapplied') <> coalesce(r.stage IN ('unapplied', 'returning'), false)
    OR r.amount_minor <> p.amount_minor
    OR (r.stage = 'applied' AND p.state NOT IN ('credited', 'reversed'))
    OR coalesce(r.stage = 'returning', false) <> coalesce(b.stage IN ('prepared', 'sent'), false)
    OR coalesce(b.stage = 'prepared', false) <> (w.id IS NOT NULL) OR w.remaining_minor <> p.amount_minor
    OR (p.state = 'returned') <> coalesce(b.stage = 'returned', false)
    OR o.stage <> CASE b.stage WHEN 'prepared' THEN 'ready' WHEN 'sent' THEN 'sent' ELSE 'settled' END;
