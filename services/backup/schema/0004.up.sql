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

ALTER TABLE backup.dump
    ADD COLUMN gone_at     timestamptz,
    ADD COLUMN gone_reason text;
COMMENT ON COLUMN backup.dump.gone_at IS 'When it was deleted by retention; null while it is there.';
COMMENT ON COLUMN backup.dump.gone_reason IS 'Why it is gone, one sentence.';
CREATE OR REPLACE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at, gone_at, gone_reason
FROM backup.dump;
