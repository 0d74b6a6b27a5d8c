-- What the posting functions share. They run as the book's owner and nobody else may call them.
--
-- The rule of all postings: first lock the customers' accounts, in the order of their ids; only later
-- statements, each with a snapshot of its own, read keys, pending amounts and lots; then write.

CREATE FUNCTION _ledger_refuse(state text, message text, detail jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, DETAIL = detail::text;
END $$;

CREATE FUNCTION _ledger_hash(VARIADIC parts text[]) RETURNS bytea
LANGUAGE sql STABLE AS $$ SELECT sha256(convert_to(parts::text, 'UTF8')) $$;

CREATE FUNCTION _ledger_today() RETURNS date
LANGUAGE sql STABLE AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;

CREATE FUNCTION _ledger_names(VARIADIC names text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        IF coalesce(name, '') !~ '^[^:[:space:]]{1,60}$' THEN
            PERFORM _ledger_refuse('PB009', 'An account cannot be named after ' || coalesce(quote_literal(name), 'nothing')
                || ': use 1 to 60 characters without colons and spaces.', jsonb_build_object('name', name));
        END IF;
    END LOOP;
END $$;

-- The id of a house account; it is created when it is first needed.
CREATE FUNCTION _ledger_house(p_kind text, p_holder text, p_entity text, p_currency text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    wanted text := p_kind || coalesce(':' || p_holder, '') || ':' || p_entity || ':' || p_currency;
    found_id bigint;
BEGIN
    SELECT id INTO found_id FROM ledger_account WHERE code = wanted;
    IF found_id IS NOT NULL THEN
        RETURN found_id;
    END IF;
    IF p_kind NOT IN ('bank', 'unapplied', 'sales', 'in-transit', 'bank-fees', 'interest', 'unexplained', 'opening', 'company')
        OR (p_kind = 'bank') <> (p_holder IS NOT NULL) THEN
        PERFORM _ledger_refuse('PB001', 'There is no house account '
            || quote_literal(p_kind || coalesce(':' || p_holder, '')) || ' in the chart.',
            jsonb_build_object('account', wanted));
    END IF;
    PERFORM _ledger_names(p_entity, p_currency, coalesce(p_holder, '-'));
    INSERT INTO ledger_account (kind, holder, entity, currency, code)
    VALUES (p_kind, p_holder, p_entity, p_currency, wanted)
    ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT found_id FROM ledger_account WHERE code = wanted;
    RETURN found_id;
END $$;

-- A house account by its name without entity and currency: `bank-fees`, `bank:GIRO`.
CREATE FUNCTION _ledger_house_named(p_name text, p_entity text, p_currency text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN _ledger_house(split_part(p_name, ':', 1), nullif(substr(p_name, strpos(p_name || ':', ':') + 1), ''),
        p_entity, p_currency);
END $$;

CREATE FUNCTION _ledger_lock(p_customer text, p_entity text, p_currency text) RETURNS ledger_account
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
BEGIN
    SELECT * INTO account FROM ledger_account
    WHERE code = 'customer:' || p_customer || ':' || p_entity || ':' || p_currency FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB001', 'Customer ' || coalesce(p_customer, '?') || ' has no '
            || coalesce(p_currency, '?') || ' account with ' || coalesce(p_entity, '?') || '.',
            jsonb_build_object('customer', p_customer, 'entity', p_entity, 'currency', p_currency));
    END IF;
    RETURN account;
END $$;

-- The first transfer that this request has written before; the same key with another content is refused.
CREATE FUNCTION _ledger_known(p_key text, p_hash bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    known_id bigint;
    known_hash bytea;
BEGIN
    IF coalesce(p_key, '') = '' OR length(p_key) > 200 OR starts_with(p_key, 'ledger:') THEN
        PERFORM _ledger_refuse('PB009', 'The key ' || coalesce(quote_literal(left(p_key, 40)), 'NULL')
            || ' is no idempotency key: use 1 to 200 characters that do not begin with "ledger:".',
            jsonb_build_object('key', p_key));
    END IF;
    SELECT id, request_hash INTO known_id, known_hash FROM ledger_transfer WHERE key = p_key AND leg = 0;
    IF known_hash <> p_hash THEN
        PERFORM _ledger_refuse('PB003', 'The key ' || quote_literal(p_key)
            || ' was used before for another request: use a new key.', jsonb_build_object('key', p_key));
    END IF;
    RETURN known_id;
END $$;

CREATE FUNCTION _ledger_positive(p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_amount IS NULL OR p_amount <= 0 THEN
        PERFORM _ledger_refuse('PB009', 'An amount must be more than zero, not ' || coalesce(p_amount::text, 'NULL') || '.',
            jsonb_build_object('amount_minor', p_amount));
    END IF;
END $$;

CREATE FUNCTION _ledger_exceeds(p_what text, p_asked bigint, p_left bigint, p_account_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    unit text;
BEGIN
    SELECT currency INTO unit FROM ledger_account WHERE id = p_account_id;
    PERFORM _ledger_refuse('PB007', p_what || ' has ' || p_left || ' minor units of ' || unit || ' left, '
        || coalesce(p_asked::text, 'NULL') || ' are asked for.',
        jsonb_build_object('what', p_what, 'currency', unit, 'asked_minor', p_asked, 'left_minor', p_left));
END $$;

CREATE FUNCTION _ledger_receivable(p_receivable_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    owed bigint;
BEGIN
    SELECT debits_posted - credits_posted INTO owed FROM ledger_account WHERE id = p_receivable_id;
    RETURN owed;
END $$;

CREATE FUNCTION _ledger_no_receivable(account ledger_account) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    owed bigint := _ledger_receivable(account.receivable_id);
BEGIN
    PERFORM _ledger_not_frozen(account);
    IF owed > 0 THEN
        PERFORM _ledger_refuse('PB004', 'Customer ' || account.holder || ' owes ' || owed || ' minor units of '
            || account.currency || ' to ' || account.entity || ': nothing can be spent or refunded before that is repaid.',
            jsonb_build_object('customer', account.holder, 'entity', account.entity, 'currency', account.currency,
                'owed_minor', owed));
    END IF;
END $$;

CREATE FUNCTION _ledger_not_frozen(account ledger_account) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF account.frozen THEN
        PERFORM _ledger_refuse('PB011', 'The balance of customer ' || account.holder || ' is frozen: nothing can be spent or '
            || 'refunded before two compliance operators release it.', jsonb_build_object('customer', account.holder));
    END IF;
END $$;

-- Whether the customer may spend so much. The account is locked by the caller.
CREATE FUNCTION _ledger_may_spend(account ledger_account, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
BEGIN
    IF p_amount IS NULL OR p_amount <= 0 THEN
        PERFORM _ledger_positive(p_amount);
    END IF;
    IF account.frozen OR _ledger_receivable(account.receivable_id) > 0 THEN
        PERFORM _ledger_no_receivable(account);
    END IF;
    IF (account.available_minor >= p_amount) IS NOT TRUE THEN
        PERFORM _ledger_refuse('PB002', 'Customer ' || account.holder || ' has ' || account.available_minor || ' minor units of '
            || account.currency || ' available with ' || account.entity || ', ' || p_amount || ' are asked for.',
            jsonb_build_object('customer', account.holder, 'entity', account.entity, 'currency', account.currency,
                'asked_minor', p_amount, 'available_minor', account.available_minor));
    END IF;
END $$;

-- Writes one transfer and the running totals of those of its sides that are a customer's.
CREATE FUNCTION _ledger_write(
    p_key text, p_leg integer, p_hash bytea, p_kind text, p_phase ledger_phase,
    p_debit bigint, p_debits_customer boolean, p_credit bigint, p_credits_customer boolean,
    p_amount bigint, p_effective_on date, p_cause text,
    p_pending bigint DEFAULT NULL, p_closes boolean DEFAULT false, p_source bigint DEFAULT NULL,
    p_about bigint DEFAULT NULL, p_expires_at timestamptz DEFAULT NULL, p_value_on date DEFAULT NULL,
    p_deposit text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    new_id bigint;
    posts bigint := CASE WHEN p_phase IN ('posted', 'post') THEN p_amount ELSE 0 END;
    pends bigint := CASE p_phase WHEN 'pending' THEN p_amount WHEN 'posted' THEN 0 ELSE - p_amount END;
    grown bigint;
BEGIN
    INSERT INTO ledger_transfer (
        key, leg, request_hash, kind, phase, debit_account_id, debits_customer, credit_account_id, credits_customer,
        amount_minor, effective_on, cause, pending_id, closes, source_id, about_id, expires_at, value_on, deposit)
    VALUES (
        p_key, p_leg, p_hash, p_kind, p_phase, p_debit, p_debits_customer, p_credit, p_credits_customer,
        p_amount, coalesce(p_effective_on, _ledger_today()), p_cause, p_pending, p_closes, p_source, p_about,
        p_expires_at, p_value_on, p_deposit)
    RETURNING id INTO new_id;
    IF p_debits_customer THEN
        UPDATE ledger_account SET debits_posted = debits_posted + posts, debits_pending = debits_pending + pends,
            available_minor = available_minor - posts - pends
        WHERE id = p_debit RETURNING CASE WHEN bills_open AND posts + pends < 0 THEN id END INTO grown;
    END IF;
    IF p_credits_customer THEN
        UPDATE ledger_account SET credits_posted = credits_posted + posts, credits_pending = credits_pending + pends,
            available_minor = available_minor + posts
        WHERE id = p_credit RETURNING CASE WHEN bills_open AND posts > 0 THEN id END INTO grown;
    END IF;
    PERFORM _ledger_ring_bills(ARRAY[grown]) WHERE grown IS NOT NULL;
    RETURN new_id;
END $$;

-- Lets lots carry a spending: first what is left of lots that are no longer live, then the oldest.
CREATE FUNCTION _ledger_use(p_account_id bigint, p_amount bigint, p_use_id bigint, p_transfer_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    missing bigint := p_amount;
    part bigint;
    lot record;
BEGIN
    IF missing = 0 THEN
        RETURN;
    END IF;
    FOR lot IN
        SELECT id, free_minor FROM ledger_lot
        WHERE account_id = p_account_id AND NOT spent AND free_minor > 0 ORDER BY live, id
    LOOP
        part := least(missing, lot.free_minor);
        UPDATE ledger_lot SET free_minor = free_minor - part, spent = free_minor + reserved_minor = part
        WHERE id = lot.id;
        INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor)
        VALUES (p_use_id, lot.id, p_transfer_id, - part);
        missing := missing - part;
        EXIT WHEN missing = 0;
    END LOOP;
    IF missing > 0 THEN
        RAISE EXCEPTION USING MESSAGE = 'the lots of account ' || p_account_id || ' lack ' || missing;
    END IF;
END $$;

CREATE FUNCTION _ledger_note_owing(p_account_id bigint, p_receivable_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_account SET owes = _ledger_receivable(p_receivable_id) > 0 WHERE id = p_account_id;
END $$;

-- Pays what the customer owes from what is available. `p_without_lot` of it came from no lot.
CREATE FUNCTION _ledger_repay(p_account_id bigint, p_key text, p_leg integer, p_hash bytea, p_effective_on date,
    p_about bigint, p_without_lot bigint DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
    part bigint;
    repayment bigint;
BEGIN
    SELECT * INTO account FROM ledger_account WHERE id = p_account_id;
    part := least(account.available_minor, _ledger_receivable(account.receivable_id));
    IF part > 0 THEN
        repayment := _ledger_write(p_key, p_leg, p_hash, 'repayment', 'posted', account.id, true,
            account.receivable_id, true, part, p_effective_on, NULL, p_about => p_about);
        PERFORM _ledger_use(account.id, part - p_without_lot, repayment, repayment);
        PERFORM _ledger_note_owing(account.id, account.receivable_id);
    END IF;
    RETURN part;
END $$;

-- Credits a lot with what a posted transfer brought.
CREATE FUNCTION _ledger_open_lot(p_transfer_id bigint, p_account_id bigint, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_lot (id, account_id, amount_minor, free_minor)
    VALUES (p_transfer_id, p_account_id, p_amount, p_amount);
END $$;

CREATE FUNCTION _ledger_give_to_lot(p_transfer_id bigint, p_use_id bigint, p_lot_id bigint, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_lot SET free_minor = free_minor + p_amount, spent = false WHERE id = p_lot_id;
    INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor)
    VALUES (p_use_id, p_lot_id, p_transfer_id, p_amount);
END $$;

-- Money that was spent comes back to its lots, in reverse order of use. What no lot carries any more was paid by the
-- receivable: that shrinks first, then the lots that repaid it get theirs. Answers how much was repaid.
CREATE FUNCTION _ledger_give_back(p_account_id bigint, p_use_id bigint, p_amount bigint, p_transfer_id bigint,
    p_key text, p_leg integer, p_hash bytea, p_effective_on date) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    missing bigint := p_amount;
    owed bigint;
    part bigint;
    used record;
BEGIN
    FOR used IN
        SELECT a.lot_id, - sum(a.amount_minor)::bigint AS amount FROM ledger_allocation a
        JOIN ledger_lot l ON l.id = a.lot_id AND l.live
        WHERE a.use_id = p_use_id AND NOT a.reserves
        GROUP BY a.lot_id HAVING sum(a.amount_minor) < 0 ORDER BY max(a.transfer_id) FILTER (WHERE a.amount_minor < 0) DESC, a.lot_id DESC
    LOOP
        part := least(missing, used.amount);
        PERFORM _ledger_give_to_lot(p_transfer_id, p_use_id, used.lot_id, part);
        missing := missing - part;
        EXIT WHEN missing = 0;
    END LOOP;
    SELECT least(missing, r.debits_posted - r.credits_posted) INTO owed
    FROM ledger_account c JOIN ledger_account r ON r.id = c.receivable_id WHERE c.id = p_account_id;
    missing := missing - owed;
    IF missing > 0 THEN
        PERFORM _ledger_give_to_repayers(p_account_id, missing, p_transfer_id);
    END IF;
    RETURN _ledger_repay(p_account_id, p_key, p_leg, p_hash, p_effective_on, p_transfer_id, owed);
END $$;

CREATE FUNCTION _ledger_give_to_repayers(p_account_id bigint, p_amount bigint, p_transfer_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    missing bigint := p_amount;
    part bigint;
    used record;
BEGIN
    FOR used IN
        SELECT a.use_id, a.lot_id, - sum(a.amount_minor)::bigint AS amount FROM ledger_transfer t
        JOIN ledger_lot_change a ON a.use_id = t.id
        JOIN ledger_lot l ON l.id = a.lot_id AND l.live
        WHERE t.debit_account_id = p_account_id AND t.debits_customer AND t.kind = 'repayment'
        GROUP BY a.use_id, a.lot_id HAVING sum(a.amount_minor) < 0
        ORDER BY a.use_id DESC, max(a.transfer_id) FILTER (WHERE a.amount_minor < 0) DESC, a.lot_id DESC
    LOOP
        part := least(missing, used.amount);
        PERFORM _ledger_give_to_lot(p_transfer_id, used.use_id, used.lot_id, part);
        missing := missing - part;
        EXIT WHEN missing = 0;
    END LOOP;
    IF missing > 0 THEN
        RAISE EXCEPTION USING MESSAGE = 'no lot of account ' || p_account_id || ' takes ' || missing || ' back';
    END IF;
END $$;

-- Frees what a refund has reserved of its lots.
CREATE FUNCTION _ledger_unreserve(p_hold_id bigint, p_transfer_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_lot l
    SET free_minor = l.free_minor - a.amount_minor, reserved_minor = l.reserved_minor + a.amount_minor
    FROM ledger_lot_change a WHERE a.use_id = p_hold_id AND a.transfer_id = p_hold_id AND l.id = a.lot_id;
    INSERT INTO ledger_lot_change (use_id, lot_id, transfer_id, amount_minor, reserves)
    SELECT a.use_id, a.lot_id, p_transfer_id, - a.amount_minor, true
    FROM ledger_lot_change a WHERE a.use_id = p_hold_id AND a.transfer_id = p_hold_id;
END $$;

-- Voids all that is left of a pending transfer.
CREATE FUNCTION _ledger_void(p_pending_id bigint, p_kind text, p_key text, p_leg integer, p_hash bytea,
    p_effective_on date, p_cause text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    pending ledger_transfer;
    new_id bigint;
    remaining bigint;
BEGIN
    SELECT * INTO STRICT pending FROM ledger_transfer WHERE id = p_pending_id;
    DELETE FROM ledger_pending WHERE id = p_pending_id RETURNING remaining_minor INTO STRICT remaining;
    new_id := _ledger_write(p_key, p_leg, p_hash, p_kind, 'void', pending.debit_account_id, pending.debits_customer,
        pending.credit_account_id, pending.credits_customer, remaining, p_effective_on, p_cause,
        p_pending => pending.id, p_closes => true, p_source => pending.source_id);
    IF pending.kind = 'refund' THEN
        PERFORM _ledger_unreserve(pending.id, new_id);
    END IF;
    RETURN new_id;
END $$;

CREATE FUNCTION _ledger_lock_ids(p_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_account WHERE id = ANY (p_ids) ORDER BY id FOR UPDATE;
END $$;

-- The first transfer of a key that must be of one of these kinds and phases.
CREATE FUNCTION _ledger_named(p_key text, p_kinds text[], p_phases text[], p_noun text) RETURNS ledger_transfer
LANGUAGE plpgsql AS $$
DECLARE
    named ledger_transfer;
BEGIN
    SELECT * INTO named FROM ledger_transfer
    WHERE key = p_key AND leg = 0 AND kind = ANY (p_kinds) AND phase::text = ANY (p_phases);
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB005', 'There is no ' || p_noun || ' ' || coalesce(quote_literal(p_key), 'NULL') || '.',
            jsonb_build_object('noun', p_noun, 'key', p_key));
    END IF;
    RETURN named;
END $$;

-- Locks a pending transfer, after its customer's account, and answers what is left of it; closed ones are refused.
CREATE FUNCTION _ledger_lock_pending(p_id bigint, p_key text, p_noun text) RETURNS ledger_pending
LANGUAGE plpgsql AS $$
DECLARE
    pending ledger_pending;
BEGIN
    SELECT * INTO pending FROM ledger_pending WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB006', 'The ' || p_noun || ' ' || quote_literal(p_key) || ' is closed already.',
            jsonb_build_object('noun', p_noun, 'key', p_key));
    END IF;
    RETURN pending;
END $$;
