-- Seals: blocks of transfers, chained by SHA-256. A block takes what was written by transactions from the previous
-- bound up to the oldest one still running, so no row can appear in it later.

-- A database restored from a backup counts transactions anew: it starts an epoch, and numbers of transfers tell them apart.
CREATE TABLE ledger_epoch (
    number integer PRIMARY KEY,
    after_id bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO ledger_epoch (number, after_id) VALUES (1, 0);

CREATE TABLE ledger_seal (
    id bigint PRIMARY KEY,
    epoch integer NOT NULL REFERENCES ledger_epoch,
    from_xid bigint NOT NULL,
    -- NULL in the last block of an epoch that a restore has ended: it takes all that was left.
    to_xid bigint,
    last_id bigint NOT NULL,
    transfers bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now()
);

-- What a house account came to with a block, since the beginning.
CREATE TABLE ledger_seal_total (
    account_id bigint NOT NULL REFERENCES ledger_account,
    seal_id bigint NOT NULL REFERENCES ledger_seal,
    debits_posted numeric NOT NULL,
    credits_posted numeric NOT NULL,
    PRIMARY KEY (account_id, seal_id)
);

CREATE FUNCTION _ledger_chain_step(state bytea, line text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(state || convert_to(line, 'UTF8')) $$;

CREATE AGGREGATE _ledger_chain(text) (SFUNC = _ledger_chain_step, STYPE = bytea, INITCOND = '');

-- A transfer with the lots that it changed, as text that no setting of a session changes.
CREATE FUNCTION _ledger_line(t ledger_transfer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT ARRAY[t.id::text, t.xid::text, t.debit_account_id::text, t.credit_account_id::text, t.amount_minor::text,
        t.pending_id::text, t.source_id::text, t.about_id::text, t.lot_id::text,
        extract(epoch FROM t.created_at)::text, extract(epoch FROM t.expires_at)::text, (t.effective_on - DATE '2000-01-01')::text,
        (t.value_on - DATE '2000-01-01')::text, t.leg::text, t.closes::text, t.phase::text, t.kind, t.key,
        encode(t.request_hash, 'hex'), t.deposit, t.cause,
        (SELECT string_agg(concat_ws(' ', a.use_id, a.lot_id, a.amount_minor, a.reserves), ',' ORDER BY a.use_id, a.lot_id)
            FROM ledger_lot_change a WHERE a.transfer_id = t.id)]::text
$$;

CREATE FUNCTION _ledger_block_hash(p_seal ledger_seal, p_lines bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(p_seal.previous_hash || p_lines || convert_to(
        ARRAY[p_seal.id, p_seal.epoch, p_seal.from_xid, p_seal.to_xid, p_seal.last_id, p_seal.transfers]::text, 'UTF8'))
$$;

-- The transfers of a block.
CREATE FUNCTION _ledger_block(p_seal ledger_seal) RETURNS SETOF ledger_transfer
LANGUAGE plpgsql STABLE AS $$
DECLARE
    after_id bigint := (SELECT e.after_id FROM ledger_epoch e WHERE e.number = p_seal.epoch);
    sealed_id bigint := (SELECT coalesce(max(last_id), 0) FROM ledger_seal WHERE epoch = p_seal.epoch AND id < p_seal.id);
BEGIN
    IF p_seal.to_xid IS NOT NULL THEN
        RETURN QUERY SELECT * FROM ledger_transfer t WHERE t.xid >= p_seal.from_xid AND t.xid < p_seal.to_xid
            AND t.id > after_id AND t.id <= p_seal.last_id;
    ELSE
        RETURN QUERY SELECT * FROM ledger_transfer t WHERE (t.xid >= p_seal.from_xid OR t.id > sealed_id)
            AND t.id > after_id AND t.id <= p_seal.last_id;
    END IF;
END $$;

CREATE FUNCTION _ledger_write_seal(p_to_xid bigint, p_last_id bigint) RETURNS ledger_seal
LANGUAGE plpgsql AS $$
DECLARE
    last ledger_seal;
    seal ledger_seal;
    lines bytea;
BEGIN
    SELECT * INTO last FROM ledger_seal ORDER BY id DESC LIMIT 1;
    SELECT max(number) INTO seal.epoch FROM ledger_epoch;
    seal.id := coalesce(last.id, 0) + 1;
    seal.from_xid := CASE WHEN last.epoch = seal.epoch THEN last.to_xid ELSE 0 END;
    seal.to_xid := p_to_xid;
    seal.last_id := p_last_id;
    seal.previous_hash := coalesce(last.hash, '');
    seal.sealed_at := now();
    SELECT count(*), coalesce(_ledger_chain(_ledger_line(t) ORDER BY t.xid, t.id), '') INTO seal.transfers, lines
    FROM _ledger_block(seal) AS t;
    seal.hash := _ledger_block_hash(seal, lines);
    INSERT INTO ledger_seal SELECT seal.*;
    INSERT INTO ledger_seal_total (account_id, seal_id, debits_posted, credits_posted)
    SELECT moved.account_id, seal.id, moved.debits + coalesce(before.debits_posted, 0),
        moved.credits + coalesce(before.credits_posted, 0)
    FROM (
        SELECT side.account_id, sum(side.debit) AS debits, sum(side.credit) AS credits
        FROM _ledger_block(seal) AS t, LATERAL (VALUES
            (t.debit_account_id, t.debits_customer, t.amount_minor, 0),
            (t.credit_account_id, t.credits_customer, 0, t.amount_minor)) AS side(account_id, customer, debit, credit)
        WHERE t.phase IN ('posted', 'post') AND NOT side.customer GROUP BY side.account_id) AS moved
    LEFT JOIN LATERAL (
        SELECT * FROM ledger_seal_total s WHERE s.account_id = moved.account_id ORDER BY s.seal_id DESC LIMIT 1) AS before ON true;
    RETURN seal;
END $$;

-- Seals what has been written by transactions that are over. Answers no row when there is nothing new.
CREATE FUNCTION ledger_seal_now() RETURNS SETOF ledger_seal
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bound bigint;
    last ledger_seal;
    newest_id bigint;
BEGIN
    LOCK TABLE ledger_seal IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO last FROM ledger_seal ORDER BY id DESC LIMIT 1;
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint INTO bound;
    SELECT coalesce(max(id), 0) INTO newest_id FROM ledger_transfer;
    IF bound < last.to_xid THEN
        PERFORM _ledger_refuse('PB010', 'This database was restored: its transactions count from ' || bound
            || ' and the last seal ends at ' || last.to_xid || '. Start an epoch with `prepay ledger rebase`.',
            jsonb_build_object('bound', bound, 'sealed', last.to_xid));
    END IF;
    IF EXISTS (SELECT FROM ledger_unsealed u WHERE u.xid < bound) THEN
        RETURN NEXT _ledger_write_seal(bound, newest_id);
    END IF;
END $$;

-- After a restore: seals what is left under the old count of transactions and starts a new epoch. For the owner.
CREATE FUNCTION ledger_rebase() RETURNS ledger_seal
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    seal ledger_seal;
BEGIN
    LOCK TABLE ledger_transfer IN EXCLUSIVE MODE;
    LOCK TABLE ledger_seal IN SHARE ROW EXCLUSIVE MODE;
    seal := _ledger_write_seal(NULL, (SELECT coalesce(max(id), 0) FROM ledger_transfer));
    INSERT INTO ledger_epoch (number, after_id) VALUES (seal.epoch + 1, seal.last_id);
    RETURN seal;
END $$;

-- Computes every seal again; a row for each that does not hold.
CREATE FUNCTION ledger_verify_seals() RETURNS TABLE (seal_id bigint, problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    seal ledger_seal;
    previous bytea := '';
    next_id bigint := 1;
    lines bytea;
    found_transfers bigint;
BEGIN
    FOR seal IN SELECT * FROM ledger_seal ORDER BY id LOOP
        seal_id := seal.id;
        SELECT count(*), coalesce(_ledger_chain(_ledger_line(t) ORDER BY t.xid, t.id), '') INTO found_transfers, lines
        FROM _ledger_block(seal) AS t;
        problem := CASE
            WHEN seal.id <> next_id THEN 'seal ' || next_id || ' is missing'
            WHEN seal.previous_hash <> previous THEN 'it does not follow from the seal before'
            WHEN found_transfers <> seal.transfers THEN found_transfers || ' transfers instead of ' || seal.transfers
            WHEN seal.hash <> _ledger_block_hash(seal, lines) THEN 'its transfers are not those that were sealed'
        END;
        IF problem IS NOT NULL THEN
            RETURN NEXT;
        END IF;
        previous := seal.hash;
        next_id := seal.id + 1;
    END LOOP;
END $$;

-- Transfers that no seal covers yet.
CREATE VIEW ledger_unsealed AS
SELECT t.* FROM ledger_transfer t
WHERE t.id > (SELECT max(after_id) FROM ledger_epoch)
    AND (t.xid >= coalesce((SELECT max(to_xid) FROM ledger_seal WHERE epoch = (SELECT max(number) FROM ledger_epoch)), 0)
        OR t.id > (SELECT coalesce(max(last_id), 0) FROM ledger_seal));
