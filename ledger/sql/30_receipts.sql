-- Accounts, and the money that a bank books: receipts, credits, debits. Sets of about 1,000 a call.
--
-- Set functions keep to generic plans and scalar lookups: planned for the arrays of one call, with statistics of a
-- moment before, the joins took seconds.

CREATE FUNCTION ledger_open_customer(p_customer text, p_entity text, p_currency text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    account_id bigint;
    owed_id bigint;
    house text;
    suffix text := ':' || p_customer || ':' || p_entity || ':' || p_currency;
BEGIN
    PERFORM _ledger_names(p_customer, p_entity, p_currency);
    FOREACH house IN ARRAY ARRAY['bank-fees', 'in-transit', 'sales', 'unapplied', 'unexplained'] LOOP
        PERFORM _ledger_house(house, NULL, p_entity, p_currency);
    END LOOP;
    INSERT INTO ledger_account (kind, holder, entity, currency, code)
    VALUES ('receivable', p_customer, p_entity, p_currency, 'receivable' || suffix) ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT owed_id FROM ledger_account WHERE code = 'receivable' || suffix;
    INSERT INTO ledger_account (kind, holder, entity, currency, code, receivable_id, sales_id, available_minor, credits_posted)
    VALUES ('customer', p_customer, p_entity, p_currency, 'customer' || suffix, owed_id,
        _ledger_house('sales', NULL, p_entity, p_currency), 0, NULL) ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT account_id FROM ledger_account WHERE code = 'customer' || suffix;
    RETURN account_id;
END $$;

-- House to house, many at once: what a statement of a bank brings. Keys decide, so no lock is taken.
CREATE FUNCTION _ledger_book_many(p_keys text[], p_debits text[], p_credits text[], p_entities text[], p_currencies text[],
    p_amounts bigint[], p_effective_on date[], p_causes text[], p_kind text)
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    new_ids bigint[];
    new_keys text[];
    house record;
    reused text;
BEGIN
    PERFORM _ledger_known(k, NULL) FROM unnest(p_keys) AS k WHERE coalesce(k, '') = '' OR length(k) > 200 OR starts_with(k, 'ledger:');
    PERFORM _ledger_positive(a) FROM unnest(p_amounts) AS a WHERE a <= 0 OR a IS NULL;
    FOR house IN
        SELECT DISTINCT h.name, i.entity, i.currency
        FROM unnest(p_debits, p_credits, p_entities, p_currencies) AS i(debit, credit, entity, currency),
            LATERAL (VALUES (i.debit), (i.credit)) AS h(name)
        ORDER BY 1, 2, 3
    LOOP
        PERFORM _ledger_house_named(house.name, house.entity, house.currency);
    END LOOP;
    WITH new AS (
        INSERT INTO ledger_transfer (key, leg, request_hash, kind, phase, debit_account_id, debits_customer,
            credit_account_id, credits_customer, amount_minor, effective_on, cause)
        SELECT i.key, 0, _ledger_hash(p_kind, i.debit, i.credit, i.entity, i.currency, i.amount::text,
                i.effective_on::text, i.cause),
            p_kind, 'posted', (SELECT id FROM ledger_account WHERE code = i.debit || ':' || i.entity || ':' || i.currency), false,
            (SELECT id FROM ledger_account WHERE code = i.credit || ':' || i.entity || ':' || i.currency), false, i.amount,
            coalesce(i.effective_on, _ledger_today()), i.cause
        FROM unnest(p_keys, p_debits, p_credits, p_entities, p_currencies, p_amounts, p_effective_on, p_causes)
            WITH ORDINALITY AS i(key, debit, credit, entity, currency, amount, effective_on, cause, n)
        ORDER BY i.key, i.n
        ON CONFLICT (key, leg) DO NOTHING RETURNING id, key
    )
    SELECT array_agg(id), array_agg(key) INTO new_ids, new_keys FROM new;
    IF cardinality(new_ids) = cardinality(p_keys) THEN
        RETURN QUERY SELECT i.n::integer, i.key, f.id, false
        FROM unnest(p_keys) WITH ORDINALITY AS i(key, n) JOIN unnest(new_ids, new_keys) AS f(id, key) USING (key) ORDER BY i.n;
        RETURN;
    END IF;
    SELECT i.key INTO reused
    FROM unnest(p_keys, p_debits, p_credits, p_entities, p_currencies, p_amounts, p_effective_on, p_causes)
        AS i(key, debit, credit, entity, currency, amount, effective_on, cause)
    LEFT JOIN ledger_transfer t ON t.key = i.key AND t.leg = 0
    WHERE t.request_hash IS DISTINCT FROM
        _ledger_hash(p_kind, i.debit, i.credit, i.entity, i.currency, i.amount::text, i.effective_on::text, i.cause)
    LIMIT 1;
    IF FOUND THEN
        PERFORM _ledger_known(reused, '');
    END IF;
    RETURN QUERY
    SELECT i.n::integer, i.key, t.id, f.id IS NULL OR i.n <> min(i.n) OVER (PARTITION BY i.key)
    FROM unnest(p_keys) WITH ORDINALITY AS i(key, n)
    JOIN ledger_transfer t ON t.key = i.key AND t.leg = 0
    LEFT JOIN unnest(new_ids) AS f(id) ON f.id = t.id
    ORDER BY i.n;
END $$;

-- Booked receipts: bank → unapplied, on booking, whatever their value date. The key names the receipt for ever:
-- credits, returns and reversals say it as their source.
CREATE FUNCTION ledger_receive_many(p_keys text[], p_accounts text[], p_entities text[], p_currencies text[],
    p_amounts bigint[], p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT * FROM _ledger_book_many(p_keys, ARRAY(SELECT 'bank:' || a FROM unnest(p_accounts) AS a),
        array_fill('unapplied'::text, ARRAY[cardinality(p_keys)]), p_entities, p_currencies, p_amounts, p_effective_on,
        p_causes, 'receipt');
END $$;

-- What a bank books that is nobody's payment: fees, interest, sweeps, and what nobody has explained yet; house ↔ bank.
-- Names are without entity and currency: `bank:GIRO`, `bank-fees`.
CREATE FUNCTION ledger_book_house_many(p_keys text[], p_debits text[], p_credits text[], p_entities text[],
    p_currencies text[], p_amounts bigint[], p_effective_on date[], p_causes text[])
RETURNS TABLE (n integer, key text, transfer_id bigint, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    same text;
BEGIN
    PERFORM _ledger_free_house(a) FROM unnest(p_debits || p_credits) AS a;
    SELECT d INTO same FROM unnest(p_debits, p_credits) AS i(d, c) WHERE d = c LIMIT 1;
    IF FOUND THEN
        PERFORM _ledger_refuse('PB009', 'A house transfer needs two accounts, not ' || quote_literal(same) || ' twice.',
            jsonb_build_object('account', same));
    END IF;
    RETURN QUERY SELECT * FROM _ledger_book_many(p_keys, p_debits, p_credits, p_entities, p_currencies, p_amounts,
        p_effective_on, p_causes, 'house');
END $$;

-- Accounts whose balance belongs to no receipt and no payout may be moved between freely.
CREATE FUNCTION _ledger_free_house(p_name text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(split_part(p_name, ':', 1), '') NOT IN ('bank', 'sales', 'bank-fees', 'interest', 'unexplained', 'opening', 'company') THEN
        PERFORM _ledger_refuse('PB009', 'The account ' || coalesce(quote_literal(p_name), 'NULL')
            || ' is not for house transfers: use bank:<code>, bank-fees, company, interest, opening, sales or unexplained.',
            jsonb_build_object('account', p_name));
    END IF;
END $$;

-- One house transfer: an opening balance, or what people have found out about unexplained money.
CREATE FUNCTION ledger_house_transfer(p_key text, p_debit text, p_credit text, p_entity text, p_currency text,
    p_amount bigint, p_effective_on date DEFAULT NULL, p_cause text DEFAULT NULL,
    OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT b.transfer_id, b.replayed INTO STRICT transfer_id, replayed
    FROM ledger_book_house_many(ARRAY[p_key], ARRAY[p_debit], ARRAY[p_credit], ARRAY[p_entity], ARRAY[p_currency],
        ARRAY[p_amount], ARRAY[p_effective_on], ARRAY[p_cause]) AS b;
END $$;

-- What is missing of a deposit because banks took a fee on the way, within the entity's tolerance: it is added to the
-- receipt, bank-fees → unapplied, so that the whole deposit can be credited from it.
CREATE FUNCTION ledger_absorb_fee(p_key text, p_source text, p_amount bigint, p_effective_on date DEFAULT NULL,
    p_cause text DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('absorbed', p_source, p_amount::text, p_effective_on::text, p_cause);
    receipt ledger_transfer := _ledger_named(p_source, ARRAY['receipt'], ARRAY['posted'], 'receipt');
BEGIN
    PERFORM 1 FROM ledger_transfer t WHERE t.id = receipt.id FOR UPDATE;
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    PERFORM _ledger_positive(p_amount);
    transfer_id := _ledger_write(p_key, 0, hash, 'absorbed', 'posted', _ledger_sibling('bank-fees', receipt.credit_account_id),
        false, receipt.credit_account_id, false, p_amount, p_effective_on, p_cause, p_source => receipt.id);
END $$;

-- How much a transfer takes from the unapplied money of its receipt, pending or posted.
CREATE FUNCTION _ledger_takes(t ledger_transfer, p_unapplied_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN t.debit_account_id = p_unapplied_id AND t.phase IN ('posted', 'pending') THEN t.amount_minor
        WHEN t.debit_account_id = p_unapplied_id AND t.phase = 'void' THEN - t.amount_minor
        WHEN t.credit_account_id = p_unapplied_id THEN - t.amount_minor
        ELSE 0 END
$$;

-- What of a receipt is still unapplied. The receipt is locked by the caller where it matters.
CREATE FUNCTION _ledger_unapplied(p_receipt_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    left_minor bigint;
BEGIN
    SELECT r.amount_minor - coalesce(sum(_ledger_takes(t, r.credit_account_id)), 0) INTO left_minor
    FROM ledger_transfer r LEFT JOIN ledger_transfer t ON t.source_id = r.id
    WHERE r.id = p_receipt_id GROUP BY r.id;
    RETURN left_minor;
END $$;

-- Credits: unapplied → customer, pending until the value date when that is ahead. An open receivable is repaid first.
CREATE FUNCTION ledger_credit_many(p_keys text[], p_sources text[], p_customers text[], p_entities text[],
    p_currencies text[], p_amounts bigint[], p_effective_on date[], p_value_on date[], p_deposits text[], p_causes text[],
    p_today date DEFAULT NULL)
RETURNS TABLE (n integer, key text, transfer_id bigint, pending boolean, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    today date := coalesce(p_today, _ledger_today());
    source_ids bigint[];
    new_ids bigint[];
    new_keys text[];
BEGIN
    PERFORM _ledger_lock_customers(p_customers, p_entities, p_currencies);
    PERFORM 1 FROM ledger_transfer t WHERE t.key = ANY (p_sources) AND t.leg = 0 ORDER BY t.id FOR UPDATE;
    source_ids := ARRAY(
        SELECT (SELECT id FROM ledger_transfer t WHERE t.key = i.source AND t.leg = 0 AND t.kind = 'receipt'
            AND t.credit_account_id = (SELECT id FROM ledger_account WHERE code = 'unapplied:' || i.entity || ':' || i.currency))
        FROM unnest(p_sources, p_entities, p_currencies) WITH ORDINALITY AS i(source, entity, currency, n) ORDER BY i.n);
    SELECT w.new_ids, w.new_keys INTO new_ids, new_keys FROM _ledger_write_credits(p_keys, p_sources, source_ids,
        p_customers, p_entities, p_currencies, p_amounts, p_effective_on, p_value_on, p_deposits, p_causes, today) AS w;
    PERFORM _ledger_sources_cover(new_ids);
    PERFORM _ledger_add_credits(new_ids);
    IF cardinality(new_ids) = cardinality(p_keys) THEN
        RETURN QUERY SELECT i.n::integer, i.key, f.id, coalesce(i.value_on > today, false), false
        FROM unnest(p_keys, p_value_on) WITH ORDINALITY AS i(key, value_on, n) JOIN unnest(new_ids, new_keys) AS f(id, key) USING (key) ORDER BY i.n;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT i.n::integer, i.key, t.id, t.phase = 'pending', f.id IS NULL OR i.n <> min(i.n) OVER (PARTITION BY i.key)
    FROM unnest(p_keys) WITH ORDINALITY AS i(key, n)
    JOIN ledger_transfer t ON t.key = i.key AND t.leg = 0
    LEFT JOIN unnest(new_ids) AS f(id) ON f.id = t.id
    ORDER BY i.n;
END $$;

-- Booked receipts all of whose money is a customer's: bank → unapplied → customer. Nobody else can have taken from a
-- receipt that is written here, so nothing is looked up again. Where one was known, the credits go the long way.
CREATE FUNCTION ledger_receive_and_credit_many(p_receipts text[], p_accounts text[], p_keys text[], p_customers text[],
    p_entities text[], p_currencies text[], p_amounts bigint[], p_effective_on date[], p_value_on date[], p_deposits text[],
    p_causes text[], p_today date DEFAULT NULL)
RETURNS TABLE (n integer, key text, transfer_id bigint, pending boolean, replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    today date := coalesce(p_today, _ledger_today());
    receipt_ids bigint[];
    known boolean;
    new_ids bigint[];
    new_keys text[];
BEGIN
    PERFORM _ledger_lock_customers(p_customers, p_entities, p_currencies);
    SELECT array_agg(r.transfer_id ORDER BY r.n), bool_or(r.replayed) INTO receipt_ids, known
    FROM ledger_receive_many(p_receipts, p_accounts, p_entities, p_currencies, p_amounts, p_effective_on, p_causes) AS r;
    IF known THEN
        RETURN QUERY SELECT * FROM ledger_credit_many(p_keys, p_receipts, p_customers, p_entities, p_currencies, p_amounts,
            p_effective_on, p_value_on, p_deposits, p_causes, today);
        RETURN;
    END IF;
    SELECT w.new_ids, w.new_keys INTO new_ids, new_keys FROM _ledger_write_credits(p_keys, p_receipts, receipt_ids,
        p_customers, p_entities, p_currencies, p_amounts, p_effective_on, p_value_on, p_deposits, p_causes, today) AS w;
    PERFORM _ledger_add_credits(new_ids);
    RETURN QUERY SELECT i.n::integer, i.key, f.id, coalesce(i.value_on > today, false), false
    FROM unnest(p_keys, p_value_on) WITH ORDINALITY AS i(key, value_on, n) JOIN unnest(new_ids, new_keys) AS f(id, key) USING (key) ORDER BY i.n;
END $$;

-- The rows of new credits. Raises for each other one that is no repetition.
CREATE FUNCTION _ledger_write_credits(p_keys text[], p_sources text[], p_source_ids bigint[], p_customers text[],
    p_entities text[], p_currencies text[], p_amounts bigint[], p_effective_on date[], p_value_on date[],
    p_deposits text[], p_causes text[], p_today date, OUT new_ids bigint[], OUT new_keys text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM _ledger_known(k, NULL) FROM unnest(p_keys) AS k WHERE coalesce(k, '') = '' OR length(k) > 200 OR starts_with(k, 'ledger:');
    PERFORM _ledger_positive(a) FROM unnest(p_amounts) AS a WHERE a <= 0 OR a IS NULL;
    -- Materialized: else each row looks its accounts up again for each place that names them.
    WITH item AS MATERIALIZED (
        SELECT i.*, (SELECT id FROM ledger_account WHERE code = 'unapplied:' || i.entity || ':' || i.currency) AS unapplied_id,
            (SELECT id FROM ledger_account WHERE code = 'customer:' || i.customer || ':' || i.entity || ':' || i.currency) AS account_id
        FROM unnest(p_keys, p_sources, p_source_ids, p_customers, p_entities, p_currencies, p_amounts, p_effective_on,
            p_value_on, p_deposits, p_causes) WITH ORDINALITY
            AS i(key, source, source_id, customer, entity, currency, amount, effective_on, value_on, deposit, cause, n)
    ), new AS (
        INSERT INTO ledger_transfer (key, leg, request_hash, kind, phase, debit_account_id, debits_customer,
            credit_account_id, credits_customer, amount_minor, effective_on, value_on, source_id, deposit, cause)
        SELECT key, 0, _ledger_hash('credit', source, customer, entity, currency, amount::text, effective_on::text,
                value_on::text, deposit, cause),
            'credit', CASE WHEN value_on > p_today THEN 'pending' ELSE 'posted' END::ledger_phase, unapplied_id, false,
            account_id, true, amount, coalesce(effective_on, p_today), value_on, source_id, deposit, cause
        FROM item WHERE account_id IS NOT NULL AND source_id IS NOT NULL ORDER BY n
        ON CONFLICT (key, leg) DO NOTHING RETURNING id, key
    )
    SELECT array_agg(id), array_agg(key) INTO new_ids, new_keys FROM new;
    IF cardinality(new_ids) IS DISTINCT FROM cardinality(p_keys) THEN
        PERFORM _ledger_credits_known(p_keys, p_sources, p_customers, p_entities, p_currencies, p_amounts, p_effective_on,
            p_value_on, p_deposits, p_causes);
    END IF;
END $$;

-- Not every row was written: each of the others must be a repetition, else the first that is not is refused.
CREATE FUNCTION _ledger_credits_known(p_keys text[], p_sources text[], p_customers text[], p_entities text[],
    p_currencies text[], p_amounts bigint[], p_effective_on date[], p_value_on date[], p_deposits text[], p_causes text[])
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    item record;
    receipt ledger_transfer;
BEGIN
    FOR item IN
        SELECT i.*, t.id AS known_id
        FROM unnest(p_keys, p_sources, p_customers, p_entities, p_currencies, p_amounts, p_effective_on, p_value_on,
            p_deposits, p_causes) WITH ORDINALITY
            AS i(key, source, customer, entity, currency, amount, effective_on, value_on, deposit, cause, n)
        LEFT JOIN ledger_transfer t ON t.key = i.key AND t.leg = 0
        WHERE t.request_hash IS DISTINCT FROM _ledger_hash('credit', i.source, i.customer, i.entity, i.currency,
            i.amount::text, i.effective_on::text, i.value_on::text, i.deposit, i.cause)
        ORDER BY i.n
    LOOP
        IF item.known_id IS NOT NULL THEN
            PERFORM _ledger_known(item.key, '');
        END IF;
        PERFORM _ledger_lock(item.customer, item.entity, item.currency);
        receipt := _ledger_named(item.source, ARRAY['receipt'], ARRAY['posted'], 'receipt');
        PERFORM _ledger_refuse('PB009', 'The receipt ' || quote_literal(item.source) || ' is not money of '
            || item.entity || ' in ' || item.currency || ': nothing is credited across entities or currencies.',
            jsonb_build_object('source', item.source, 'entity', item.entity, 'currency', item.currency));
    END LOOP;
END $$;

-- No receipt gives more than it brought.
CREATE FUNCTION _ledger_sources_cover(p_new_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    over record;
BEGIN
    SELECT r.key, r.credit_account_id, new.asked, r.amount_minor - all_of_it.taken + new.asked AS before INTO over
    FROM (
        SELECT source_id, debit_account_id AS unapplied_id, sum(amount_minor)::bigint AS asked
        FROM ledger_transfer WHERE id = ANY (p_new_ids) GROUP BY 1, 2) AS new
    CROSS JOIN LATERAL (
        SELECT sum(_ledger_takes(t, new.unapplied_id))::bigint AS taken FROM ledger_transfer t
        WHERE t.source_id = new.source_id) AS all_of_it
    JOIN ledger_transfer r ON r.id = new.source_id
    WHERE r.amount_minor < all_of_it.taken ORDER BY r.id LIMIT 1;
    IF FOUND THEN
        PERFORM _ledger_exceeds('The receipt ' || quote_literal(over.key), over.asked, over.before, over.credit_account_id);
    END IF;
END $$;

-- Totals, lots, pending rows and repayments of new credits.
CREATE FUNCTION _ledger_add_credits(p_new_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    debtor record;
    billed bigint[];
    owing boolean;
BEGIN
    WITH new AS MATERIALIZED (
        SELECT id, credit_account_id AS account_id, amount_minor, phase, value_on FROM ledger_transfer
        WHERE id = ANY (p_new_ids)
    ), lot AS (
        INSERT INTO ledger_lot (id, account_id, amount_minor, free_minor)
        SELECT id, account_id, amount_minor, amount_minor FROM new WHERE phase = 'posted' ORDER BY id
    ), pending AS (
        INSERT INTO ledger_pending (id, account_id, kind, remaining_minor, value_on)
        SELECT id, account_id, 'credit', amount_minor, value_on FROM new WHERE phase = 'pending'
    ), grown AS (
        UPDATE ledger_account a
        SET available_minor = a.available_minor + s.posted, credits_pending = a.credits_pending + s.pending
        FROM (
            SELECT account_id, coalesce(sum(amount_minor) FILTER (WHERE phase = 'posted'), 0)::bigint AS posted,
                coalesce(sum(amount_minor) FILTER (WHERE phase = 'pending'), 0)::bigint AS pending
            FROM new GROUP BY 1) AS s
        WHERE a.id = s.account_id RETURNING a.id, s.posted > 0 AND a.bills_open AS rings, s.posted > 0 AND a.owes AS owes
    )
    SELECT array_agg(id) FILTER (WHERE rings), coalesce(bool_or(owes), false) INTO billed, owing FROM grown;
    IF billed IS NOT NULL THEN
        PERFORM _ledger_ring_bills(billed);
    END IF;
    IF NOT owing THEN
        RETURN;
    END IF;
    FOR debtor IN
        SELECT DISTINCT ON (t.credit_account_id) t.* FROM ledger_transfer t
        JOIN ledger_account c ON c.id = t.credit_account_id AND c.owes
        WHERE t.id = ANY (p_new_ids) AND t.phase = 'posted' ORDER BY t.credit_account_id, t.id
    LOOP
        PERFORM _ledger_repay(debtor.credit_account_id, debtor.key, 1, debtor.request_hash, debtor.effective_on, debtor.id);
    END LOOP;
END $$;

-- Posts the pending credits whose value date has come.
CREATE FUNCTION ledger_post_due_credits(p_today date DEFAULT NULL, p_limit integer DEFAULT 1000)
RETURNS TABLE (credit_key text, transfer_id bigint, customer text, deposit text, cause text, amount_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    today date := coalesce(p_today, _ledger_today());
    ids bigint[] := ARRAY(SELECT id FROM ledger_pending WHERE kind = 'credit' AND value_on <= today ORDER BY value_on, id LIMIT p_limit);
    due record;
    post_key text;
BEGIN
    PERFORM _ledger_lock_ids(ARRAY(SELECT account_id FROM ledger_pending WHERE id = ANY (ids)));
    FOR due IN
        SELECT t.*, a.holder FROM ledger_pending p JOIN ledger_transfer t ON t.id = p.id JOIN ledger_account a ON a.id = p.account_id
        WHERE p.id = ANY (ids) ORDER BY p.id
    LOOP
        DELETE FROM ledger_pending WHERE id = due.id;
        post_key := 'ledger:value:' || due.id;
        transfer_id := _ledger_write(post_key, 0, due.request_hash, 'credit', 'post', due.debit_account_id, false,
            due.credit_account_id, true, due.amount_minor, due.value_on, due.cause, p_pending => due.id, p_closes => true,
            p_source => due.source_id, p_deposit => due.deposit);
        PERFORM _ledger_open_lot(transfer_id, due.credit_account_id, due.amount_minor);
        PERFORM _ledger_repay(due.credit_account_id, post_key, 1, due.request_hash, due.value_on, transfer_id);
        credit_key := due.key;
        customer := due.holder;
        deposit := due.deposit;
        cause := due.cause;
        amount_minor := due.amount_minor;
        RETURN NEXT;
    END LOOP;
END $$;
