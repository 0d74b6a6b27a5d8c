-- What a lot has left and reserved follows from its allocations.
SELECT l.id, l.amount_minor, l.free_minor + l.reserved_minor AS remaining_minor,
    l.amount_minor + coalesce(a.used, 0) AS should_remain,
    l.reserved_minor, -coalesce(a.reserved, 0) AS should_be_reserved
FROM ledger_lot l LEFT JOIN (
    SELECT lot_id, sum(amount_minor) FILTER (WHERE NOT reserves) AS used,
        sum(amount_minor) FILTER (WHERE reserves) AS reserved
    FROM ledger_allocation GROUP BY 1) AS a ON a.lot_id = l.id
WHERE l.free_minor + l.reserved_minor <> l.amount_minor + coalesce(a.used, 0)
    OR l.reserved_minor <> -coalesce(a.reserved, 0);
