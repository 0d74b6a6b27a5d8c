-- Money taken back: receipts that the bank reverses, and credits that belong to another customer.

-- Takes a whole lot from its customer, to a bank account or to another customer's. Refunds of that money
-- are voided first. What is available pays; the customer owes the rest. The lot's spent part moves to the oldest
-- remaining lots, so that what is left on the balance is money that did come. Answers the next free leg.
-- All accounts of a customer stand still, or move again. Returns how many there are.
CREATE FUNCTION ledger_freeze(p_customer text, p_frozen boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    frozen_accounts integer;
BEGIN
    PERFORM _ledger_lock_ids(ARRAY(SELECT id FROM ledger_account WHERE kind = 'customer' AND holder = p_customer));
    UPDATE ledger_account SET frozen = p_frozen WHERE kind = 'customer' AND holder = p_customer;
    GET DIAGNOSTICS frozen_accounts = ROW_COUNT;
    IF NOT p_frozen THEN
        PERFORM _ledger_ring_bills(ARRAY(SELECT id FROM ledger_account WHERE kind = 'customer' AND holder = p_customer AND bills_open));
    END IF;
    RETURN frozen_accounts;
END $$;

CREATE FUNCTION _ledger_withdraw(p_lot_id bigint, p_kind text, p_to bigint, p_to_customer boolean, p_source_id bigint,
    p_key text, p_leg integer, p_hash bytea, p_effective_on date, p_cause text, p_deposit text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    lot ledger_lot;
    account ledger_account;
    leg integer := p_leg;
    from_balance bigint;
    from_lot bigint;
    taken_id bigint;
    owed_id bigint;
    refund record;
BEGIN
    SELECT * INTO STRICT lot FROM ledger_lot WHERE id = p_lot_id;
    FOR refund IN
        SELECT p.id FROM ledger_pending p JOIN ledger_lot_change a ON a.use_id = p.id AND a.transfer_id = p.id
        WHERE a.lot_id = p_lot_id AND p.account_id = lot.account_id AND p.kind = 'refund' ORDER BY p.id
    LOOP
        PERFORM _ledger_void(refund.id, 'void', p_key, leg, p_hash, p_effective_on, p_cause);
        leg := leg + 1;
    END LOOP;
    SELECT * INTO STRICT account FROM ledger_account WHERE id = lot.account_id;
    from_balance := least(lot.amount_minor, account.available_minor);
    from_lot := least(lot.free_minor + lot.reserved_minor, from_balance);
    IF from_balance > 0 THEN
        taken_id := _ledger_write(p_key, leg, p_hash, p_kind, 'posted', account.id, true, p_to, p_to_customer,
            from_balance, p_effective_on, p_cause, p_source => p_source_id, p_about => lot.id, p_deposit => p_deposit);
        leg := leg + 1;
    END IF;
    IF from_balance < lot.amount_minor THEN
        owed_id := _ledger_write(p_key, leg, p_hash, p_kind, 'posted', account.receivable_id, true, p_to, p_to_customer,
            lot.amount_minor - from_balance, p_effective_on, p_cause, p_source => p_source_id, p_about => lot.id,
            p_deposit => p_deposit);
        PERFORM _ledger_note_owing(account.id, account.receivable_id);
        leg := leg + 1;
    END IF;
    PERFORM _ledger_shift(lot, from_lot, from_balance - from_lot, coalesce(taken_id, owed_id));
    IF p_to_customer THEN
        PERFORM _ledger_open_lot(t.id, p_to, t.amount_minor) FROM ledger_transfer t WHERE t.id IN (taken_id, owed_id) ORDER BY t.id;
    END IF;
    RETURN leg;
END $$;

-- Empties a lot for a withdrawal: `p_from_lot` of what remains, and all that was spent. Of the spent part, `p_movable`
-- is carried by other lots from now on, the oldest first; the rest by no lot, because the customer owes it.
CREATE FUNCTION _ledger_shift(p_lot ledger_lot, p_from_lot bigint, p_movable bigint, p_transfer_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    movable bigint := p_movable;
    spent_minor bigint := 0;
    used record;
BEGIN
    UPDATE ledger_lot SET live = false, free_minor = free_minor - p_from_lot, spent = free_minor + reserved_minor = p_from_lot
    WHERE id = p_lot.id;
    FOR used IN
        SELECT use_id, - sum(amount_minor)::bigint AS amount FROM ledger_allocation
        WHERE lot_id = p_lot.id AND NOT reserves GROUP BY use_id HAVING sum(amount_minor) < 0 ORDER BY use_id
    LOOP
        INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor)
        VALUES (used.use_id, p_lot.id, p_transfer_id, used.amount);
        PERFORM _ledger_use(p_lot.account_id, least(movable, used.amount), used.use_id, p_transfer_id);
        movable := movable - least(movable, used.amount);
        spent_minor := spent_minor + used.amount;
    END LOOP;
    IF p_from_lot + spent_minor > 0 THEN
        INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor)
        VALUES (p_transfer_id, p_lot.id, p_transfer_id, - (p_from_lot + spent_minor));
    END IF;
END $$;

-- Locks the customers whom a receipt was credited to, then the receipt. A credit that comes in between is tried again.
CREATE FUNCTION _ledger_lock_receipt(p_receipt_id bigint, p_more bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    locked bigint[] := _ledger_credited_by(p_receipt_id);
BEGIN
    PERFORM _ledger_lock_ids(locked || p_more);
    PERFORM 1 FROM ledger_transfer WHERE id = p_receipt_id FOR UPDATE;
    IF NOT _ledger_credited_by(p_receipt_id) <@ (locked || p_more) THEN
        RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'the receipt was credited to another customer meanwhile: try again';
    END IF;
END $$;

CREATE FUNCTION _ledger_credited_by(p_receipt_id bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT credit_account_id FROM ledger_transfer WHERE source_id = p_receipt_id AND credits_customer);
END $$;

-- The bank reverses a whole receipt. Credits before their value date and returns not yet sent are voided; unapplied
-- money goes; each customer's lots are withdrawn; what a return had sent out is unexplained, for a person.
CREATE FUNCTION ledger_reverse_receipt(p_key text, p_source text, p_amount bigint, p_effective_on date DEFAULT NULL,
    p_cause text DEFAULT NULL)
RETURNS TABLE (transfer_id bigint, replayed boolean, kind text, debit text, credit text, amount_minor bigint, voided_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    hash bytea := _ledger_hash('reversal', p_source, p_amount::text, p_effective_on::text, p_cause);
    receipt ledger_transfer := _ledger_named(p_source, ARRAY['receipt'], ARRAY['posted'], 'receipt');
    known boolean;
BEGIN
    PERFORM _ledger_lock_receipt(receipt.id, NULL);
    known := _ledger_known(p_key, hash) IS NOT NULL;
    IF NOT known THEN
        IF p_amount IS DISTINCT FROM receipt.amount_minor THEN
            PERFORM _ledger_exceeds('A reversal takes a whole receipt; ' || quote_literal(p_source), p_amount,
                receipt.amount_minor, receipt.credit_account_id);
        END IF;
        IF EXISTS (SELECT FROM ledger_transfer WHERE source_id = receipt.id AND kind = 'reversal') THEN
            PERFORM _ledger_refuse('PB006', 'The receipt ' || quote_literal(p_source) || ' is reversed already.',
                jsonb_build_object('noun', 'receipt', 'key', p_source));
        END IF;
        PERFORM _ledger_reverse(receipt, p_key, hash, p_effective_on, p_cause);
    END IF;
    RETURN QUERY SELECT w.transfer_id, known, w.kind, w.debit, w.credit, w.amount_minor, w.voided_key FROM _ledger_written(p_key) AS w;
END $$;

-- All transfers of a key, and the key of what each of them voided.
CREATE FUNCTION _ledger_written(p_key text)
RETURNS TABLE (transfer_id bigint, kind text, debit text, credit text, amount_minor bigint, voided_key text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.id, t.kind, d.code, c.code, t.amount_minor::bigint, v.key FROM ledger_transfer t
    JOIN ledger_account d ON d.id = t.debit_account_id JOIN ledger_account c ON c.id = t.credit_account_id
    LEFT JOIN ledger_transfer v ON v.id = t.pending_id AND t.phase = 'void'
    WHERE t.key = p_key ORDER BY t.leg;
END $$;

CREATE FUNCTION _ledger_reverse(receipt ledger_transfer, p_key text, p_hash bytea, p_effective_on date, p_cause text)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    leg integer := 0;
    gone bigint := receipt.amount_minor;
    unapplied bigint;
    item record;
BEGIN
    FOR item IN
        SELECT p.id FROM ledger_transfer t JOIN ledger_pending p ON p.id = t.id WHERE t.source_id = receipt.id ORDER BY p.id
    LOOP
        PERFORM _ledger_void(item.id, 'void', p_key, leg, p_hash, p_effective_on, p_cause);
        leg := leg + 1;
    END LOOP;
    unapplied := _ledger_unapplied(receipt.id);
    IF unapplied > 0 THEN
        PERFORM _ledger_write(p_key, leg, p_hash, 'reversal', 'posted', receipt.credit_account_id, false,
            receipt.debit_account_id, false, unapplied, p_effective_on, p_cause, p_source => receipt.id, p_about => receipt.id);
        leg := leg + 1;
    END IF;
    gone := gone - unapplied;
    FOR item IN
        SELECT l.* FROM ledger_transfer t JOIN ledger_lot l ON l.id = t.id WHERE t.source_id = receipt.id AND l.live ORDER BY l.id
    LOOP
        leg := _ledger_withdraw(item.id, 'reversal', receipt.debit_account_id, false, receipt.id, p_key, leg, p_hash,
            p_effective_on, p_cause);
        leg := leg + _ledger_repay_leg(item.account_id, p_key, leg, p_hash, p_effective_on, receipt.id);
        gone := gone - item.amount_minor;
    END LOOP;
    IF gone > 0 THEN
        PERFORM _ledger_write(p_key, leg, p_hash, 'reversal', 'posted',
            _ledger_sibling('unexplained', receipt.debit_account_id), false, receipt.debit_account_id, false, gone,
            p_effective_on, p_cause, p_source => receipt.id, p_about => receipt.id);
    ELSIF gone < 0 THEN
        -- What had been absorbed was never the bank's.
        PERFORM _ledger_write(p_key, leg, p_hash, 'reversal', 'posted', receipt.debit_account_id, false,
            _ledger_sibling('bank-fees', receipt.debit_account_id), false, - gone, p_effective_on, p_cause,
            p_source => receipt.id, p_about => receipt.id);
    END IF;
END $$;

-- Repays and answers how many legs that took.
CREATE FUNCTION _ledger_repay_leg(p_account_id bigint, p_key text, p_leg integer, p_hash bytea, p_effective_on date,
    p_about bigint) RETURNS integer
LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN _ledger_repay(p_account_id, p_key, p_leg, p_hash, p_effective_on, p_about) > 0 THEN 1 ELSE 0 END;
END $$;

-- A credit was given to the wrong customer: all of it goes to another one of the same entity and currency, and to a
-- deposit where one is known.
CREATE FUNCTION ledger_move_credit(p_key text, p_credit_key text, p_customer text, p_effective_on date DEFAULT NULL,
    p_cause text DEFAULT NULL, p_deposit text DEFAULT NULL)
RETURNS TABLE (transfer_id bigint, replayed boolean, kind text, debit text, credit text, amount_minor bigint, voided_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    hash bytea := _ledger_hash('move', p_credit_key, p_customer, p_effective_on::text, p_cause, p_deposit);
    lots bigint[] := ARRAY(SELECT _ledger_lots_of(p_credit_key));
    receipt_id bigint;
    giver ledger_account;
    taker_id bigint;
    known boolean;
    leg integer := 0;
    item record;
BEGIN
    SELECT a.* INTO STRICT giver FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id WHERE l.id = lots[1];
    SELECT source_id INTO STRICT receipt_id FROM ledger_transfer WHERE id = lots[1];
    SELECT id INTO taker_id FROM ledger_account
    WHERE code = 'customer:' || p_customer || ':' || giver.entity || ':' || giver.currency;
    IF taker_id IS NULL OR taker_id = giver.id THEN
        PERFORM _ledger_refuse('PB001', 'Customer ' || coalesce(p_customer, 'NULL') || ' has no other '
            || giver.currency || ' account with ' || giver.entity || ' that the credit could move to.',
            jsonb_build_object('customer', p_customer, 'entity', giver.entity, 'currency', giver.currency));
    END IF;
    PERFORM _ledger_lock_receipt(receipt_id, ARRAY[giver.id, taker_id]);
    known := _ledger_known(p_key, hash) IS NOT NULL;
    IF NOT known THEN
        FOR item IN SELECT * FROM ledger_lot WHERE id = ANY (lots) ORDER BY id LOOP
            IF NOT item.live THEN
                PERFORM _ledger_refuse('PB006', 'The credit ' || quote_literal(p_credit_key)
                    || ' was reversed or moved already.', jsonb_build_object('noun', 'credit', 'key', p_credit_key));
            END IF;
            leg := _ledger_withdraw(item.id, 'move', taker_id, true, receipt_id, p_key, leg, hash, p_effective_on,
                p_cause, p_deposit);
        END LOOP;
        leg := leg + _ledger_repay_leg(giver.id, p_key, leg, hash, p_effective_on, receipt_id);
        PERFORM _ledger_repay(taker_id, p_key, leg, hash, p_effective_on, receipt_id);
    END IF;
    RETURN QUERY SELECT w.transfer_id, known, w.kind, w.debit, w.credit, w.amount_minor, w.voided_key FROM _ledger_written(p_key) AS w;
END $$;
