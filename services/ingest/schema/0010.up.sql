-- What holds an import up, and the large files that it is taking.

ALTER TABLE ingest.import
    ADD COLUMN held_up_by text,
    ADD COLUMN in_hand text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ingest.import.held_up_by IS 'What its files wait for, and why: the library, or room in it. null = nothing holds them up.';
COMMENT ON COLUMN ingest.import.in_hand IS 'Large files that are being taken, each with how far it is; at most five are named.';
COMMENT ON COLUMN ingest.import.waiting IS 'Files that are looked at again: large ones in hand, those that wait for room, and those that waiting_for names.';
COMMENT ON COLUMN ingest.import.waiting_for IS 'Files that are not yet complete or at rest, and what each lacks; at most five are named.';

CREATE OR REPLACE VIEW ingest.import_progress AS
SELECT import_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at,
       paths, mode, found, arrived, already_here, ignored, failed, ignored_by, failures,
       CASE WHEN state IN ('failed', 'dead') THEN reason END AS error,
       waiting, waiting_for, brought_home, verify, brought_back, repaired, set_beside, size_bytes, read_bytes, total_files, total_bytes,
       CASE WHEN state = 'running' THEN files_per_s END AS files_per_s,
       CASE WHEN state = 'running' THEN bytes_per_s END AS bytes_per_s,
       CASE WHEN state = 'running' THEN left_s END AS left_s,
       CASE WHEN state = 'running' THEN held_up_by END AS held_up_by,
       CASE WHEN state = 'running' THEN in_hand ELSE '{}' END AS in_hand
FROM ingest.import;

COMMENT ON COLUMN ingest.source_state.found IS 'Files that the source holds, by the last look at each of its folders.';
