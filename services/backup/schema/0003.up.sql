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
