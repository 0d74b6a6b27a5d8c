-- Nothing rests on lots beyond its own amount, and what rests on none is owed or was repaid.
SELECT a.code, s.unpaid, coalesce(w.stuck, 0) AS stuck, r.debits_posted - r.credits_posted AS owed,
    coalesce(p.repaid, 0) AS repaid
FROM ledger_account a JOIN ledger_account r ON r.id = a.receivable_id
JOIN (
    SELECT u.account_id, sum(u.amount_minor - u.given_back - coalesce(c.carried, 0)) AS unpaid,
        bool_or(u.amount_minor - u.given_back < coalesce(c.carried, 0)) AS too_much
    FROM (
        SELECT t.id, t.debit_account_id AS account_id, t.amount_minor, coalesce((
            SELECT sum(b.amount_minor) FROM ledger_transfer b WHERE b.about_id = t.id
            AND b.kind IN ('order-refund', 'payout-return')), 0) AS given_back
        FROM ledger_transfer t WHERE t.debits_customer AND t.phase IN ('posted', 'post')
        AND t.kind IN ('pay', 'capture', 'refund')) AS u
    LEFT JOIN (
        SELECT x.use_id, -sum(x.amount_minor) AS carried FROM ledger_allocation x
        JOIN ledger_lot l ON l.id = x.lot_id AND l.live WHERE NOT x.reserves GROUP BY 1) AS c ON c.use_id = u.id
    GROUP BY u.account_id) AS s ON s.account_id = a.id
LEFT JOIN (SELECT account_id, sum(free_minor + reserved_minor) AS stuck FROM ledger_lot WHERE NOT live GROUP BY 1) AS w
    ON w.account_id = a.id
LEFT JOIN (
    SELECT t.debit_account_id AS account_id, -sum(x.amount_minor) AS repaid FROM ledger_transfer t
    JOIN ledger_allocation x ON x.use_id = t.id AND NOT x.reserves
    JOIN ledger_lot l ON l.id = x.lot_id AND l.live WHERE t.kind = 'repayment' GROUP BY 1) AS p
    ON p.account_id = a.id
WHERE s.too_much
    OR s.unpaid + coalesce(w.stuck, 0) <> r.debits_posted - r.credits_posted + coalesce(p.repaid, 0);
