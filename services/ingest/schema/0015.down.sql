DROP VIEW ingest.awaited_backup;
CREATE OR REPLACE VIEW ingest.kept_source AS
SELECT source, concat_ws('/', nullif(folder, ''), name) AS path, size_bytes,
       CASE WHEN state IN ('waiting', 'running') THEN 'waiting' ELSE 'refused' END AS state,
       reason, postponed AS attempts, next_try_at
FROM ingest.deletion
WHERE reason IS NOT NULL;
COMMENT ON VIEW ingest.kept_source IS 'Contract: files of moved sources that could not be deleted, with the reason.';

DROP INDEX ingest.deletion_file_after_backup;
-- An earlier version deletes at once what waits: it must not, so what waits for a backup stays at its source.
DELETE FROM ingest.deletion WHERE kind = 'deletion_after_backup';
ALTER TABLE ingest.deletion DROP COLUMN read_back_asked_at;
COMMENT ON COLUMN ingest.deletion.kind IS 'What is to be done; each kind has a limit of its own.';
