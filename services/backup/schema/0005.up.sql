-- Archives that are unproven since their destination lost its marker; looks at all files as jobs; content from elsewhere.

ALTER TABLE backup.archive
    DROP CONSTRAINT archive_phase_check,
    ADD CONSTRAINT archive_phase_check
        CHECK (phase IN ('asked', 'planned', 'stored', 'verified', 'nothing_new', 'unproven', 'gone')),
    ADD COLUMN unproven_at timestamptz;
CREATE INDEX archive_unproven ON backup.archive (destination) WHERE phase = 'unproven';
COMMENT ON COLUMN backup.archive.phase IS 'asked; planned: its members are fixed; stored: all bytes are there; verified; nothing_new: other archives have all files; unproven: its destination lost its marker since it was verified; gone: deleted, by us or by somebody.';
COMMENT ON COLUMN backup.archive.unproven_at IS 'When its destination was last found without its marker; it is verified once it was proven since.';
COMMENT ON COLUMN backup.archive.manifest_key IS 'Key of its manifest; where nothing was new, of the list of what lies in archives of other collections.';

ALTER TABLE backup.member ADD COLUMN elsewhere boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN backup.member.elsewhere IS 'Whether its content comes from another destination, since it cannot be read here.';

CREATE OR REPLACE VIEW backup.archives AS
SELECT archive_id, destination, collection_id, night, session_revision, number, phase, state, reason, key, manifest_key,
       files, size_bytes, sent_bytes, stored_bytes, left_out, manifest_sha256, created_at, stored_at, verified_at,
       deep_verified_at, gone_at, gone_reason, packing, part_bytes, next_try_at, unproven_at
FROM backup.archive;
COMMENT ON COLUMN backup.archives.phase IS 'asked; planned: its members are fixed; stored: all bytes are there; verified; nothing_new: other archives have all files; unproven: its destination lost its marker since it was verified; gone: deleted, by us or by somebody.';
COMMENT ON COLUMN backup.archives.manifest_key IS 'Key of its manifest; where nothing was new, of the list of what lies in archives of other collections.';
COMMENT ON COLUMN backup.archives.unproven_at IS 'When its destination was last found without its marker, UTC; it is verified once it was proven since.';

CREATE OR REPLACE VIEW backup.archived_file AS
SELECT m.file_id, a.destination, a.archive_id, a.collection_id, a.key, m.position, m.root, m.path, m.size_bytes,
       CASE a.phase WHEN 'unproven' THEN 'unproven' ELSE m.state END AS state,
       m.reason, m.stored_offset, m.stored_bytes, m.frame_sizes, a.verified_at, m.read_back_at, m.name, m.arrived_at
FROM backup.member m JOIN backup.archive a USING (archive_id)
WHERE m.state IN ('written', 'damaged') AND a.phase IN ('verified', 'unproven');
COMMENT ON VIEW backup.archived_file IS 'Contract: which content lies in which archive that was verified; a row for each copy at a destination. Those that are written are archived.';
COMMENT ON COLUMN backup.archived_file.state IS 'written; damaged: a check found it spoilt at the destination; unproven: the destination lost its marker since.';

CREATE TABLE backup.look (
    look_id    uuid PRIMARY KEY,
    everything boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE backup.look IS 'Looks at all files that were asked for and not made yet; one that is done leaves no row.';
COMMENT ON COLUMN backup.look.look_id IS 'Id; that of the command that asked for it.';
COMMENT ON COLUMN backup.look.everything IS 'Whether files go into archives at once that would still wait for their session.';

-- template: jobs table=look key=look_id

COMMENT ON COLUMN backup.look_progress.look_id IS 'Id; that of the command that asked for it.';
COMMENT ON COLUMN backup.look_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN backup.look_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.look_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN backup.look_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN backup.look_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN backup.look_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.look_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.look_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN backup.look_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.look_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN backup.look_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
