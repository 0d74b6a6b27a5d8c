-- What people and services read.

-- A customer's money by contracting entity and currency, in minor units.
CREATE VIEW ledger_balance AS
SELECT c.holder AS customer, c.entity, c.currency,
    c.available_minor + c.debits_pending AS posted_minor,
    c.credits_pending AS pending_in_minor,
    c.debits_pending AS held_minor,
    c.available_minor,
    r.debits_posted - r.credits_posted AS receivable_minor
FROM ledger_account c JOIN ledger_account r ON r.id = c.receivable_id;

-- Every account: a customer's from its running totals, a house account's from its last sealed total and what came since.
CREATE VIEW ledger_account_balance AS
SELECT a.id, a.code, a.kind, a.entity, a.currency,
    a.debits_posted + coalesce(s.debits_posted, 0) + coalesce(u.debits, 0) AS debits_posted,
    coalesce(a.credits_posted, a.available_minor + a.debits_posted + a.debits_pending)
        + coalesce(s.credits_posted, 0) + coalesce(u.credits, 0) AS credits_posted
FROM ledger_account a
LEFT JOIN LATERAL (
    SELECT t.debits_posted, t.credits_posted FROM ledger_seal_total t WHERE t.account_id = a.id ORDER BY t.seal_id DESC LIMIT 1
) AS s ON true
LEFT JOIN (
    SELECT side.account_id, sum(side.debit) AS debits, sum(side.credit) AS credits
    FROM ledger_unsealed t, LATERAL (VALUES
        (t.debit_account_id, t.debits_customer, t.amount_minor, 0),
        (t.credit_account_id, t.credits_customer, 0, t.amount_minor)) AS side(account_id, customer, debit, credit)
    WHERE t.phase IN ('posted', 'post') AND NOT side.customer GROUP BY side.account_id
) AS u ON u.account_id = a.id;

-- What happened on customers' accounts, with what it did to them. `balance_minor` and `available_minor` run along.
CREATE VIEW ledger_movement AS
SELECT m.*,
    sum(m.posted_minor) OVER so_far AS balance_minor,
    sum(m.posted_minor - m.held_minor) OVER so_far AS available_minor
FROM (
    SELECT a.holder AS customer, a.entity, a.currency, t.id, t.kind, t.phase, t.key, t.effective_on, t.created_at,
        t.deposit, t.cause, t.about_id, t.source_id, o.code AS other_account,
        CASE WHEN t.phase IN ('posted', 'post') THEN t.amount_minor ELSE 0 END AS posted_minor, 0::bigint AS held_minor,
        CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0 ELSE - t.amount_minor END AS pending_in_minor
    FROM ledger_account a JOIN ledger_transfer t ON t.credit_account_id = a.id AND t.credits_customer
    JOIN ledger_account o ON o.id = t.debit_account_id WHERE a.kind = 'customer'
    UNION ALL
    SELECT a.holder, a.entity, a.currency, t.id, t.kind, t.phase, t.key, t.effective_on, t.created_at,
        t.deposit, t.cause, t.about_id, t.source_id, o.code,
        CASE WHEN t.phase IN ('posted', 'post') THEN - t.amount_minor ELSE 0 END,
        CASE t.phase WHEN 'pending' THEN t.amount_minor WHEN 'posted' THEN 0 ELSE - t.amount_minor END, 0
    FROM ledger_account a JOIN ledger_transfer t ON t.debit_account_id = a.id AND t.debits_customer
    JOIN ledger_account o ON o.id = t.credit_account_id WHERE a.kind = 'customer'
) AS m
WINDOW so_far AS (PARTITION BY m.customer, m.entity, m.currency ORDER BY m.id);

-- Each lot with the receipt and the deposit that it came from.
CREATE VIEW ledger_lot_detail AS
SELECT l.id, a.holder AS customer, a.entity, a.currency, credit.key AS credit_key, receipt.key AS source, t.deposit,
    t.effective_on, l.amount_minor, l.free_minor + l.reserved_minor AS remaining_minor, l.reserved_minor,
    CASE WHEN l.live THEN l.free_minor ELSE 0 END AS refundable_minor, l.live
FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id JOIN ledger_transfer t ON t.id = l.id
JOIN ledger_transfer credit ON credit.id = coalesce(t.pending_id, t.id)
LEFT JOIN ledger_transfer receipt ON receipt.id = t.source_id;

-- Which lot paid what: a row for each lot that a spending still rests on. (Joined to the view ledger_allocation, the key
-- of a spending would not reach its indexes.)
CREATE VIEW ledger_lot_use AS
SELECT a.use_id, a.use_key, a.kind, a.lot_id, - sum(a.amount_minor)::bigint AS amount_minor
FROM (
    SELECT c.use_id, u.key AS use_key, u.kind, c.lot_id, c.amount_minor
    FROM ledger_lot_change c JOIN ledger_transfer u ON u.id = c.use_id WHERE NOT c.reserves
    UNION ALL
    SELECT t.id, t.key, t.kind, l.id, - t.amount_minor
    FROM ledger_lot l JOIN ledger_transfer t ON t.debit_account_id = l.account_id AND t.debits_customer
        AND t.id > l.id AND t.lot_id = l.id
) AS a
GROUP BY a.use_id, a.use_key, a.kind, a.lot_id HAVING sum(a.amount_minor) < 0;

-- Every transfer as a journal line.
CREATE VIEW ledger_journal AS
SELECT t.id, t.effective_on, t.key, t.kind, t.phase, d.code AS debit, c.code AS credit, t.amount_minor, d.currency,
    t.cause, t.created_at
FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id;
