DROP VIEW backup.dumps;
CREATE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at, gone_at, gone_reason
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
COMMENT ON COLUMN backup.dumps.gone_at IS 'When it was deleted by retention, UTC; null while it is there.';
COMMENT ON COLUMN backup.dumps.gone_reason IS 'Why it is gone, one sentence.';
COMMENT ON COLUMN backup.dump.gone_at IS 'When it was deleted by retention; null while it is there.';
ALTER TABLE backup.dump DROP COLUMN unproven_at;

DROP VIEW backup.taken_elsewhere;
DROP INDEX backup.member_not_read;
ALTER TABLE backup.member DROP COLUMN not_read_at, DROP COLUMN not_read_reason;
