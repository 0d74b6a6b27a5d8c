-- Who may do what. Nobody changes or removes what was booked, not even the owner.

CREATE FUNCTION _ledger_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PB008', MESSAGE = TG_TABLE_NAME || ' refuses ' || lower(TG_OP)
        || ': the book is corrected by new transfers.', DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'verb', TG_OP)::text;
END $$;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['ledger_transfer', 'ledger_lot_change', 'ledger_seal', 'ledger_seal_total', 'ledger_epoch'] LOOP
        EXECUTE 'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ' || guarded
            || ' FOR EACH STATEMENT EXECUTE FUNCTION _ledger_append_only()';
    END LOOP;
    FOREACH guarded IN ARRAY ARRAY['ledger_account', 'ledger_lot'] LOOP
        EXECUTE 'CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ' || guarded
            || ' FOR EACH STATEMENT EXECUTE FUNCTION _ledger_append_only()';
    END LOOP;
END $$;

-- Totals move; what an account or a lot is does not.
CREATE TRIGGER fixed BEFORE UPDATE OF id, code, kind, holder, entity, currency, receivable_id, sales_id, opened_at ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION _ledger_append_only();
CREATE TRIGGER fixed BEFORE UPDATE OF id, account_id, amount_minor ON ledger_lot
    FOR EACH STATEMENT EXECUTE FUNCTION _ledger_append_only();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger_pending
    FOR EACH STATEMENT EXECUTE FUNCTION _ledger_append_only();

DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT p.oid::regprocedure AS signature, p.proname, p.prokind FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND (starts_with(p.proname, 'ledger_') OR starts_with(p.proname, '_ledger_'))
    LOOP
        EXECUTE 'REVOKE ALL ON ROUTINE ' || item.signature || ' FROM PUBLIC';
        IF starts_with(item.proname, 'ledger_') AND item.proname <> 'ledger_rebase' THEN
            EXECUTE 'GRANT EXECUTE ON ROUTINE ' || item.signature || ' TO prepay_app';
        END IF;
    END LOOP;
    FOR item IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND starts_with(c.relname, 'ledger_')
    LOOP
        EXECUTE 'REVOKE ALL ON ' || item.name || ' FROM PUBLIC, prepay_app, prepay_report';
        EXECUTE 'GRANT SELECT ON ' || item.name || ' TO prepay_app, prepay_report';
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION ledger_verify_seals() TO prepay_report;
