-- Retention: what went from destinations after a time, and the jobs that delete it.

CREATE TABLE backup.removal (
    removal_id  uuid PRIMARY KEY,
    what        text NOT NULL CHECK (what IN ('dump', 'archive')),
    row_id      uuid NOT NULL,
    destination text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    size_bytes  bigint NOT NULL,
    why         text NOT NULL
);
COMMENT ON TABLE backup.removal IS 'Objects that retention lets go, and the jobs that delete them.';
COMMENT ON COLUMN backup.removal.removal_id IS 'Id; follows from destination and key.';
COMMENT ON COLUMN backup.removal.what IS 'dump or archive.';
COMMENT ON COLUMN backup.removal.row_id IS 'The dump, or the archive.';
COMMENT ON COLUMN backup.removal.destination IS 'Where it lies, or lay.';
COMMENT ON COLUMN backup.removal.key IS 'Its key there.';
COMMENT ON COLUMN backup.removal.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN backup.removal.why IS 'Why it may go, one sentence.';

-- template: jobs table=removal key=removal_id

CREATE VIEW backup.removals AS
SELECT removal_id, what, row_id, destination, key, size_bytes, why, state, reason, created_at, finished_at, next_try_at
FROM backup.removal;
COMMENT ON VIEW backup.removals IS 'Contract: objects that retention let go or lets go, and why those stay that a destination does not delete.';
COMMENT ON COLUMN backup.removals.removal_id IS 'Id; follows from destination and key.';
COMMENT ON COLUMN backup.removals.what IS 'dump or archive.';
COMMENT ON COLUMN backup.removals.row_id IS 'The dump, or the archive.';
COMMENT ON COLUMN backup.removals.destination IS 'Where it lies, or lay.';
COMMENT ON COLUMN backup.removals.key IS 'Its key there.';
COMMENT ON COLUMN backup.removals.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN backup.removals.why IS 'Why it may go, one sentence.';
COMMENT ON COLUMN backup.removals.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.removals.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.removals.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.removals.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN backup.removals.next_try_at IS 'When it is tried next, while waiting, UTC.';

ALTER TABLE backup.dump
    ADD COLUMN gone_at     timestamptz,
    ADD COLUMN gone_reason text;
COMMENT ON COLUMN backup.dump.gone_at IS 'When it was deleted by retention; null while it is there.';
COMMENT ON COLUMN backup.dump.gone_reason IS 'Why it is gone, one sentence.';
CREATE OR REPLACE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at, gone_at, gone_reason
FROM backup.dump;

COMMENT ON COLUMN backup.removal_progress.removal_id IS 'Id; follows from destination and key.';
COMMENT ON COLUMN backup.removal_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN backup.removal_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.removal_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN backup.removal_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN backup.removal_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN backup.removal_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.removal_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.removal_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN backup.removal_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.removal_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN backup.removal_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN backup.dumps.gone_at IS 'When it was deleted by retention, UTC; null while it is there.';
COMMENT ON COLUMN backup.dumps.gone_reason IS 'Why it is gone, one sentence.';
