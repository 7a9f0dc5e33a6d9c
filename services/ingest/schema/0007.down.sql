DROP VIEW ingest.import_progress, ingest.kept_source;
ALTER TABLE ingest.import
    DROP COLUMN size_bytes, DROP COLUMN read_bytes, DROP COLUMN total_files, DROP COLUMN total_bytes,
    DROP COLUMN files_per_s, DROP COLUMN bytes_per_s, DROP COLUMN left_s;
CREATE VIEW ingest.import_progress AS
SELECT import_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: the jobs of ingest.import, how far each is and why it waits.';
