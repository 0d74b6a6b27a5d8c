-- Every stage of every row becomes an event in the transaction that writes it, whoever does: a table with a column
-- `stage` has a trigger. Movements are events as they are. Both are read in the order of transactions.

DO $$
DECLARE
    item record;
    writes text;
    subject text;
    said text;
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
        subject := quote_ident(item.subject);
        said := 'INSERT INTO stage_event (epoch, xid, noun, subject, stage, customer_id)
            SELECT (SELECT max(number) FROM ledger_epoch), pg_current_xact_id()::text::bigint, '
            || quote_literal(item.table_name) || ', n.' || subject || ', n.stage, '
            || CASE WHEN item.of_customer THEN 'n.customer_id' ELSE 'NULL' END || ' FROM new_rows n';
        -- For each statement, as a function with settings of its own costs more than a row. Never one row of the new
        -- with each of the old: a plan that was made for one row is used for a thousand.
        EXECUTE 'CREATE FUNCTION ' || writes || '() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_nestloop = off AS $body$
            BEGIN
                IF TG_OP = ''INSERT'' THEN ' || said || ';
                ELSE ' || said || ' JOIN old_rows o USING (' || subject || ') WHERE n.stage IS DISTINCT FROM o.stage;
                END IF;
                RETURN NULL;
            END $body$';
        EXECUTE 'CREATE TRIGGER stage_begins AFTER INSERT ON ' || quote_ident(item.table_name)
            || ' REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ' || writes || '()';
        EXECUTE 'CREATE TRIGGER stage_changes AFTER UPDATE ON ' || quote_ident(item.table_name)
            || ' REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION '
            || writes || '()';
    END LOOP;
END $$;
