-- Files that a check has not compared, since their rows may still be on their way.

ALTER TABLE stats.upkeep
    ADD COLUMN compared_until timestamptz,
    ADD COLUMN not_compared bigint NOT NULL DEFAULT 0,
    ADD COLUMN again_at timestamptz;
COMMENT ON COLUMN stats.upkeep.compared_until IS 'Files that ingest announced before this time were compared; null where no file was, as by a rebuild.';
COMMENT ON COLUMN stats.upkeep.not_compared IS 'Files that were announced later, whose rows may still be on their way.';
COMMENT ON COLUMN stats.upkeep.again_at IS 'When a further check compares them, since rows were put right meanwhile; null where none is due.';

CREATE OR REPLACE VIEW stats.upkeep_progress AS
SELECT job_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at, task, dry_run, asked, step, steps_done, steps, frames, differences, mended, read_anew, left_alone, lines,
       compared_until, not_compared, again_at
FROM stats.upkeep;

CREATE OR REPLACE VIEW stats.last_check AS
SELECT job_id, state, reason, created_at, started_at, finished_at, frames, differences, mended, read_anew, left_alone, lines,
       compared_until, not_compared, again_at
FROM stats.upkeep
WHERE task = 'check' AND NOT dry_run AND finished_at IS NOT NULL
ORDER BY finished_at DESC LIMIT 1;
