-- Every stage of every row becomes an event in the transaction that writes it, whoever does: a table with a column
-- `stage` has a trigger. Movements are events as they are. Both are read in the order of transactions.

DO $$
DECLARE
    item record;
    writes text;
BEGIN
    FOR item IN
        SELECT s.table_name, k.column_name AS subject, EXISTS (
            SELECT FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name = s.table_name
                AND c.column_name = 'customer_id') AS of_customer
        FROM information_schema.columns s
        JOIN information_schema.table_constraints p ON p.table_schema = s.table_schema AND p.table_name = s.table_name
            AND p.constraint_type = 'PRIMARY KEY'
        JOIN information_schema.key_column_usage k ON k.constraint_schema = p.constraint_schema
            AND k.constraint_name = p.constraint_name
        WHERE s.table_schema = 'public' AND s.column_name = 'stage' AND s.table_name <> 'stage_event'
    LOOP
        writes := quote_ident('_ledger_stage_of_' || item.table_name);
        EXECUTE 'CREATE FUNCTION ' || writes || '() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
            BEGIN
                INSERT INTO stage_event (epoch, xid, noun, subject, stage, customer_id)
                VALUES ((SELECT max(number) FROM ledger_epoch), pg_current_xact_id()::text::bigint, '
                    || quote_literal(item.table_name) || ', NEW.' || quote_ident(item.subject) || ', NEW.stage, '
                    || CASE WHEN item.of_customer THEN 'NEW.customer_id' ELSE 'NULL' END || ');
                RETURN NULL;
            END $body$';
        EXECUTE 'CREATE TRIGGER stage_begins AFTER INSERT ON ' || quote_ident(item.table_name)
            || ' FOR EACH ROW EXECUTE FUNCTION ' || writes || '()';
        EXECUTE 'CREATE TRIGGER stage_changes AFTER UPDATE ON ' || quote_ident(item.table_name)
            || ' FOR EACH ROW WHEN (OLD.stage IS DISTINCT FROM NEW.stage) EXECUTE FUNCTION ' || writes || '()';
    END LOOP;
END $$;
