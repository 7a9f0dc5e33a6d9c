-- Checks of what lies at the destinations: verifications, read-backs and restore drills, and what they found.

CREATE TABLE backup.check_job (
    check_id    uuid PRIMARY KEY,
    command_id  uuid,
    destination text COLLATE "C",
    session_ids text[] COLLATE "C" NOT NULL DEFAULT '{}',
    sample      integer NOT NULL DEFAULT 1 CHECK (sample >= 1),
    run         integer NOT NULL DEFAULT 0,
    deep        boolean NOT NULL DEFAULT false,
    file_ids    text[] COLLATE "C" NOT NULL DEFAULT '{}',
    archives    bigint,
    checked     bigint NOT NULL DEFAULT 0,
    files       bigint NOT NULL DEFAULT 0,
    total_bytes bigint,
    read_bytes  bigint NOT NULL DEFAULT 0,
    problems    bigint NOT NULL DEFAULT 0,
    not_read    bigint NOT NULL DEFAULT 0,
    in_hand     text,
    result      text
);
CREATE INDEX check_job_command ON backup.check_job (command_id);
COMMENT ON TABLE backup.check_job IS 'Checks of what lies at the destinations.';
COMMENT ON COLUMN backup.check_job.check_id IS 'Id.';
COMMENT ON COLUMN backup.check_job.command_id IS 'The command that asked for it; null: it was due.';
COMMENT ON COLUMN backup.check_job.destination IS 'Destination that is checked; null for a read-back, which takes any.';
COMMENT ON COLUMN backup.check_job.session_ids IS 'Of a verification: collections whose archives are checked; empty: all.';
COMMENT ON COLUMN backup.check_job.sample IS 'Of a verification: one in so many of all archives is checked.';
COMMENT ON COLUMN backup.check_job.run IS 'Of a verification: which of so many runs it is, from 0 on; all of them together check every archive.';
COMMENT ON COLUMN backup.check_job.deep IS 'Of a verification: whether all bytes are read and hashed.';
COMMENT ON COLUMN backup.check_job.file_ids IS 'Of a read-back: the files whose members are read.';
COMMENT ON COLUMN backup.check_job.archives IS 'Number of archives that are to be checked; null before they were counted.';
COMMENT ON COLUMN backup.check_job.checked IS 'Number of archives that were checked so far.';
COMMENT ON COLUMN backup.check_job.files IS 'Number of files whose content was read and compared so far; in a deep verification those of sound archives.';
COMMENT ON COLUMN backup.check_job.total_bytes IS 'Size of what is to be read, bytes; null before it was counted.';
COMMENT ON COLUMN backup.check_job.read_bytes IS 'Stored bytes that were read so far.';
COMMENT ON COLUMN backup.check_job.problems IS 'Number of findings.';
COMMENT ON COLUMN backup.check_job.not_read IS 'Number of archives, in a drill of files, that were not read, since they have to be thawed first.';
COMMENT ON COLUMN backup.check_job.in_hand IS 'Key of the archive that is being read.';
COMMENT ON COLUMN backup.check_job.result IS 'What came of it, one sentence; null before it is done.';

-- template: jobs table=check_job key=check_id

ALTER VIEW backup.check_job_progress RENAME TO check_progress;
CREATE OR REPLACE VIEW backup.check_progress AS
SELECT check_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at, command_id, destination, session_ids, sample, run, deep, archives, checked, files, total_bytes,
       read_bytes, problems, not_read, in_hand, result
FROM backup.check_job;
COMMENT ON VIEW backup.check_progress IS 'Contract: checks of what lies at the destinations (kind: verify, read_back, drill), how far each is and what came of it.';
COMMENT ON COLUMN backup.check_progress.check_id IS 'Id.';
COMMENT ON COLUMN backup.check_progress.kind IS 'verify, read_back or drill.';
COMMENT ON COLUMN backup.check_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.check_progress.attempt IS 'Number of the latest claim.';
COMMENT ON COLUMN backup.check_progress.postponed IS 'How often in a row it was put off after a failure.';
COMMENT ON COLUMN backup.check_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them.';
COMMENT ON COLUMN backup.check_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.check_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.check_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN backup.check_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.check_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN backup.check_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN backup.check_progress.command_id IS 'The command that asked for it; null: it was due.';
COMMENT ON COLUMN backup.check_progress.destination IS 'Destination that is checked; null for a read-back, which takes any.';
COMMENT ON COLUMN backup.check_progress.session_ids IS 'Of a verification: collections whose archives are checked; empty: all.';
COMMENT ON COLUMN backup.check_progress.sample IS 'Of a verification: one in so many of all archives is checked.';
COMMENT ON COLUMN backup.check_progress.run IS 'Of a verification: which of so many runs it is, from 0 on; all of them together check every archive.';
COMMENT ON COLUMN backup.check_progress.deep IS 'Of a verification: whether all bytes are read and hashed.';
COMMENT ON COLUMN backup.check_progress.archives IS 'Number of archives that are to be checked; null before they were counted.';
COMMENT ON COLUMN backup.check_progress.checked IS 'Number of archives that were checked so far.';
COMMENT ON COLUMN backup.check_progress.files IS 'Number of files whose content was read and compared so far; in a deep verification those of sound archives.';
COMMENT ON COLUMN backup.check_progress.total_bytes IS 'Size of what is to be read, bytes; null before it was counted.';
COMMENT ON COLUMN backup.check_progress.read_bytes IS 'Stored bytes that were read so far.';
COMMENT ON COLUMN backup.check_progress.problems IS 'Number of findings.';
COMMENT ON COLUMN backup.check_progress.not_read IS 'Number of archives, in a drill of files, that were not read, since they have to be thawed first.';
COMMENT ON COLUMN backup.check_progress.in_hand IS 'Key of the archive that is being read.';
COMMENT ON COLUMN backup.check_progress.result IS 'What came of it, one sentence; null before it is done.';

CREATE TABLE backup.finding (
    finding_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id    uuid NOT NULL,
    destination text COLLATE "C" NOT NULL,
    archive_id  uuid NOT NULL REFERENCES backup.archive ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL,
    what        text NOT NULL CHECK (what IN ('missing', 'archive', 'member', 'manifest')),
    position    integer,
    file_id     text COLLATE "C",
    problem     text NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    mended_at   timestamptz,
    mended_by   text
);
CREATE UNIQUE INDEX finding_open ON backup.finding (archive_id, what, key, (coalesce(position, -1))) WHERE mended_at IS NULL;
CREATE INDEX finding_found ON backup.finding (found_at);
COMMENT ON TABLE backup.finding IS 'What checks found to be wrong at the destinations.';
COMMENT ON COLUMN backup.finding.finding_id IS 'Number.';
COMMENT ON COLUMN backup.finding.check_id IS 'Check that found it.';
COMMENT ON COLUMN backup.finding.destination IS 'Destination.';
COMMENT ON COLUMN backup.finding.archive_id IS 'Archive that it is about.';
COMMENT ON COLUMN backup.finding.key IS 'Key of the object that it is about: of the archive, or of what lies beside it.';
COMMENT ON COLUMN backup.finding.what IS 'missing: the archive is gone; archive: its bytes are others; member: a file in it is damaged; manifest: what lies beside it is missing or other.';
COMMENT ON COLUMN backup.finding.position IS 'Of a member: its place in the archive.';
COMMENT ON COLUMN backup.finding.file_id IS 'Of a member: the file.';
COMMENT ON COLUMN backup.finding.problem IS 'What is wrong, one sentence.';
COMMENT ON COLUMN backup.finding.found_at IS 'When it was first found.';
COMMENT ON COLUMN backup.finding.seen_at IS 'When it was last found.';
COMMENT ON COLUMN backup.finding.mended_at IS 'When it needed nothing more; null: it is open.';
COMMENT ON COLUMN backup.finding.mended_by IS 'How it was mended, one sentence.';

CREATE VIEW backup.findings AS
SELECT f.finding_id, f.check_id, f.destination, f.archive_id, a.collection_id, f.key, f.what, f.position, f.file_id, m.root,
       m.path, f.problem, f.found_at, f.seen_at, f.mended_at, f.mended_by
FROM backup.finding f JOIN backup.archive a USING (archive_id)
LEFT JOIN backup.member m ON m.archive_id = f.archive_id AND m.position = f.position;
COMMENT ON VIEW backup.findings IS 'Contract: what checks found to be wrong at the destinations, and whether it is mended.';
COMMENT ON COLUMN backup.findings.finding_id IS 'Number.';
COMMENT ON COLUMN backup.findings.check_id IS 'Check that found it.';
COMMENT ON COLUMN backup.findings.destination IS 'Destination.';
COMMENT ON COLUMN backup.findings.archive_id IS 'Archive that it is about.';
COMMENT ON COLUMN backup.findings.collection_id IS 'Session, or day of arrival, of the archive.';
COMMENT ON COLUMN backup.findings.key IS 'Key of the object that it is about: of the archive, or of what lies beside it.';
COMMENT ON COLUMN backup.findings.what IS 'missing: the archive is gone; archive: its bytes are others; member: a file in it is damaged; manifest: what lies beside it is missing or other.';
COMMENT ON COLUMN backup.findings.position IS 'Of a member: its place in the archive.';
COMMENT ON COLUMN backup.findings.file_id IS 'Of a member: the file.';
COMMENT ON COLUMN backup.findings.root IS 'Of a member: root that its file came from.';
COMMENT ON COLUMN backup.findings.path IS 'Of a member: path of its file below that root.';
COMMENT ON COLUMN backup.findings.problem IS 'What is wrong, one sentence.';
COMMENT ON COLUMN backup.findings.found_at IS 'When it was first found, UTC.';
COMMENT ON COLUMN backup.findings.seen_at IS 'When it was last found, UTC.';
COMMENT ON COLUMN backup.findings.mended_at IS 'When it needed nothing more, UTC; null: it is open.';
COMMENT ON COLUMN backup.findings.mended_by IS 'How it was mended, one sentence.';

CREATE VIEW backup.last_check AS
SELECT DISTINCT ON (destination, kind)
       destination, kind, check_id, finished_at, deep, sample, run, checked, files, read_bytes, problems, not_read, result
FROM backup.check_job
WHERE state = 'done' AND destination IS NOT NULL
ORDER BY destination, kind, finished_at DESC;
COMMENT ON VIEW backup.last_check IS 'Contract: of each destination the last verification and the last restore drill that came to their end.';
COMMENT ON COLUMN backup.last_check.destination IS 'Destination that is checked; null for a read-back, which takes any.';
COMMENT ON COLUMN backup.last_check.kind IS 'verify, read_back or drill.';
COMMENT ON COLUMN backup.last_check.check_id IS 'Id.';
COMMENT ON COLUMN backup.last_check.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN backup.last_check.deep IS 'Of a verification: whether all bytes are read and hashed.';
COMMENT ON COLUMN backup.last_check.sample IS 'Of a verification: one in so many of all archives is checked.';
COMMENT ON COLUMN backup.last_check.run IS 'Of a verification: which of so many runs it is, from 0 on; all of them together check every archive.';
COMMENT ON COLUMN backup.last_check.checked IS 'Number of archives that were checked so far.';
COMMENT ON COLUMN backup.last_check.files IS 'Number of files whose content was read and compared so far; in a deep verification those of sound archives.';
COMMENT ON COLUMN backup.last_check.read_bytes IS 'Stored bytes that were read so far.';
COMMENT ON COLUMN backup.last_check.problems IS 'Number of findings.';
COMMENT ON COLUMN backup.last_check.not_read IS 'Number of archives, in a drill of files, that were not read, since they have to be thawed first.';
COMMENT ON COLUMN backup.last_check.result IS 'What came of it, one sentence; null before it is done.';
