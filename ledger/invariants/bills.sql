-- A bill is its lines, is paid what its lines are, and has been paid so much in the book, less what a void gave back.
WITH paid AS (
    SELECT p.bill_id, sum(p.amount_minor) AS lines, sum(p.of_transfer) FILTER (WHERE p.first) AS transfers,
        sum(p.refunded) FILTER (WHERE p.first) AS refunded, bool_and(p.same) AS same
    FROM (
        SELECT p.bill_id, p.amount_minor, t.amount_minor AS of_transfer, row_number() OVER w = 1 AS first,
            coalesce((
                SELECT sum(r.amount_minor) FROM ledger_transfer r WHERE r.about_id = t.id AND r.kind = 'order-refund'), 0) AS refunded,
            coalesce(t.debit_account_id = b.account_id AND t.kind = 'pay', false) AS same
        FROM bill_payment p JOIN bill b ON b.id = p.bill_id LEFT JOIN ledger_transfer t ON t.id = p.transfer_id
        WINDOW w AS (PARTITION BY p.transfer_id ORDER BY p.position)) AS p
    GROUP BY p.bill_id
), line AS (
    SELECT l.bill_id, sum(l.amount_minor) AS amount, sum(l.paid_minor) AS paid,
        bool_and(b.stage = 'void' OR l.paid_minor = coalesce((
            SELECT sum(p.amount_minor) FROM bill_payment p WHERE p.bill_id = l.bill_id AND p.position = l.position), 0)) AS same
    FROM bill_line l JOIN bill b ON b.id = l.bill_id GROUP BY l.bill_id
)
SELECT b.number, b.stage, b.amount_minor, b.paid_minor, line.amount AS of_lines, line.paid AS paid_of_lines,
    paid.lines AS payments, paid.transfers, paid.refunded
FROM bill b LEFT JOIN line ON line.bill_id = b.id LEFT JOIN paid ON paid.bill_id = b.id
WHERE b.amount_minor IS DISTINCT FROM line.amount OR b.paid_minor IS DISTINCT FROM line.paid OR NOT line.same OR NOT paid.same
    OR b.paid_minor <> coalesce(paid.transfers - paid.refunded, 0) OR paid.lines <> paid.transfers
    OR b.handled_version > b.version OR (b.stage <> 'void' AND paid.refunded <> 0);
