-- What was used and not billed yet, and what deposits were meant for. Neither moves or locks money.

-- A service reports what a customer has used of a product in a period; the newest report of it counts.
CREATE FUNCTION ledger_report_usage(p_report text, p_customer text, p_currency text, p_product text, p_period text,
    p_amount bigint, OUT report_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash text := encode(_ledger_hash('usage', p_customer, p_currency, p_product, p_period, p_amount::text), 'hex');
    known usage_report;
BEGIN
    INSERT INTO usage_report (report_id, content_hash, customer_id, entity, currency, product, period, amount_minor)
    SELECT p_report, hash, c.id, a.entity, a.currency, p_product, p_period, p_amount
    FROM customer c JOIN ledger_account a ON a.code = 'customer:' || c.number || ':' || c.entity || ':' || p_currency
    WHERE c.number = p_customer
    ON CONFLICT ON CONSTRAINT usage_report_once DO NOTHING;
    replayed := NOT FOUND;
    SELECT * INTO known FROM usage_report u WHERE u.report_id = p_report;
    IF NOT FOUND THEN
        PERFORM _ledger_lock(p_customer, (SELECT entity FROM customer WHERE number = p_customer), p_currency);
    END IF;
    IF known.content_hash <> hash THEN
        PERFORM _ledger_refuse('PB003', 'The report ' || quote_literal(p_report)
            || ' was sent before with another content: use a new report id.', jsonb_build_object('key', p_report));
    END IF;
    report_id := known.id;
END $$;

-- What a deposit is meant for from now on, as long as nothing of it was spent; what it was before is kept.
CREATE FUNCTION ledger_change_intended_use(p_request text, p_deposit text, p_product text, OUT was text, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    meant record;
    known intended_use;
BEGIN
    SELECT d.id, d.product, c.number AS customer, d.entity, d.currency INTO meant
    FROM deposit d JOIN customer c ON c.id = d.customer_id WHERE d.number = p_deposit;
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB005', 'There is no deposit ' || coalesce(quote_literal(p_deposit), 'NULL') || '.',
            jsonb_build_object('noun', 'deposit', 'key', p_deposit));
    END IF;
    PERFORM _ledger_lock(meant.customer, meant.entity, meant.currency);
    SELECT * INTO known FROM intended_use i WHERE i.deposit_id = meant.id AND i.request_id = p_request;
    replayed := FOUND;
    IF replayed AND known.product <> p_product THEN
        PERFORM _ledger_refuse('PB003', 'The request id ' || quote_literal(p_request) || ' changed the use of '
            || p_deposit || ' to another product before: use a new one.', jsonb_build_object('key', p_request));
    END IF;
    was := known.was;
    IF NOT replayed THEN
        IF _ledger_spent_of(meant.id) > 0 THEN
            PERFORM _ledger_refuse('PB006', 'Money of deposit ' || p_deposit
                || ' was spent already: what it was meant for stays as it is.', jsonb_build_object('noun', 'deposit', 'key', p_deposit));
        END IF;
        SELECT product INTO STRICT was FROM deposit WHERE id = meant.id;
        INSERT INTO intended_use (deposit_id, request_id, was, product) VALUES (meant.id, p_request, was, p_product);
        UPDATE deposit SET product = p_product WHERE id = meant.id;
    END IF;
END $$;

-- How much of a deposit's money has left its lots.
CREATE FUNCTION _ledger_spent_of(p_deposit_id bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT coalesce(sum(l.amount_minor - l.free_minor - l.reserved_minor), 0) FROM (
            SELECT key FROM credit WHERE deposit_id = p_deposit_id
            UNION SELECT key FROM credit_move WHERE to_deposit_id = p_deposit_id AND stage = 'applied'
        ) AS given
        JOIN ledger_transfer t ON t.key = given.key
        JOIN ledger_transfer made ON made.id = t.id OR made.pending_id = t.id
        JOIN ledger_lot l ON l.id = made.id AND l.live);
END $$;
