-- takes: table
-- Makes the total of a table, which every transaction that adds or deletes rows keeps: how many, and their bytes.
-- It is the sum of its rows, mostly one. Each change takes up the rows that nobody else has in hand and writes one in
-- their place, so that no transaction waits for another, and none can be in a deadlock about it.
CREATE TABLE {schema}.{table}_total (
    total_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    files      bigint NOT NULL,
    size_bytes bigint NOT NULL
);
COMMENT ON TABLE {schema}.{table}_total IS 'How many rows {schema}.{table} has, and their bytes: the sum of these rows, kept by a trigger in the transaction that adds or deletes them.';
COMMENT ON COLUMN {schema}.{table}_total.total_no IS 'Number of the row.';
COMMENT ON COLUMN {schema}.{table}_total.files IS 'Number of rows.';
COMMENT ON COLUMN {schema}.{table}_total.size_bytes IS 'Sum of their size_bytes, bytes.';
INSERT INTO {schema}.{table}_total (files, size_bytes)
SELECT count(*), coalesce(sum(size_bytes), 0)::bigint FROM {schema}.{table};

CREATE FUNCTION {schema}.{table}_total_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    WITH taken_up AS (
        DELETE FROM {schema}.{table}_total
        WHERE total_no IN (SELECT total_no FROM {schema}.{table}_total FOR UPDATE SKIP LOCKED)
        RETURNING files, size_bytes
    ), parts AS (
        SELECT files, size_bytes FROM taken_up
        UNION ALL
        SELECT CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END * count(*),
               CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END * coalesce(sum(size_bytes), 0)::bigint FROM changed
    )
    INSERT INTO {schema}.{table}_total (files, size_bytes) SELECT sum(files)::bigint, sum(size_bytes)::bigint FROM parts;
    RETURN NULL;
END
$$;
CREATE TRIGGER {table}_total_added AFTER INSERT ON {schema}.{table}
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{table}_total_kept();
CREATE TRIGGER {table}_total_deleted AFTER DELETE ON {schema}.{table}
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{table}_total_kept();
