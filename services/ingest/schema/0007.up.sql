-- Imports tell their rate, the size of what they work on, and how long the rest takes.

ALTER TABLE ingest.import
    ADD COLUMN size_bytes  bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_bytes  bigint NOT NULL DEFAULT 0,
    ADD COLUMN total_files bigint,
    ADD COLUMN total_bytes bigint,
    ADD COLUMN files_per_s double precision,
    ADD COLUMN bytes_per_s double precision,
    ADD COLUMN left_s      double precision;
COMMENT ON COLUMN ingest.import.size_bytes IS 'Size of the captures that were judged so far, bytes.';
COMMENT ON COLUMN ingest.import.read_bytes IS 'What the latest attempt has read of them so far, bytes.';
COMMENT ON COLUMN ingest.import.total_files IS 'Files below the paths, once they were counted.';
COMMENT ON COLUMN ingest.import.total_bytes IS 'Size of the captures among them, bytes, once they were counted.';
COMMENT ON COLUMN ingest.import.files_per_s IS 'While running: files judged per second, lately.';
COMMENT ON COLUMN ingest.import.bytes_per_s IS 'While running: bytes read per second, lately.';
COMMENT ON COLUMN ingest.import.left_s IS 'While running: seconds that the rest will take at this rate, where that is known.';

CREATE OR REPLACE VIEW ingest.import_progress AS
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

CREATE VIEW ingest.kept_source AS
SELECT source, concat_ws('/', nullif(folder, ''), name) AS path, size_bytes,
       CASE WHEN state IN ('waiting', 'running') THEN 'waiting' ELSE 'refused' END AS state,
       reason, postponed AS attempts, next_try_at
FROM ingest.deletion
WHERE reason IS NOT NULL;
COMMENT ON VIEW ingest.kept_source IS 'Contract: files of moved sources that could not be deleted, with the reason.';
