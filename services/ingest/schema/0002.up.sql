-- Deletions of sources are tried again after growing pauses, and imports say what they wait for.

ALTER TABLE ingest.deletion
    ADD COLUMN attempts    integer NOT NULL DEFAULT 0,
    ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX deletion_next_try ON ingest.deletion (next_try_at) WHERE state = 'waiting';
COMMENT ON COLUMN ingest.deletion.attempts IS 'How often it was tried in vain.';
COMMENT ON COLUMN ingest.deletion.next_try_at IS 'When it is tried next, while waiting.';
COMMENT ON COLUMN ingest.deletion.reason IS 'Why it was refused, or could not be done yet; one sentence.';

CREATE VIEW ingest.kept_source AS
SELECT d.source, concat_ws('/', nullif(d.folder, ''), d.name) AS path, d.size_bytes, d.state, d.reason, d.attempts, d.next_try_at
FROM ingest.deletion d
WHERE d.reason IS NOT NULL;
COMMENT ON VIEW ingest.kept_source IS 'Contract: files of moved sources that could not be deleted, with the reason.';

ALTER TABLE ingest.import
    ADD COLUMN waiting     bigint NOT NULL DEFAULT 0,
    ADD COLUMN waiting_for text[] NOT NULL DEFAULT '{}',
    ADD COLUMN brought_home bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest.import.brought_home IS 'Of already_here: known by other places only, and now in the library too.';
COMMENT ON COLUMN ingest.import.waiting IS 'Files that are waited for, since they still change or are not complete.';
COMMENT ON COLUMN ingest.import.waiting_for IS 'The first of them, each with what it lacks.';
CREATE OR REPLACE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at,
       waiting, waiting_for, brought_home
FROM ingest.import;
