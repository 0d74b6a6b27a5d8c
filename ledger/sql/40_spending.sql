-- Spending: payments, holds with their captures, and what comes back from an order or a bill.

-- Pays an order or a bill. The most frequent posting is written for speed. Its first statement locks the account and
-- debits it, if it has the money when the lock is there; lots and key are looked at after that. Three short statements
-- cost less than one of three parts, which takes longer to set up than to run, and each name of a function or operator in
-- them costs a look at its rights. Where nothing was written, the slow way says why.
CREATE FUNCTION ledger_pay(p_key text, p_customer text, p_entity text, p_currency text, p_amount bigint,
    p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('pay', p_customer, p_entity, p_currency, p_amount::text, p_effective_on::text, p_cause);
    account_code text := 'customer:' || p_customer || ':' || p_entity || ':' || p_currency;
    payer bigint;
    sales bigint;
    from_lot bigint;
BEGIN
    -- Payments of one customer queue here: at the row itself all that wait would wake at each commit. Only who has no
    -- row locked yet may wait here, so that nobody who waits at a row can be waiting for it; the row's own lock is what
    -- protects the account. (The assignment takes no statement.)
    replayed := pg_current_xact_id_if_assigned() IS NULL
        AND pg_advisory_xact_lock(hashtextextended(account_code, 0)) IS NULL;
    FOR attempt IN 1 .. 2 LOOP
        UPDATE ledger_account SET available_minor = available_minor - p_amount, debits_posted = debits_posted + p_amount
        WHERE code = account_code AND NOT owes AND NOT frozen AND p_amount > 0 AND p_amount <= available_minor
            AND length(p_key) BETWEEN 1 AND 200 AND NOT starts_with(p_key, 'ledger:')
        RETURNING id, sales_id INTO payer, sales;
        IF FOUND THEN
            UPDATE ledger_lot SET free_minor = free_minor - p_amount, spent = free_minor + reserved_minor = p_amount
            WHERE free_minor >= p_amount AND id = (
                SELECT id FROM ledger_lot WHERE account_id = payer AND NOT spent AND free_minor > 0
                ORDER BY live, id LIMIT 1)
            RETURNING id INTO from_lot;
            INSERT INTO ledger_transfer (key, leg, request_hash, kind, phase, debit_account_id, debits_customer,
                credit_account_id, credits_customer, amount_minor, lot_id, effective_on, cause)
            VALUES (p_key, 0, hash, 'pay', 'posted', payer, true, sales, false, p_amount, from_lot,
                coalesce(p_effective_on, _ledger_today()), p_cause)
            ON CONFLICT (key, leg) DO NOTHING RETURNING id INTO transfer_id;
            IF FOUND THEN
                IF from_lot IS NULL THEN
                    PERFORM _ledger_use(payer, p_amount, transfer_id, transfer_id);
                END IF;
                RETURN;
            END IF;
            -- The key is known: nothing is paid twice.
            UPDATE ledger_lot SET free_minor = free_minor + p_amount, spent = false WHERE id = from_lot;
            UPDATE ledger_account SET available_minor = available_minor + p_amount, debits_posted = debits_posted - p_amount
            WHERE id = payer;
        END IF;
        transfer_id := _ledger_pay_known(p_key, hash, p_customer, p_entity, p_currency, p_amount);
        IF transfer_id IS NOT NULL THEN
            replayed := true;
            RETURN;
        END IF;
    END LOOP;
    RAISE EXCEPTION USING MESSAGE = 'the payment ' || quote_literal(p_key) || ' was neither written nor refused';
END $$;

-- A payment that wrote nothing: it is known already, or refused, or a credit that it waited for has come meanwhile; then
-- it is to be tried again, under the lock that is held now.
CREATE FUNCTION _ledger_pay_known(p_key text, p_hash bytea, p_customer text, p_entity text, p_currency text,
    p_amount bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account := _ledger_lock(p_customer, p_entity, p_currency);
    known_id bigint := _ledger_known(p_key, p_hash);
BEGIN
    IF known_id IS NULL THEN
        PERFORM _ledger_may_spend(account, p_amount);
    END IF;
    RETURN known_id;
END $$;

-- Sets money aside for an order until it is captured or voided, or time runs out.
CREATE FUNCTION ledger_hold(p_key text, p_customer text, p_entity text, p_currency text, p_amount bigint,
    p_expires_at timestamptz DEFAULT NULL, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('hold', p_customer, p_entity, p_currency, p_amount::text,
        extract(epoch FROM p_expires_at)::text, p_effective_on::text, p_cause);
    account ledger_account := _ledger_lock(p_customer, p_entity, p_currency);
BEGIN
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    PERFORM _ledger_may_spend(account, p_amount);
    IF p_expires_at <= clock_timestamp() THEN
        PERFORM _ledger_refuse('PB009', 'The hold would end at ' || p_expires_at || ', which is past: name a later time.',
            jsonb_build_object('expires_at', p_expires_at));
    END IF;
    transfer_id := _ledger_write(p_key, 0, hash, 'hold', 'pending', account.id, true,
        _ledger_house('sales', NULL, p_entity, p_currency), false, p_amount, p_effective_on, p_cause,
        p_expires_at => p_expires_at);
    INSERT INTO ledger_pending (id, account_id, kind, remaining_minor, expires_at)
    VALUES (transfer_id, account.id, 'hold', p_amount, p_expires_at);
END $$;

-- Takes a part of a hold, or all that is left of it. A final part frees the rest. A hold is a promise already given:
-- it can be captured while the customer owes, but not after it has expired, swept or not, nor while the money is frozen.
CREATE FUNCTION ledger_capture(p_key text, p_hold_key text, p_amount bigint DEFAULT NULL, p_final boolean DEFAULT false,
    p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('capture', p_hold_key, p_amount::text, p_final::text, p_effective_on::text, p_cause);
    hold ledger_transfer := _ledger_named(p_hold_key, ARRAY['hold'], ARRAY['pending'], 'hold');
    pending ledger_pending;
    account ledger_account;
    part bigint;
BEGIN
    PERFORM _ledger_lock_ids(ARRAY[hold.debit_account_id]);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    SELECT * INTO account FROM ledger_account WHERE id = hold.debit_account_id;
    PERFORM _ledger_not_frozen(account);
    pending := _ledger_lock_pending(hold.id, p_hold_key, 'hold');
    IF hold.expires_at <= clock_timestamp() THEN
        PERFORM _ledger_refuse('PB006', 'The hold ' || quote_literal(p_hold_key) || ' ended at ' || hold.expires_at || '.',
            jsonb_build_object('noun', 'hold', 'key', p_hold_key, 'expired_at', hold.expires_at));
    END IF;
    part := coalesce(p_amount, pending.remaining_minor);
    PERFORM _ledger_positive(part);
    IF part > pending.remaining_minor THEN
        PERFORM _ledger_exceeds('The hold ' || quote_literal(p_hold_key), part, pending.remaining_minor, hold.debit_account_id);
    END IF;
    transfer_id := _ledger_write(p_key, 0, hash, 'capture', 'post', hold.debit_account_id, true, hold.credit_account_id,
        false, part, p_effective_on, p_cause, p_pending => hold.id, p_closes => part = pending.remaining_minor);
    PERFORM _ledger_use(hold.debit_account_id, part, transfer_id, transfer_id);
    IF part = pending.remaining_minor THEN
        DELETE FROM ledger_pending WHERE id = hold.id;
        RETURN;
    END IF;
    UPDATE ledger_pending SET remaining_minor = remaining_minor - part WHERE id = hold.id;
    IF p_final THEN
        PERFORM _ledger_void(hold.id, 'void', p_key, 1, hash, p_effective_on, p_cause);
        PERFORM _ledger_repay(hold.debit_account_id, p_key, 2, hash, p_effective_on, transfer_id);
    END IF;
END $$;

-- Gives up what is left of any pending transfer: a hold, a refund, a return, a credit before its value date.
CREATE FUNCTION ledger_void(p_key text, p_hold_key text, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('void', p_hold_key, p_effective_on::text, p_cause);
    hold ledger_transfer := _ledger_named(p_hold_key, ARRAY['hold', 'refund', 'return', 'credit'], ARRAY['pending'], 'hold');
    pending ledger_pending;
BEGIN
    PERFORM _ledger_lock_pendings(ARRAY[p_hold_key]);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    pending := _ledger_lock_pending(hold.id, p_hold_key, hold.kind);
    transfer_id := _ledger_void(hold.id, 'void', p_key, 0, hash, p_effective_on, p_cause);
    IF hold.debits_customer THEN
        PERFORM _ledger_repay(hold.debit_account_id, p_key, 1, hash, p_effective_on, transfer_id);
    END IF;
END $$;

-- Voids the holds whose time has run out.
CREATE FUNCTION ledger_expire_holds(p_limit integer DEFAULT 1000)
RETURNS TABLE (hold_key text, transfer_id bigint, customer text, cause text, amount_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ids bigint[] := ARRAY(SELECT id FROM ledger_pending WHERE expires_at <= clock_timestamp() ORDER BY expires_at, id LIMIT p_limit);
    expired record;
    expiry_key text;
    hash bytea;
BEGIN
    PERFORM _ledger_lock_ids(ARRAY(SELECT account_id FROM ledger_pending WHERE id = ANY (ids)));
    FOR expired IN
        SELECT t.*, p.remaining_minor, a.holder FROM ledger_pending p JOIN ledger_transfer t ON t.id = p.id
        JOIN ledger_account a ON a.id = p.account_id WHERE p.id = ANY (ids) ORDER BY p.id
    LOOP
        expiry_key := 'ledger:expiry:' || expired.id;
        hash := _ledger_hash('expiry', expired.id::text);
        transfer_id := _ledger_void(expired.id, 'expiry', expiry_key, 0, hash, NULL, expired.cause);
        PERFORM _ledger_repay(expired.debit_account_id, expiry_key, 1, hash, NULL, transfer_id);
        hold_key := expired.key;
        customer := expired.holder;
        cause := expired.cause;
        amount_minor := expired.remaining_minor;
        RETURN NEXT;
    END LOOP;
END $$;

-- An order is refunded, in whole or in parts: sales → customer, and its lots come back. Named by a hold, all that was
-- captured of it is refunded, the last capture first. What a bill paid comes back when the bill is voided, not here.
CREATE FUNCTION ledger_refund_order(p_key text, p_payment_key text, p_amount bigint DEFAULT NULL,
    p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('order-refund', p_payment_key, p_amount::text, p_effective_on::text, p_cause);
    payment ledger_transfer := _ledger_named(p_payment_key, ARRAY['pay', 'capture', 'hold'],
        ARRAY['posted', 'post', 'pending'], 'payment');
    payments bigint[] := ARRAY[payment.id];
    unrefunded bigint;
    part bigint;
BEGIN
    PERFORM _ledger_lock_ids(ARRAY[payment.debit_account_id]);
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM bill_payment b WHERE b.transfer_id = payment.id) THEN
        PERFORM _ledger_refuse('PB009', 'The payment ' || quote_literal(p_payment_key)
            || ' paid a bill: void the bill to give it back.', jsonb_build_object('key', p_payment_key));
    END IF;
    IF payment.kind = 'hold' THEN
        payments := ARRAY(SELECT id FROM ledger_transfer WHERE pending_id = payment.id AND kind = 'capture' ORDER BY id DESC);
    END IF;
    unrefunded := coalesce((SELECT sum(_ledger_unrefunded(p)) FROM unnest(payments) AS p), 0);
    part := coalesce(p_amount, unrefunded);
    IF part > unrefunded OR unrefunded = 0 THEN
        PERFORM _ledger_exceeds('The payment ' || quote_literal(p_payment_key), part, unrefunded, payment.debit_account_id);
    END IF;
    PERFORM _ledger_positive(part);
    transfer_id := _ledger_refund_payments(payments, part, p_key, hash, p_effective_on, p_cause);
END $$;

-- What of a payment has not been given back.
CREATE FUNCTION _ledger_unrefunded(p_payment_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT amount_minor FROM ledger_transfer WHERE id = p_payment_id) - coalesce((
        SELECT sum(amount_minor) FROM ledger_transfer WHERE about_id = p_payment_id AND kind = 'order-refund'), 0);
END $$;

-- Gives so much of these payments of one customer back, in their order. Answers the first transfer.
CREATE FUNCTION _ledger_refund_payments(p_payments bigint[], p_amount bigint, p_key text, p_hash bytea,
    p_effective_on date, p_cause text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    payment ledger_transfer;
    missing bigint := p_amount;
    part bigint;
    leg integer := 0;
    first_id bigint;
    new_id bigint;
    payment_id bigint;
BEGIN
    FOREACH payment_id IN ARRAY p_payments LOOP
        SELECT * INTO STRICT payment FROM ledger_transfer WHERE id = payment_id;
        part := least(missing, _ledger_unrefunded(payment_id));
        CONTINUE WHEN part = 0;
        new_id := _ledger_write(p_key, leg, p_hash, 'order-refund', 'posted', payment.credit_account_id, false,
            payment.debit_account_id, true, part, p_effective_on, p_cause, p_about => payment.id);
        PERFORM _ledger_give_back(payment.debit_account_id, payment.id, part, new_id, p_key, leg + 1, p_hash, p_effective_on);
        first_id := coalesce(first_id, new_id);
        leg := leg + 2;
        missing := missing - part;
    END LOOP;
    RETURN first_id;
END $$;

-- Many at once, all or nothing: every account is locked first, in the order of ids.
CREATE FUNCTION _ledger_lock_customers(p_customers text[], p_entities text[], p_currencies text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_account WHERE code IN (
        SELECT 'customer:' || i.customer || ':' || i.entity || ':' || i.currency
        FROM unnest(p_customers, p_entities, p_currencies) AS i(customer, entity, currency)) ORDER BY id FOR UPDATE;
END $$;

CREATE FUNCTION _ledger_lock_pendings(p_keys text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_account WHERE id IN (
        SELECT CASE WHEN t.debits_customer THEN t.debit_account_id ELSE t.credit_account_id END
        FROM ledger_transfer t WHERE t.key = ANY (p_keys) AND t.leg = 0 AND (t.debits_customer OR t.credits_customer))
    ORDER BY id FOR UPDATE;
END $$;

CREATE FUNCTION ledger_pay_many(p_keys text[], p_customers text[], p_entities text[], p_currencies text[],
    p_amounts bigint[], p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM _ledger_lock_customers(p_customers, p_entities, p_currencies);
    FOR n IN 1 .. cardinality(p_keys) LOOP
        key := p_keys[n];
        SELECT p.transfer_id, p.replayed INTO transfer_id, replayed FROM ledger_pay(p_keys[n], p_customers[n], p_entities[n],
            p_currencies[n], p_amounts[n], p_effective_on[n], p_causes[n]) AS p;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION ledger_hold_many(p_keys text[], p_customers text[], p_entities text[], p_currencies text[],
    p_amounts bigint[], p_expires_at timestamptz[], p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM _ledger_lock_customers(p_customers, p_entities, p_currencies);
    FOR n IN 1 .. cardinality(p_keys) LOOP
        key := p_keys[n];
        SELECT h.transfer_id, h.replayed INTO transfer_id, replayed FROM ledger_hold(p_keys[n], p_customers[n],
            p_entities[n], p_currencies[n], p_amounts[n], p_expires_at[n], p_effective_on[n], p_causes[n]) AS h;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION ledger_capture_many(p_keys text[], p_hold_keys text[], p_amounts bigint[], p_finals boolean[],
    p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM _ledger_lock_pendings(p_hold_keys);
    FOR n IN 1 .. cardinality(p_keys) LOOP
        key := p_keys[n];
        SELECT c.transfer_id, c.replayed INTO transfer_id, replayed FROM ledger_capture(p_keys[n], p_hold_keys[n],
            p_amounts[n], p_finals[n], p_effective_on[n], p_causes[n]) AS c;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION ledger_void_many(p_keys text[], p_hold_keys text[], p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM _ledger_lock_pendings(p_hold_keys);
    FOR n IN 1 .. cardinality(p_keys) LOOP
        key := p_keys[n];
        SELECT v.transfer_id, v.replayed INTO transfer_id, replayed FROM ledger_void(p_keys[n], p_hold_keys[n],
            p_effective_on[n], p_causes[n]) AS v;
        RETURN NEXT;
    END LOOP;
END $$;

-- For callers that compose several postings of different customers in one transaction.
CREATE FUNCTION ledger_lock_customers(p_customers text[], p_entities text[], p_currencies text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM _ledger_lock_customers(p_customers, p_entities, p_currencies);
END $$;
