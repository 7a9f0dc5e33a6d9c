DROP VIEW ingest.import_progress;
CREATE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: how far each import is.';
ALTER TABLE ingest.import DROP COLUMN waiting, DROP COLUMN waiting_for, DROP COLUMN brought_home;

DROP VIEW ingest.kept_source;
DROP INDEX ingest.deletion_next_try;
COMMENT ON COLUMN ingest.deletion.reason IS 'Why it was refused, one sentence.';
ALTER TABLE ingest.deletion DROP COLUMN attempts, DROP COLUMN next_try_at;
