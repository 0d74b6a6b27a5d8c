-- What refunds rest on, read from the book and the bank's entries, and what holds of their approvals whoever writes them.

-- The payment that each lot came from. A credit that was moved made its lots by the move's key.
CREATE VIEW lot_origin AS
SELECT l.id AS lot_id, l.account_id, coalesce(c.id, m.credit_id) AS credit_id, p.id AS part_id
FROM ledger_lot l JOIN ledger_transfer t ON t.id = l.id
JOIN ledger_transfer made ON made.id = coalesce(t.pending_id, t.id)
LEFT JOIN credit c ON c.key = made.key
LEFT JOIN credit_move m ON m.key = made.key
LEFT JOIN credit moved ON moved.id = m.credit_id
LEFT JOIN bank_entry_part p ON p.id = coalesce(c.part_id, moved.part_id);

-- What each payout of a refund holds, or has used, of which lot.
CREATE VIEW payout_money AS
SELECT p.id AS payout_id, p.refund_id, o.lot_id, o.credit_id, o.part_id, - c.amount_minor AS amount_minor
FROM payout p JOIN ledger_transfer h ON h.key = p.hold_key AND h.leg = 0
JOIN ledger_lot_change c ON c.use_id = h.id AND c.transfer_id = h.id AND c.reserves
JOIN lot_origin o ON o.lot_id = c.lot_id
WHERE p.refund_id IS NOT NULL;

-- Who had a hand in a refund, and so does not approve it.
CREATE VIEW refund_hand AS
SELECT id AS refund_id, opened_by AS operator, 'opened it' AS how FROM refund WHERE opened_by <> ''
UNION
SELECT p.refund_id, y.entered_by, 'entered its account' FROM payout p JOIN payee y ON y.id = p.payee_id
WHERE p.refund_id IS NOT NULL AND y.entered_by <> ''
UNION
SELECT m.refund_id, who.operator, 'applied its money'
FROM payout_money m JOIN receipt_application a ON a.part_id = m.part_id AND a.stage = 'applied'
CROSS JOIN LATERAL (VALUES (a.proposed_by), (a.decided_by)) who (operator)
UNION
SELECT m.refund_id, who.operator, 'moved its money'
FROM payout_money m JOIN credit_move v ON v.credit_id = m.credit_id AND v.stage = 'applied'
CROSS JOIN LATERAL (VALUES (v.proposed_by), (v.decided_by)) who (operator)
UNION
SELECT m.refund_id, r.operator, 'released its money'
FROM payout_money m JOIN money_freeze f ON f.part_id = m.part_id JOIN freeze_release r ON r.freeze_id = f.id
UNION
SELECT m.refund_id, r.operator, 'released its money'
FROM payout_money m JOIN refund t ON t.id = m.refund_id
JOIN bank_entry_part p ON p.id = m.part_id JOIN bank_entry e ON e.id = p.entry_id
JOIN money_freeze f ON f.customer_id = t.customer_id AND f.ended_at >= e.created_at
JOIN freeze_release r ON r.freeze_id = f.id
UNION
SELECT m.refund_id, d.operator, 'released its bank file'
FROM payout_money m JOIN bank_entry_part p ON p.id = m.part_id JOIN bank_sighting s ON s.entry_id = p.entry_id
JOIN bank_file_decision d ON d.file_id = s.file_id AND d.signal = 'release'
UNION
SELECT m.refund_id, who.operator, 'resolved its bank entry'
FROM payout_money m JOIN bank_entry_part p ON p.id = m.part_id JOIN bank_quarantine q ON q.entry_id = p.entry_id
CROSS JOIN LATERAL (VALUES (q.resolved_by), (q.approved_by)) who (operator)
WHERE q.resolved_at IS NOT NULL;

CREATE FUNCTION refund_approval_of_another() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    what text := (SELECT min(how) FROM refund_hand
        WHERE refund_id = NEW.refund_id AND lower(btrim(operator)) = lower(btrim(NEW.operator)));
BEGIN
    IF what IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_approval_of_another',
            MESSAGE = 'Whoever ' || what || ' does not approve a refund.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_approval_of_another BEFORE INSERT ON refund_approval
    FOR EACH ROW EXECUTE FUNCTION refund_approval_of_another();

CREATE FUNCTION refund_approved_by_enough() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    SELECT count(DISTINCT lower(btrim(operator))) AS people, coalesce(bool_or(treasurer), false) AS treasurer INTO given
    FROM refund_approval WHERE refund_id = NEW.id AND content_hash = NEW.approved_hash;
    IF given.people < greatest(NEW.people, 1) OR NEW.treasurer AND NOT given.treasurer THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_approved_by_enough',
            MESSAGE = 'Refund ' || NEW.number || ' has not been approved by enough people.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_approved_by_enough BEFORE INSERT OR UPDATE OF stage, approved_hash ON refund
    FOR EACH ROW WHEN (NEW.stage = 'approved') EXECUTE FUNCTION refund_approved_by_enough();

CREATE FUNCTION payout_of_approved_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM refund WHERE id = NEW.refund_id AND stage = 'approved') THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_of_approved_refund',
            MESSAGE = 'Payout ' || NEW.end_to_end_id || ' is of a refund that is not approved.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_of_approved_refund BEFORE INSERT OR UPDATE OF stage, payee_id ON payout
    FOR EACH ROW WHEN (NEW.stage = 'ready' AND NEW.refund_id IS NOT NULL)
    EXECUTE FUNCTION payout_of_approved_refund();

-- What was approved is paid to whom it was approved for.
CREATE FUNCTION payout_keeps_its_payee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_keeps_its_payee',
        MESSAGE = 'Payout ' || OLD.end_to_end_id || ' is ' || OLD.stage || ': where it goes cannot be changed.';
END $$;
CREATE TRIGGER payout_keeps_its_payee BEFORE UPDATE OF payee_id ON payout
    FOR EACH ROW WHEN (OLD.stage <> 'planned' AND NEW.payee_id IS DISTINCT FROM OLD.payee_id)
    EXECUTE FUNCTION payout_keeps_its_payee();
