-- takes: table key=job_id
-- Makes a table of jobs (shared.jobs) out of a table that exists and has a key of type uuid, and the view <table>_progress.
-- Columns of the job that are there already are kept with their values, which must be what is allowed here.
ALTER TABLE {schema}.{table}
    ADD COLUMN IF NOT EXISTS kind                text NOT NULL DEFAULT '{table}',
    ADD COLUMN IF NOT EXISTS state               text NOT NULL DEFAULT 'waiting',
    ADD COLUMN IF NOT EXISTS attempt             integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS postponed           integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS unexpected          integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS reason              text,
    ADD COLUMN IF NOT EXISTS next_try_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN IF NOT EXISTS leased_until        timestamptz,
    ADD COLUMN IF NOT EXISTS cancel_requested_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN IF NOT EXISTS started_at          timestamptz,
    ADD COLUMN IF NOT EXISTS finished_at         timestamptz,
    ADD CONSTRAINT {table}_job_state CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled', 'dead')),
    ADD CONSTRAINT {table}_job_lease CHECK ((state = 'running') = (leased_until IS NOT NULL));
CREATE INDEX {table}_job_waiting ON {schema}.{table} (kind, next_try_at) WHERE state = 'waiting';
CREATE INDEX {table}_job_running ON {schema}.{table} (kind, leased_until) WHERE state = 'running';
COMMENT ON COLUMN {schema}.{table}.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN {schema}.{table}.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN {schema}.{table}.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN {schema}.{table}.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN {schema}.{table}.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN {schema}.{table}.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN {schema}.{table}.next_try_at IS 'When it is tried next, while waiting.';
COMMENT ON COLUMN {schema}.{table}.leased_until IS 'While running: whoever holds it is taken for dead after this.';
COMMENT ON COLUMN {schema}.{table}.cancel_requested_at IS 'When a person asked to cancel it.';
COMMENT ON COLUMN {schema}.{table}.created_at IS 'When it was committed.';
COMMENT ON COLUMN {schema}.{table}.started_at IS 'When the latest attempt was claimed.';
COMMENT ON COLUMN {schema}.{table}.finished_at IS 'When it was done, failed, cancelled or given up.';

CREATE VIEW {schema}.{table}_progress AS
SELECT {key}, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at
FROM {schema}.{table};
COMMENT ON VIEW {schema}.{table}_progress IS 'Contract: the jobs of {schema}.{table}, how far each is and why it waits.';
