COMMENT ON COLUMN ingest.source_state.found IS 'Files that this walk found.';
DROP VIEW ingest.import_progress;
ALTER TABLE ingest.import DROP COLUMN held_up_by, DROP COLUMN in_hand;
COMMENT ON COLUMN ingest.import.waiting IS 'Files that are waited for, since they still change or are not complete.';
COMMENT ON COLUMN ingest.import.waiting_for IS 'The first of them, each with what it lacks.';
CREATE VIEW ingest.import_progress AS
SELECT import_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at,
       paths, mode, found, arrived, already_here, ignored, failed, ignored_by, failures,
       CASE WHEN state IN ('failed', 'dead') THEN reason END AS error,
       waiting, waiting_for, brought_home, verify, brought_back, repaired, set_beside, size_bytes, read_bytes, total_files, total_bytes,
       CASE WHEN state = 'running' THEN files_per_s END AS files_per_s,
       CASE WHEN state = 'running' THEN bytes_per_s END AS bytes_per_s,
       CASE WHEN state = 'running' THEN left_s END AS left_s
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: how far each import is, at which rate, and what it waits for.';
