DROP VIEW ingest.import_progress;
CREATE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at,
       waiting, waiting_for, brought_home
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: how far each import is.';
ALTER TABLE ingest.import DROP COLUMN verify, DROP COLUMN brought_back, DROP COLUMN repaired, DROP COLUMN set_beside;

DROP VIEW ingest.library_state, ingest.damaged_copy, ingest.missing_file;
DROP TABLE ingest.library_check, ingest.damage;

UPDATE ingest.source_file SET state = 'already_here' WHERE state IN ('brought_back', 'repaired', 'set_beside');
ALTER TABLE ingest.source_file
    DROP CONSTRAINT source_file_state_check,
    ADD CONSTRAINT source_file_state_check CHECK (state IN ('arrived', 'already_here', 'failed'));
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; failed: see reason, tried again at each scan.';

DROP INDEX ingest.location_missing;
ALTER TABLE ingest.location DROP COLUMN mtime_ns, DROP COLUMN missing_since;
