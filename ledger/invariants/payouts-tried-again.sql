-- What is tried again follows a payout that came back, of the same owner, with no more than came back.
SELECT p.id, p.previous_id, p.attempt, p.amount_minor, b.stage, b.amount_minor AS came_back_minor
FROM payout p JOIN payout b ON b.id = p.previous_id
WHERE b.stage NOT IN ('rejected', 'returned') OR p.attempt <> b.attempt + 1 OR p.refund_id IS DISTINCT FROM b.refund_id
    OR p.amount_minor > b.amount_minor OR p.hold_key <> 'hold:' || b.id
UNION ALL
SELECT p.id, NULL, p.attempt, p.amount_minor, p.stage, NULL FROM payout p
WHERE p.previous_id IS NULL AND p.attempt <> 1;
