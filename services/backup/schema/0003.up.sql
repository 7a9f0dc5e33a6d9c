-- Dumps of the database at destinations, and the jobs that make them.

CREATE TABLE backup.dump (
    dump_id        uuid PRIMARY KEY,
    destination    text COLLATE "C" NOT NULL,
    cause          text NOT NULL CHECK (cause IN ('asked', 'nightly', 'migration')),
    key            text COLLATE "C",
    heads          text[],
    server_version text,
    sent_bytes     bigint NOT NULL DEFAULT 0,
    size_bytes     bigint,
    sha256         text COLLATE "C",
    dumped_at      timestamptz,
    verified_at    timestamptz
);
COMMENT ON TABLE backup.dump IS 'Dumps of the database, and the jobs that make them: one for each destination and cause.';
COMMENT ON COLUMN backup.dump.dump_id IS 'Id; of a nightly one it follows from destination and day.';
COMMENT ON COLUMN backup.dump.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.dump.cause IS 'asked: a person wanted it; nightly; migration: before a change of the database.';
COMMENT ON COLUMN backup.dump.key IS 'Key of the dump at the destination.';
COMMENT ON COLUMN backup.dump.heads IS 'Revisions of all schemas that it holds, such as stats_0015.';
COMMENT ON COLUMN backup.dump.server_version IS 'Version of the PostgreSQL that it was made of.';
COMMENT ON COLUMN backup.dump.sent_bytes IS 'Bytes that were sent so far.';
COMMENT ON COLUMN backup.dump.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN backup.dump.sha256 IS 'SHA-256 of it, hexadecimal.';
COMMENT ON COLUMN backup.dump.dumped_at IS 'The moment whose state it holds.';
COMMENT ON COLUMN backup.dump.verified_at IS 'When it was read back and had all its bytes.';

-- template: jobs table=dump key=dump_id

CREATE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at
FROM backup.dump;
COMMENT ON VIEW backup.dumps IS 'Contract: every dump of the database, made or asked for, and how far it is.';
COMMENT ON COLUMN backup.dumps.dump_id IS 'Id; of a nightly one it follows from destination and day.';
COMMENT ON COLUMN backup.dumps.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.dumps.cause IS 'asked: a person wanted it; nightly; migration: before a change of the database.';
COMMENT ON COLUMN backup.dumps.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.dumps.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.dumps.key IS 'Key of the dump at the destination.';
COMMENT ON COLUMN backup.dumps.heads IS 'Revisions of all schemas that it holds, such as stats_0015.';
COMMENT ON COLUMN backup.dumps.server_version IS 'Version of the PostgreSQL that it was made of.';
COMMENT ON COLUMN backup.dumps.sent_bytes IS 'Bytes that were sent so far.';
COMMENT ON COLUMN backup.dumps.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN backup.dumps.sha256 IS 'SHA-256 of it, hexadecimal.';
COMMENT ON COLUMN backup.dumps.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.dumps.dumped_at IS 'The moment whose state it holds, UTC.';
COMMENT ON COLUMN backup.dumps.verified_at IS 'When it was read back and had all its bytes, UTC.';
COMMENT ON COLUMN backup.dumps.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.dumps.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';

COMMENT ON COLUMN backup.dump_progress.dump_id IS 'Id; of a nightly one it follows from destination and day.';
COMMENT ON COLUMN backup.dump_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN backup.dump_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.dump_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN backup.dump_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN backup.dump_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN backup.dump_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.dump_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.dump_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN backup.dump_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.dump_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN backup.dump_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
