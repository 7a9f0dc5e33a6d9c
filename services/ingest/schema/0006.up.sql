-- Imports and deletions of sources become jobs: claimed with an attempt number, which fences every write.

-- Imports and deletions become tables of jobs: what is kept gets the names and values that the template asks for.
DROP VIEW ingest.import_progress, ingest.kept_source;

ALTER TABLE ingest.import DROP CONSTRAINT import_state_check;
ALTER TABLE ingest.import RENAME COLUMN error TO reason;
UPDATE ingest.import SET state = 'waiting' WHERE state = 'running';
UPDATE ingest.import SET leased_until = NULL;

DROP INDEX ingest.deletion_next_try;
ALTER TABLE ingest.deletion DROP CONSTRAINT deletion_state_check;
ALTER TABLE ingest.deletion RENAME COLUMN attempts TO postponed;
ALTER TABLE ingest.deletion ADD COLUMN deletion_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;
UPDATE ingest.deletion SET state = 'failed' WHERE state = 'refused';
COMMENT ON COLUMN ingest.deletion.deletion_id IS 'Id of the job.';

-- template: jobs table=import key=import_id
-- template: jobs table=deletion key=deletion_id
