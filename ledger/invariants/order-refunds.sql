-- No order or bill gets back more than was paid for it.
SELECT p.id, p.key, p.amount_minor, sum(r.amount_minor) AS refunded FROM ledger_transfer p
JOIN ledger_transfer r ON r.about_id = p.id AND r.kind = 'order-refund'
GROUP BY p.id HAVING sum(r.amount_minor) > p.amount_minor;
