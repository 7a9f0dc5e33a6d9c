DROP VIEW ingest.deletion_progress;
DROP INDEX ingest.deletion_job_waiting, ingest.deletion_job_running;
ALTER TABLE ingest.deletion DROP CONSTRAINT deletion_job_state, DROP CONSTRAINT deletion_job_lease;
UPDATE ingest.deletion SET state = CASE WHEN state IN ('waiting', 'running') THEN 'waiting' ELSE 'refused' END;
ALTER TABLE ingest.deletion
    DROP COLUMN deletion_id, DROP COLUMN kind, DROP COLUMN attempt, DROP COLUMN unexpected, DROP COLUMN leased_until,
    DROP COLUMN cancel_requested_at, DROP COLUMN started_at, DROP COLUMN finished_at,
    ADD CONSTRAINT deletion_state_check CHECK (state IN ('waiting', 'refused'));
ALTER TABLE ingest.deletion RENAME COLUMN postponed TO attempts;
CREATE INDEX deletion_next_try ON ingest.deletion (next_try_at) WHERE state = 'waiting';
COMMENT ON COLUMN ingest.deletion.attempts IS 'How often it was tried in vain.';
COMMENT ON COLUMN ingest.deletion.state IS 'waiting, or refused because the source has changed.';
COMMENT ON COLUMN ingest.deletion.reason IS 'Why it was refused, or could not be done yet; one sentence.';
COMMENT ON COLUMN ingest.deletion.created_at IS 'When the copy was committed.';
CREATE VIEW ingest.kept_source AS
SELECT d.source, concat_ws('/', nullif(d.folder, ''), d.name) AS path, d.size_bytes, d.state, d.reason, d.attempts, d.next_try_at
FROM ingest.deletion d
WHERE d.reason IS NOT NULL;
COMMENT ON VIEW ingest.kept_source IS 'Contract: files of moved sources that could not be deleted, with the reason.';

DROP VIEW ingest.import_progress;
DROP INDEX ingest.import_job_waiting, ingest.import_job_running;
ALTER TABLE ingest.import DROP CONSTRAINT import_job_state, DROP CONSTRAINT import_job_lease;
UPDATE ingest.import SET reason = NULL WHERE state IN ('waiting', 'running', 'done');
UPDATE ingest.import SET leased_until = clock_timestamp() WHERE state = 'running';
UPDATE ingest.import SET state = 'failed' WHERE state IN ('cancelled', 'dead');
ALTER TABLE ingest.import
    DROP COLUMN kind, DROP COLUMN attempt, DROP COLUMN postponed, DROP COLUMN unexpected, DROP COLUMN next_try_at,
    DROP COLUMN cancel_requested_at, DROP COLUMN started_at,
    ADD CONSTRAINT import_state_check CHECK (state IN ('waiting', 'running', 'done', 'failed'));
ALTER TABLE ingest.import RENAME COLUMN reason TO error;
COMMENT ON COLUMN ingest.import.state IS 'waiting, running, done or failed.';
COMMENT ON COLUMN ingest.import.error IS 'Why the whole import failed, one sentence.';
COMMENT ON COLUMN ingest.import.leased_until IS 'A running import whose lease ran out is taken over.';
COMMENT ON COLUMN ingest.import.created_at IS 'When the command was committed.';
COMMENT ON COLUMN ingest.import.finished_at IS 'When it was done or failed.';
CREATE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at,
       waiting, waiting_for, brought_home, verify, brought_back, repaired, set_beside
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: how far each import is.';
