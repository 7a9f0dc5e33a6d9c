DROP VIEW stats.last_check;
DROP VIEW stats.upkeep_progress;
ALTER TABLE stats.upkeep DROP COLUMN compared_until, DROP COLUMN not_compared, DROP COLUMN again_at;
CREATE VIEW stats.upkeep_progress AS
SELECT job_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at, task, dry_run, asked, step, steps_done, steps, frames, differences, mended, read_anew, left_alone, lines
FROM stats.upkeep;
COMMENT ON VIEW stats.upkeep_progress IS 'Contract: the jobs of stats.upkeep, how far each is and why it waits.';
CREATE VIEW stats.last_check AS
SELECT job_id, state, reason, created_at, started_at, finished_at, frames, differences, mended, read_anew, left_alone, lines
FROM stats.upkeep
WHERE task = 'check' AND NOT dry_run AND finished_at IS NOT NULL
ORDER BY finished_at DESC LIMIT 1;
COMMENT ON VIEW stats.last_check IS 'Contract: when the counts were last compared with the frames and the files, and what differed; no row before the first time.';
