CREATE OR REPLACE VIEW ingest.counts AS
SELECT (SELECT count(*) FROM ingest.file) AS files,
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM ingest.file) AS size_bytes,
       (SELECT count(*) FROM ingest.not_taken) AS failed,
       (SELECT count(*) FROM ingest.outbox) AS outbox_waiting;
DROP TRIGGER file_total_added ON ingest.file;
DROP TRIGGER file_total_deleted ON ingest.file;
DROP FUNCTION ingest.file_total_kept;
DROP TABLE ingest.file_total;

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS relation, a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'ingest'::regnamespace AND c.relkind = 'v' AND a.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', one.relation, one.name);
    END LOOP;
END
$$;
