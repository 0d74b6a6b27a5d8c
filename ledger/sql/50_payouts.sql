-- Money that leaves: refunds of a customer's balance and returns of unapplied money, with what happens to their payouts.

-- Reserves money for a refund in named lots, or in the newest first. `p_lots` are keys of credits.
CREATE FUNCTION ledger_reserve_refund(p_key text, p_customer text, p_entity text, p_currency text, p_amount bigint,
    p_lots text[] DEFAULT NULL, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL)
RETURNS TABLE (transfer_id bigint, replayed boolean, lot_id bigint, credit_key text, source text, deposit text, amount_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    hash bytea := _ledger_hash('refund', p_customer, p_entity, p_currency, p_amount::text, p_lots::text,
        p_effective_on::text, p_cause);
    account ledger_account := _ledger_lock(p_customer, p_entity, p_currency);
    hold_id bigint := _ledger_known(p_key, hash);
    known boolean := hold_id IS NOT NULL;
BEGIN
    IF NOT known THEN
        PERFORM _ledger_may_spend(account, p_amount);
        hold_id := _ledger_reserve(p_key, 0, hash, account.id, p_amount,
            CASE WHEN p_lots IS NOT NULL THEN ARRAY(SELECT _ledger_lots_of(k) FROM unnest(p_lots) AS k) END,
            p_effective_on, p_cause, NULL);
    END IF;
    RETURN QUERY
    SELECT hold_id, known, a.lot_id, credit.key, receipt.key, t.deposit, - a.amount_minor
    FROM ledger_lot_change a JOIN ledger_transfer t ON t.id = a.lot_id
    LEFT JOIN ledger_transfer credit ON credit.id = coalesce(t.pending_id, t.id)
    LEFT JOIN ledger_transfer receipt ON receipt.id = t.source_id
    WHERE a.use_id = hold_id AND a.transfer_id = hold_id ORDER BY a.lot_id DESC;
END $$;

-- The lots that a credit, or the move of one, has made.
CREATE FUNCTION _ledger_lots_of(p_credit_key text) RETURNS SETOF bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT l.id FROM ledger_transfer t JOIN ledger_transfer made ON made.id = t.id OR made.pending_id = t.id
    JOIN ledger_lot l ON l.id = made.id WHERE t.key = p_credit_key ORDER BY l.id;
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB005', 'There is no credit ' || coalesce(quote_literal(p_credit_key), 'NULL') || '.',
            jsonb_build_object('noun', 'credit', 'key', p_credit_key));
    END IF;
END $$;

-- Writes the hold of a refund and what it reserves of which lot, newest first. The customer may spend so much.
-- Money that came back (`p_about`) prefers its lots; a new refund takes no others than those named.
CREATE FUNCTION _ledger_reserve(p_key text, p_leg integer, p_hash bytea, p_account_id bigint, p_amount bigint,
    p_lots bigint[], p_effective_on date, p_cause text, p_about bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
    hold_id bigint;
    missing bigint := p_amount;
    part bigint;
    lot record;
BEGIN
    SELECT * INTO account FROM ledger_account WHERE id = p_account_id;
    hold_id := _ledger_write(p_key, p_leg, p_hash, 'refund', 'pending', p_account_id, true,
        _ledger_house('in-transit', NULL, account.entity, account.currency), false, p_amount, p_effective_on, p_cause,
        p_about => p_about);
    INSERT INTO ledger_pending (id, account_id, kind, remaining_minor) VALUES (hold_id, p_account_id, 'refund', p_amount);
    FOR lot IN
        SELECT id, free_minor FROM ledger_lot
        WHERE account_id = p_account_id AND NOT spent AND live AND free_minor > 0
            AND (p_lots IS NULL OR id = ANY (p_lots) OR p_about IS NOT NULL)
        ORDER BY coalesce(id = ANY (p_lots), false) DESC, id DESC
    LOOP
        part := least(missing, lot.free_minor);
        UPDATE ledger_lot SET free_minor = free_minor - part, reserved_minor = reserved_minor + part WHERE id = lot.id;
        INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor, reserves)
        VALUES (hold_id, lot.id, hold_id, - part, true);
        missing := missing - part;
        EXIT WHEN missing = 0;
    END LOOP;
    IF missing > 0 THEN
        PERFORM _ledger_exceeds('Refundable money', p_amount, p_amount - missing, p_account_id);
    END IF;
    RETURN hold_id;
END $$;

-- Unapplied money goes back to its payer: pending unapplied → in-transit.
CREATE FUNCTION ledger_return_unapplied(p_key text, p_source text, p_amount bigint DEFAULT NULL,
    p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean, OUT amount_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('return', p_source, p_amount::text, p_effective_on::text, p_cause);
    receipt ledger_transfer := _ledger_named(p_source, ARRAY['receipt'], ARRAY['posted'], 'receipt');
    unapplied bigint;
BEGIN
    PERFORM 1 FROM ledger_transfer t WHERE t.id = receipt.id FOR UPDATE;
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        SELECT t.amount_minor INTO amount_minor FROM ledger_transfer t WHERE t.id = transfer_id;
        RETURN;
    END IF;
    unapplied := _ledger_unapplied(receipt.id);
    amount_minor := coalesce(p_amount, unapplied);
    IF amount_minor > unapplied OR unapplied = 0 THEN
        PERFORM _ledger_exceeds('The receipt ' || quote_literal(p_source), amount_minor, unapplied, receipt.credit_account_id);
    END IF;
    PERFORM _ledger_positive(amount_minor);
    transfer_id := _ledger_write(p_key, 0, hash, 'return', 'pending', receipt.credit_account_id, false,
        _ledger_sibling('in-transit', receipt.credit_account_id), false, amount_minor, p_effective_on, p_cause,
        p_source => receipt.id);
    INSERT INTO ledger_pending (id, kind, remaining_minor) VALUES (transfer_id, 'return', amount_minor);
END $$;

-- The house account of another kind with the same entity and currency.
CREATE FUNCTION _ledger_sibling(p_name text, p_account_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
BEGIN
    SELECT * INTO STRICT account FROM ledger_account WHERE id = p_account_id;
    RETURN _ledger_house_named(p_name, account.entity, account.currency);
END $$;

-- The payout of a refund or return is on its way to the bank: its hold is posted.
CREATE FUNCTION ledger_payout_sent(p_key text, p_hold_key text, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('sent', p_hold_key, p_effective_on::text, p_cause);
    hold ledger_transfer := _ledger_named(p_hold_key, ARRAY['refund', 'return'], ARRAY['pending'], 'refund or return');
    pending ledger_pending;
    account ledger_account;
BEGIN
    PERFORM _ledger_lock_side(hold);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    pending := _ledger_lock_pending(hold.id, p_hold_key, hold.kind);
    IF hold.kind = 'refund' THEN
        SELECT * INTO account FROM ledger_account WHERE id = hold.debit_account_id;
        PERFORM _ledger_no_receivable(account);
    END IF;
    transfer_id := _ledger_write(p_key, 0, hash, hold.kind, 'post', hold.debit_account_id, hold.debits_customer,
        hold.credit_account_id, false, pending.remaining_minor, p_effective_on, p_cause, p_pending => hold.id,
        p_closes => true, p_source => hold.source_id);
    DELETE FROM ledger_pending WHERE id = hold.id;
    IF hold.kind = 'refund' THEN
        PERFORM _ledger_use_reserved(hold.id, transfer_id);
    END IF;
END $$;

-- What a refund has reserved is used.
CREATE FUNCTION _ledger_use_reserved(p_hold_id bigint, p_sent_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM _ledger_unreserve(p_hold_id, p_sent_id);
    UPDATE ledger_lot l SET free_minor = l.free_minor + a.amount_minor, spent = l.free_minor + l.reserved_minor + a.amount_minor = 0
    FROM ledger_lot_change a WHERE a.use_id = p_hold_id AND a.transfer_id = p_hold_id AND l.id = a.lot_id;
    INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor)
    SELECT p_sent_id, a.lot_id, p_sent_id, a.amount_minor
    FROM ledger_lot_change a WHERE a.use_id = p_hold_id AND a.transfer_id = p_hold_id;
END $$;

CREATE FUNCTION _ledger_lock_side(t ledger_transfer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF t.debits_customer THEN
        PERFORM _ledger_lock_ids(ARRAY[t.debit_account_id]);
    END IF;
    PERFORM 1 FROM ledger_transfer WHERE id = t.id FOR UPDATE;
END $$;

-- The bank has booked a payout: in-transit → bank.
CREATE FUNCTION ledger_payout_settled(p_key text, p_sent_key text, p_account text, p_effective_on date DEFAULT NULL,
    p_cause text DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('settled', p_sent_key, p_account, p_effective_on::text, p_cause);
    sent ledger_transfer := _ledger_named(p_sent_key, ARRAY['refund', 'return'], ARRAY['post'], 'payout');
    bank bigint := _ledger_sibling('bank:' || p_account, sent.credit_account_id);
BEGIN
    PERFORM _ledger_lock_side(sent);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM ledger_transfer WHERE about_id = sent.id AND kind IN ('settlement', 'payout-return')) THEN
        PERFORM _ledger_refuse('PB006', 'The payout ' || quote_literal(p_sent_key) || ' is settled or returned already.',
            jsonb_build_object('noun', 'payout', 'key', p_sent_key));
    END IF;
    transfer_id := _ledger_write(p_key, 0, hash, 'settlement', 'posted', sent.credit_account_id, false, bank, false,
        sent.amount_minor, p_effective_on, p_cause, p_about => sent.id);
END $$;

-- A payout came back. Rejected, it never left the bank (no account). Returned, it comes in on a bank account, less a fee.
-- A refund can be held again at once, under a new hold key; what repaid a receivable meanwhile is not held.
CREATE FUNCTION ledger_payout_returned(p_key text, p_sent_key text, p_account text DEFAULT NULL, p_fee bigint DEFAULT 0,
    p_hold_key text DEFAULT NULL, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean, OUT hold_id bigint, OUT held_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('returned', p_sent_key, p_account, p_fee::text, p_hold_key, p_effective_on::text, p_cause);
    sent ledger_transfer := _ledger_named(p_sent_key, ARRAY['refund', 'return'], ARRAY['post'], 'payout');
    bank bigint := CASE WHEN p_account IS NOT NULL THEN _ledger_sibling('bank:' || p_account, sent.credit_account_id) END;
    fees bigint := _ledger_sibling('bank-fees', sent.credit_account_id);
BEGIN
    PERFORM _ledger_lock_side(sent);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        SELECT t.id, t.amount_minor INTO hold_id, held_minor FROM ledger_transfer t WHERE t.key = p_hold_key AND t.leg = 0;
        RETURN;
    END IF;
    PERFORM _ledger_may_return(sent, p_sent_key, p_account, p_fee, p_hold_key);
    IF bank IS NOT NULL AND sent.amount_minor > p_fee THEN
        PERFORM _ledger_write(p_key, 1, hash, 'bounce', 'posted', bank, false, sent.credit_account_id, false,
            sent.amount_minor - p_fee, p_effective_on, p_cause, p_about => sent.id);
    END IF;
    IF p_fee > 0 THEN
        PERFORM _ledger_write(p_key, 2, hash, 'fee', 'posted', fees, false, sent.credit_account_id, false,
            p_fee, p_effective_on, p_cause, p_about => sent.id);
    END IF;
    transfer_id := _ledger_write(p_key, 0, hash, 'payout-return', 'posted', sent.credit_account_id, false,
        sent.debit_account_id, sent.debits_customer, sent.amount_minor, p_effective_on, p_cause, p_about => sent.id,
        p_source => sent.source_id);
    IF sent.kind = 'refund' THEN
        held_minor := sent.amount_minor - _ledger_give_back(sent.debit_account_id, sent.id, sent.amount_minor,
            transfer_id, p_key, 3, hash, p_effective_on);
        IF p_hold_key IS NOT NULL AND held_minor > 0 THEN
            hold_id := _ledger_hold_again(p_hold_key, hash, sent.debit_account_id, held_minor, transfer_id, p_effective_on, p_cause);
        END IF;
    END IF;
    held_minor := CASE WHEN hold_id IS NOT NULL THEN held_minor END;
END $$;

CREATE FUNCTION _ledger_may_return(sent ledger_transfer, p_sent_key text, p_account text, p_fee bigint, p_hold_key text)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    settled boolean := EXISTS (SELECT FROM ledger_transfer WHERE about_id = sent.id AND kind = 'settlement');
BEGIN
    IF EXISTS (SELECT FROM ledger_transfer WHERE about_id = sent.id AND kind = 'payout-return') THEN
        PERFORM _ledger_refuse('PB006', 'The payout ' || quote_literal(p_sent_key) || ' came back already.',
            jsonb_build_object('noun', 'payout', 'key', p_sent_key));
    END IF;
    IF settled <> (p_account IS NOT NULL) THEN
        PERFORM _ledger_refuse('PB009', 'The payout ' || quote_literal(p_sent_key) || CASE WHEN settled
            THEN ' was booked by the bank: name the bank account that it came back to.'
            ELSE ' was not booked by the bank yet: settle it first, or name no bank account for a rejection.' END,
            jsonb_build_object('key', p_sent_key));
    END IF;
    IF p_fee IS NULL OR p_fee < 0 OR p_fee > (CASE WHEN settled THEN sent.amount_minor ELSE 0 END) THEN
        PERFORM _ledger_refuse('PB009', 'The fee of ' || coalesce(p_fee::text, 'NULL')
            || ' minor units cannot have been taken from the payout ' || quote_literal(p_sent_key) || '.',
            jsonb_build_object('key', p_sent_key, 'fee_minor', p_fee));
    END IF;
    IF p_hold_key IS NOT NULL AND sent.kind <> 'refund' THEN
        PERFORM _ledger_refuse('PB009', 'The payout ' || quote_literal(p_sent_key)
            || ' returned unapplied money: return it again instead of holding it.', jsonb_build_object('key', p_sent_key));
    END IF;
END $$;

-- Holds again what came back, in the lots that have just got it.
CREATE FUNCTION _ledger_hold_again(p_hold_key text, p_hash bytea, p_account_id bigint, p_amount bigint, p_about bigint,
    p_effective_on date, p_cause text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM _ledger_known(p_hold_key, p_hash);
    RETURN _ledger_reserve(p_hold_key, 0, p_hash, p_account_id, p_amount,
        ARRAY(SELECT lot_id FROM ledger_lot_change WHERE transfer_id = p_about), p_effective_on, p_cause, p_about);
END $$;
