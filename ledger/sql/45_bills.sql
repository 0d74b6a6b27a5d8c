-- Bills: issued line by line, settled from the balance the oldest first, paid by name, voided.
--
-- Their rows are changed under the lock of the account that they are paid from, like the book itself.

-- A bill comes. What is available pays the oldest open bills at once, as many as fit into one go; the rest is settled by
-- ledger_settle_bills. The same number with another content is refused.
CREATE FUNCTION ledger_issue_bill(p_number text, p_customer text, p_currency text, p_due_on date, p_period text,
    p_products text[], p_amounts bigint[], OUT bill_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash text := encode(_ledger_hash('bill', p_customer, p_currency, p_due_on::text, p_period, p_products::text,
        p_amounts::text), 'hex');
    account ledger_account;
    known bill;
BEGIN
    SELECT * INTO known FROM bill WHERE number = p_number;
    IF NOT FOUND THEN
        account := _ledger_lock(p_customer, (SELECT entity FROM customer WHERE number = p_customer), p_currency);
        PERFORM _ledger_positive(a) FROM unnest(p_amounts) AS a WHERE a <= 0 OR a IS NULL;
        INSERT INTO bill (number, content_hash, customer_id, account_id, entity, currency, amount_minor, due_on, period)
        SELECT p_number, hash, c.id, account.id, account.entity, account.currency,
            (SELECT sum(a) FROM unnest(p_amounts) AS a), p_due_on, p_period
        FROM customer c WHERE c.number = p_customer
        ON CONFLICT (number) DO NOTHING RETURNING id INTO bill_id;
        SELECT * INTO STRICT known FROM bill WHERE number = p_number;
    END IF;
    replayed := bill_id IS NULL;
    bill_id := known.id;
    IF known.content_hash <> hash THEN
        PERFORM _ledger_refuse('PB003', 'The bill ' || quote_literal(p_number)
            || ' was issued before with another content: use a new number.', jsonb_build_object('key', p_number));
    END IF;
    IF replayed THEN
        RETURN;
    END IF;
    INSERT INTO bill_line (bill_id, position, product, amount_minor)
    SELECT known.id, l.position, l.product, l.amount FROM unnest(p_products, p_amounts) WITH ORDINALITY AS l(product, amount, position);
    UPDATE ledger_account SET bills_open = true WHERE id = account.id AND NOT bills_open;
    PERFORM _ledger_settle(account.id, 100);
    -- What is paid at once has nothing to wait for: it needs no workflow.
    UPDATE bill SET handled_version = version WHERE id = known.id AND stage = 'paid';
    INSERT INTO outbox (workflow_id, version) SELECT 'bill-' || id, version FROM bill WHERE id = known.id AND stage = 'issued';
END $$;

-- Balances that grew while bills are open are settled soon. Their accounts are locked, so that no doorbell is lost: whoever
-- settles takes the row away under the same lock.
CREATE FUNCTION _ledger_ring_bills(p_account_ids bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_queue (account_id) SELECT unnest(p_account_ids) ON CONFLICT DO NOTHING;
END $$;

-- Settles balances that grew or got a bill: at most about p_limit bills a call, in one transaction. Whoever is killed in
-- between loses nothing, for the queue keeps what is not done. A balance that cannot be settled does not hold up the others:
-- it is tried again after a minute, and `bills-settled` names it. Answers how many were looked at; 0 when all is done.
CREATE FUNCTION ledger_settle_bills(p_limit integer DEFAULT 100) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    waiting bigint[] := ARRAY(SELECT account_id FROM bill_queue WHERE created_at <= now() ORDER BY created_at, account_id LIMIT 100);
    budget integer := p_limit;
    looked integer := 0;
    next_id bigint;
BEGIN
    PERFORM _ledger_lock_ids(waiting);
    FOREACH next_id IN ARRAY waiting LOOP
        EXIT WHEN budget <= 0;
        BEGIN
            budget := budget - _ledger_settle(next_id, budget);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING USING MESSAGE = 'the bills of account ' || next_id || ' are not settled: ' || SQLERRM;
            UPDATE bill_queue SET created_at = now() + interval '1 minute' WHERE account_id = next_id;
        END;
        looked := looked + 1;
    END LOOP;
    RETURN looked;
END $$;

-- Pays an account's open bills from what is available, the oldest issued first, at most so many; the account is locked.
-- Answers how many got something. Where there may be more to pay, the account stays in the queue, or comes into it.
CREATE FUNCTION _ledger_settle(p_account_id bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    account ledger_account;
    available bigint := 0;
    part bigint;
    paid integer := 0;
    owing record;
BEGIN
    SELECT * INTO STRICT account FROM ledger_account WHERE id = p_account_id;
    IF NOT account.owes AND NOT account.frozen AND (SELECT auto_pay FROM customer WHERE number = account.holder) THEN
        available := account.available_minor;
    END IF;
    FOR owing IN
        SELECT id, number, amount_minor - paid_minor AS lacks, version FROM bill
        WHERE account_id = p_account_id AND stage IN ('issued', 'part_paid') ORDER BY id LIMIT p_limit
    LOOP
        EXIT WHEN available = 0;
        part := least(available, owing.lacks);
        PERFORM _ledger_pay_bill(account, owing.id, owing.number, part, 'ledger:bill:' || owing.id || ':' || owing.version,
            _ledger_hash('bill', owing.id::text, owing.version::text, part::text));
        available := available - part;
        paid := paid + 1;
    END LOOP;
    PERFORM _ledger_note_bills(p_account_id);
    IF available > 0 AND paid = p_limit THEN
        PERFORM _ledger_ring_bills(ARRAY[p_account_id]);
    ELSE
        DELETE FROM bill_queue WHERE account_id = p_account_id;
    END IF;
    RETURN paid;
END $$;

-- One payment of one bill: customer → sales, from the oldest lots, split over its lines. Its workflow is rung.
CREATE FUNCTION _ledger_pay_bill(account ledger_account, p_bill_id bigint, p_number text, p_amount bigint, p_key text,
    p_hash bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    payment_id bigint := _ledger_write(p_key, 0, p_hash, 'pay', 'posted', account.id, true, account.sales_id, false,
        p_amount, NULL, p_number);
BEGIN
    PERFORM _ledger_use(account.id, p_amount, payment_id, payment_id);
    PERFORM _ledger_split(p_bill_id, payment_id, p_amount);
    UPDATE bill SET paid_minor = paid_minor + p_amount, version = version + 1, overdue = overdue AND paid_minor + p_amount < amount_minor,
        stage = CASE WHEN paid_minor + p_amount < amount_minor THEN 'part_paid' ELSE 'paid' END
    WHERE id = p_bill_id;
    INSERT INTO outbox (workflow_id, version) SELECT 'bill-' || id, version FROM bill WHERE id = p_bill_id;
    RETURN payment_id;
END $$;

-- Each line gets its part in proportion to what it lacks, rounded down; what rounding left goes, a unit each, to the lines
-- that lack most, of equal ones the first. No line gets more than it lacks.
CREATE FUNCTION _ledger_split(p_bill_id bigint, p_payment_id bigint, p_amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bill_payment (transfer_id, position, bill_id, amount_minor)
    SELECT p_payment_id, r.position, p_bill_id, r.part FROM (
        SELECT s.position, s.part + CASE WHEN s.place <= p_amount - sum(s.part) OVER () THEN 1 ELSE 0 END AS part
        FROM (
            SELECT l.position, div(l.lacks::numeric * p_amount, sum(l.lacks) OVER ())::bigint AS part,
                row_number() OVER (ORDER BY l.lacks DESC, l.position) AS place
            FROM (
                SELECT position, amount_minor - paid_minor AS lacks FROM bill_line
                WHERE bill_id = p_bill_id AND paid_minor < amount_minor
            ) AS l
        ) AS s
    ) AS r WHERE r.part > 0;
    UPDATE bill_line l SET paid_minor = l.paid_minor + p.amount_minor FROM bill_payment p
    WHERE p.transfer_id = p_payment_id AND l.bill_id = p_bill_id AND l.position = p.position;
END $$;

CREATE FUNCTION _ledger_note_bills(p_account_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_account SET bills_open = false WHERE id = p_account_id AND bills_open AND NOT EXISTS (
        SELECT FROM bill WHERE account_id = p_account_id AND stage IN ('issued', 'part_paid'));
END $$;

CREATE FUNCTION _ledger_lock_bill(p_number text) RETURNS bill
LANGUAGE plpgsql AS $$
DECLARE
    named bill;
BEGIN
    SELECT * INTO named FROM bill WHERE number = p_number;
    IF NOT FOUND THEN
        PERFORM _ledger_refuse('PB005', 'There is no bill ' || coalesce(quote_literal(p_number), 'NULL') || '.',
            jsonb_build_object('noun', 'bill', 'key', p_number));
    END IF;
    PERFORM _ledger_lock_ids(ARRAY[named.account_id]);
    SELECT * INTO named FROM bill WHERE number = p_number;
    RETURN named;
END $$;

-- Pays a bill by its number, whatever older ones are open: all that it lacks, or a part.
CREATE FUNCTION ledger_pay_bill(p_key text, p_number text, p_amount bigint DEFAULT NULL, OUT transfer_id bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := _ledger_hash('pay-bill', p_number, p_amount::text);
    owing bill := _ledger_lock_bill(p_number);
    account ledger_account;
    part bigint := coalesce(p_amount, owing.amount_minor - owing.paid_minor);
BEGIN
    transfer_id := _ledger_known(p_key, hash);
    replayed := transfer_id IS NOT NULL;
    IF replayed THEN
        RETURN;
    END IF;
    IF owing.stage IN ('paid', 'void') THEN
        PERFORM _ledger_refuse('PB006', 'The bill ' || quote_literal(p_number) || ' is ' || owing.stage || ' already.',
            jsonb_build_object('noun', 'bill', 'key', p_number));
    END IF;
    IF part > owing.amount_minor - owing.paid_minor THEN
        PERFORM _ledger_exceeds('The bill ' || quote_literal(p_number), part, owing.amount_minor - owing.paid_minor, owing.account_id);
    END IF;
    SELECT * INTO STRICT account FROM ledger_account WHERE id = owing.account_id;
    PERFORM _ledger_may_spend(account, part);
    transfer_id := _ledger_pay_bill(account, owing.id, owing.number, part, p_key, hash);
    PERFORM _ledger_note_bills(account.id);
END $$;

-- An operator voids a bill, whatever was paid: that comes back to the balance and its lots, the last payment first, and
-- pays what else is open. Answers false where it was void already.
CREATE FUNCTION ledger_void_bill(p_number text, p_by text, p_reason text, p_attestation bigint DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    voided bill := _ledger_lock_bill(p_number);
BEGIN
    IF voided.stage = 'void' THEN
        RETURN false;
    END IF;
    UPDATE bill_line SET paid_minor = 0 WHERE bill_id = voided.id;
    UPDATE bill SET stage = 'void', paid_minor = 0, overdue = false, version = version + 1, voided_at = now(), voided_by = p_by,
        voided_reason = p_reason, attestation_id = p_attestation
    WHERE id = voided.id;
    PERFORM _ledger_note_bills(voided.account_id);
    PERFORM _ledger_refund_payments(
        ARRAY(SELECT DISTINCT transfer_id FROM bill_payment WHERE bill_id = voided.id ORDER BY transfer_id DESC),
        voided.paid_minor, 'ledger:bill-void:' || voided.id, _ledger_hash('bill-void', voided.id::text), NULL, voided.number);
    INSERT INTO outbox (workflow_id, version) VALUES ('bill-' || voided.id, voided.version + 1);
    RETURN true;
END $$;
