-- What lies here and could not be read is told; dumps at a destination that lost its marker are unproven.

ALTER TABLE backup.member
    ADD COLUMN not_read_at timestamptz,
    ADD COLUMN not_read_reason text;
CREATE INDEX member_not_read ON backup.member (not_read_at) WHERE not_read_at IS NOT NULL AND elsewhere;
COMMENT ON COLUMN backup.member.not_read_at IS 'When the file was last found here otherwise than it arrived, or not readable; null: it is not known to be so.';
COMMENT ON COLUMN backup.member.not_read_reason IS 'What was wrong with it here, one sentence.';

CREATE VIEW backup.taken_elsewhere AS
SELECT m.file_id, a.destination, a.collection_id, a.archive_id, a.key, m.root, m.path, m.size_bytes,
       m.not_read_reason AS reason, m.not_read_at
FROM backup.member m JOIN backup.archive a USING (archive_id)
WHERE m.not_read_at IS NOT NULL AND m.elsewhere AND m.state IN ('written', 'damaged')
  AND a.phase IN ('verified', 'unproven');
COMMENT ON VIEW backup.taken_elsewhere IS 'Contract: files that lie here and cannot be read, or hold other bytes than they arrived with; their archives have the content from another destination. One that is whole again is in it no more.';
COMMENT ON COLUMN backup.taken_elsewhere.file_id IS 'SHA-256 of the content that arrived, hexadecimal.';
COMMENT ON COLUMN backup.taken_elsewhere.destination IS 'Destination of the archive that has it by now.';
COMMENT ON COLUMN backup.taken_elsewhere.collection_id IS 'The session, or arrived_YYYYMMDD: files that arrived on that day (UTC) and belong to no session.';
COMMENT ON COLUMN backup.taken_elsewhere.archive_id IS 'Archive.';
COMMENT ON COLUMN backup.taken_elsewhere.key IS 'Key of the archive at the destination.';
COMMENT ON COLUMN backup.taken_elsewhere.root IS 'Root that it was planned from.';
COMMENT ON COLUMN backup.taken_elsewhere.path IS 'Path below that root.';
COMMENT ON COLUMN backup.taken_elsewhere.size_bytes IS 'Size of the file when it arrived, bytes.';
COMMENT ON COLUMN backup.taken_elsewhere.reason IS 'What is wrong with it here, one sentence.';
COMMENT ON COLUMN backup.taken_elsewhere.not_read_at IS 'When that was last found, UTC.';

ALTER TABLE backup.dump ADD COLUMN unproven_at timestamptz;
COMMENT ON COLUMN backup.dump.unproven_at IS 'When its destination was found without its marker; null: it counts as good, since it was proven since.';
COMMENT ON COLUMN backup.dump.gone_at IS 'When it was deleted by retention, or was not found at its destination any more; null while it is there.';
CREATE OR REPLACE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at, gone_at, gone_reason, unproven_at
FROM backup.dump;
COMMENT ON COLUMN backup.dumps.gone_at IS 'When it was deleted by retention, or was not found at its destination any more, UTC; null while it is there.';
COMMENT ON COLUMN backup.dumps.unproven_at IS 'When its destination was found without its marker, UTC; null: it counts as good, since it was proven since.';
