-- Orders of many customers, paid in one go. Unlike ledger_pay_many each has its own fate: what is refused says why in its
-- row, and the others are paid.
--
-- A balance, and its oldest lot, is changed once for all of its orders: as many versions of one row as there are orders
-- would be walked through by each of them. What is not as simple is left to ledger_pay, one after the other: orders that
-- are known, or refused, or need a second lot.
CREATE FUNCTION ledger_pay_orders(p_keys text[], p_customers text[], p_currencies text[], p_amounts bigint[], p_products text[])
RETURNS TABLE (n integer, transfer_id bigint, replayed boolean, state text, message text, detail text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    entities text[] := ARRAY(SELECT (SELECT c.entity FROM customer c WHERE c.number = i.number)
        FROM unnest(p_customers) WITH ORDINALITY AS i(number, n) ORDER BY i.n);
    paid_keys text[];
    paid_ids bigint[];
    place integer;
BEGIN
    -- As in ledger_pay: who has no row locked yet waits for one customer at the advisory lock.
    IF pg_current_xact_id_if_assigned() IS NULL AND p_customers[1] = ALL (p_customers) AND p_currencies[1] = ALL (p_currencies) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('customer:' || p_customers[1] || ':' || entities[1] || ':' || p_currencies[1], 0));
    END IF;
    PERFORM _ledger_lock_customers(p_customers, entities, p_currencies);
    SELECT array_agg(p.key), array_agg(p.id) INTO paid_keys, paid_ids
    FROM _ledger_pay_simple(p_keys, p_customers, entities, p_currencies, p_amounts, p_products) AS p;
    FOR n IN 1 .. cardinality(p_keys) LOOP
        state := NULL;
        message := NULL;
        detail := NULL;
        place := array_position(paid_keys, p_keys[n]);
        IF place IS NOT NULL THEN
            transfer_id := paid_ids[place];
            replayed := false;
            -- The same order a second time in one go is known.
            paid_keys[place] := NULL;
            RETURN NEXT;
            CONTINUE;
        END IF;
        BEGIN
            SELECT p.transfer_id, p.replayed INTO transfer_id, replayed
            FROM ledger_pay(p_keys[n], p_customers[n], entities[n], p_currencies[n], p_amounts[n], NULL, p_products[n]) AS p;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state := RETURNED_SQLSTATE, message := MESSAGE_TEXT, detail := PG_EXCEPTION_DETAIL;
            IF NOT starts_with(state, 'PB') THEN
                RAISE;
            END IF;
            transfer_id := NULL;
            replayed := NULL;
        END;
        RETURN NEXT;
    END LOOP;
END $$;

-- Pays those orders that are new and that a balance and its oldest lot can pay one after the other. The accounts are locked.
CREATE FUNCTION _ledger_pay_simple(p_keys text[], p_customers text[], p_entities text[], p_currencies text[], p_amounts bigint[],
    p_products text[]) RETURNS TABLE (key text, id bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH item AS MATERIALIZED (
        SELECT i.*, (SELECT a.id FROM ledger_account a
                WHERE a.code = 'customer:' || i.customer || ':' || i.entity || ':' || i.currency) AS account_id
        FROM unnest(p_keys, p_customers, p_entities, p_currencies, p_amounts, p_products) WITH ORDINALITY
            AS i(key, customer, entity, currency, amount, product, n)
        WHERE array_position(p_keys, i.key) = i.n AND i.amount > 0 AND length(i.key) BETWEEN 1 AND 200 AND NOT starts_with(i.key, 'ledger:')
            AND NOT EXISTS (SELECT FROM ledger_transfer t WHERE t.key = i.key AND t.leg = 0)
    ), purse AS MATERIALIZED (
        SELECT o.account_id, a.sales_id, a.available_minor, l.id AS lot_id, l.free_minor
        FROM (SELECT DISTINCT account_id FROM item) AS o
        CROSS JOIN LATERAL (SELECT * FROM ledger_account a WHERE a.id = o.account_id AND NOT a.owes AND NOT a.frozen LIMIT 1) AS a
        CROSS JOIN LATERAL (SELECT * FROM ledger_lot l WHERE l.account_id = o.account_id AND NOT l.spent AND l.free_minor > 0
            ORDER BY l.live, l.id LIMIT 1) AS l
    ), new AS (
        INSERT INTO ledger_transfer (key, leg, request_hash, kind, phase, debit_account_id, debits_customer,
            credit_account_id, credits_customer, amount_minor, lot_id, effective_on, cause)
        SELECT o.key, 0, _ledger_hash('pay', o.customer, o.entity, o.currency, o.amount::text, NULL, o.product), 'pay',
            'posted', o.account_id, true, o.sales_id, false, o.amount, o.lot_id, _ledger_today(), o.product
        FROM (
            SELECT item.*, purse.sales_id, purse.lot_id, least(purse.available_minor, purse.free_minor) AS most,
                sum(item.amount) OVER (PARTITION BY item.account_id ORDER BY item.n) AS so_far
            FROM item JOIN purse ON purse.account_id = item.account_id
        ) AS o
        WHERE o.so_far <= o.most ORDER BY o.n
        ON CONFLICT (key, leg) DO NOTHING RETURNING id, key, debit_account_id, amount_minor, lot_id
    ), debited AS (
        UPDATE ledger_account a SET available_minor = a.available_minor - s.total, debits_posted = a.debits_posted + s.total
        FROM (SELECT debit_account_id, sum(amount_minor)::bigint AS total FROM new GROUP BY debit_account_id) AS s
        WHERE a.id = s.debit_account_id
    ), used AS (
        UPDATE ledger_lot l SET free_minor = l.free_minor - s.total, spent = l.free_minor + l.reserved_minor = s.total
        FROM (SELECT lot_id, sum(amount_minor)::bigint AS total FROM new GROUP BY lot_id) AS s
        WHERE l.id = s.lot_id
    )
    SELECT new.key, new.id FROM new;
END $$;
