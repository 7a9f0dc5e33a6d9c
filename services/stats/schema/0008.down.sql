DROP VIEW stats.last_check;
DROP VIEW stats.upkeep_progress;
CREATE VIEW stats.upkeep_progress AS
SELECT job_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at
FROM stats.upkeep;
COMMENT ON VIEW stats.upkeep_progress IS 'Contract: the jobs of stats.upkeep, how far each is and why it waits.';
