DROP VIEW backup.look_progress;
DROP TABLE backup.look;

CREATE OR REPLACE VIEW backup.archived_file AS
SELECT m.file_id, a.destination, a.archive_id, a.collection_id, a.key, m.position, m.root, m.path, m.size_bytes, m.state,
       m.reason, m.stored_offset, m.stored_bytes, m.frame_sizes, a.verified_at, m.read_back_at, m.name, m.arrived_at
FROM backup.member m JOIN backup.archive a USING (archive_id)
WHERE m.state IN ('written', 'damaged') AND a.phase = 'verified';
COMMENT ON VIEW backup.archived_file IS 'Contract: which content lies in which verified archive; a row for each copy at a destination.';
COMMENT ON COLUMN backup.archived_file.state IS 'written, or damaged: a check found it spoilt at the destination.';

DROP VIEW backup.archives;
CREATE VIEW backup.archives AS
SELECT archive_id, destination, collection_id, night, session_revision, number, phase, state, reason, key, manifest_key,
       files, size_bytes, sent_bytes, stored_bytes, left_out, manifest_sha256, created_at, stored_at, verified_at,
       deep_verified_at, gone_at, gone_reason, packing, part_bytes, next_try_at
FROM backup.archive;
COMMENT ON VIEW backup.archives IS 'Contract: every archive, made or asked for, and how far it is.';
COMMENT ON COLUMN backup.archives.archive_id IS 'Id; follows from destination, collection and cause.';
COMMENT ON COLUMN backup.archives.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.archives.collection_id IS 'The session, or arrived_YYYYMMDD: files that arrived on that day (UTC) and belong to no session.';
COMMENT ON COLUMN backup.archives.night IS 'Night of the session, or the day of arrival.';
COMMENT ON COLUMN backup.archives.session_revision IS 'Revision of the session that caused it; null: files were found that no archive has.';
COMMENT ON COLUMN backup.archives.number IS 'Number among the archives of the collection at the destination, from 1 on; null before it is planned, and where nothing was new.';
COMMENT ON COLUMN backup.archives.phase IS 'asked; planned: its members are fixed; stored: all bytes are there; verified; nothing_new: other archives have all files; gone: deleted, by us or by somebody.';
COMMENT ON COLUMN backup.archives.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.archives.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.archives.key IS 'Key of the archive at the destination.';
COMMENT ON COLUMN backup.archives.manifest_key IS 'Key of its manifest.';
COMMENT ON COLUMN backup.archives.files IS 'Number of its members, those left out not counted.';
COMMENT ON COLUMN backup.archives.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.archives.sent_bytes IS 'Stored bytes that were sent so far.';
COMMENT ON COLUMN backup.archives.stored_bytes IS 'Size of the archive at the destination, bytes.';
COMMENT ON COLUMN backup.archives.left_out IS 'Number of members that were left out.';
COMMENT ON COLUMN backup.archives.manifest_sha256 IS 'SHA-256 of its manifest, which holds the SHA-256 of every part and every file.';
COMMENT ON COLUMN backup.archives.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.archives.stored_at IS 'When all its bytes were at the destination, UTC.';
COMMENT ON COLUMN backup.archives.verified_at IS 'When size, ETag and the read-back share last agreed, UTC.';
COMMENT ON COLUMN backup.archives.deep_verified_at IS 'When all its bytes were last read back and agreed, UTC.';
COMMENT ON COLUMN backup.archives.gone_at IS 'When it was deleted, or found to be gone, UTC.';
COMMENT ON COLUMN backup.archives.gone_reason IS 'Why it is gone, one sentence.';
COMMENT ON COLUMN backup.archives.packing IS 'How it is packed: kind, level, frame_bytes, version of zstd.';
COMMENT ON COLUMN backup.archives.part_bytes IS 'Size of all parts but the last, bytes.';
COMMENT ON COLUMN backup.archives.next_try_at IS 'When it is tried next, while waiting, UTC.';

ALTER TABLE backup.member DROP COLUMN elsewhere;

UPDATE backup.archive SET phase = 'verified' WHERE phase = 'unproven';
DROP INDEX backup.archive_unproven;
ALTER TABLE backup.archive
    DROP COLUMN unproven_at,
    DROP CONSTRAINT archive_phase_check,
    ADD CONSTRAINT archive_phase_check
        CHECK (phase IN ('asked', 'planned', 'stored', 'verified', 'nothing_new', 'gone'));
COMMENT ON COLUMN backup.archive.phase IS 'asked; planned: its members are fixed; stored: all bytes are there; verified; nothing_new: other archives have all files; gone: deleted, by us or by somebody.';
COMMENT ON COLUMN backup.archive.manifest_key IS 'Key of its manifest.';
