-- Archives of collections at destinations, what lies in each, and how it was proven.

CREATE TABLE backup.installation (
    one             boolean PRIMARY KEY DEFAULT true CHECK (one),
    installation_id text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE backup.installation IS 'The id by which this installation keeps its objects apart from those of others.';
COMMENT ON COLUMN backup.installation.one IS 'There is one row.';
COMMENT ON COLUMN backup.installation.installation_id IS 'Random, eight hexadecimal digits; part of the default prefix of every key.';
COMMENT ON COLUMN backup.installation.made_at IS 'When it was drawn.';

CREATE TABLE backup.destination (
    name       text COLLATE "C" PRIMARY KEY,
    kind       text NOT NULL,
    place      text NOT NULL,
    opened_at  timestamptz,
    state      text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'away', 'refused', 'unused')),
    problem    text,
    checked_at timestamptz,
    facts      jsonb
);
COMMENT ON TABLE backup.destination IS 'Places that archives are sent to, as the settings name them.';
COMMENT ON COLUMN backup.destination.name IS 'Name in the settings.';
COMMENT ON COLUMN backup.destination.kind IS 'folder or s3.';
COMMENT ON COLUMN backup.destination.place IS 'Where it is: a folder, or bucket and server; without secrets.';
COMMENT ON COLUMN backup.destination.opened_at IS 'When it got the marker of this installation; null before the first use.';
COMMENT ON COLUMN backup.destination.state IS 'ready; away: a disk or network is not there; refused: it says no; unused: the settings name it no more.';
COMMENT ON COLUMN backup.destination.problem IS 'Why it is away or refused, one sentence.';
COMMENT ON COLUMN backup.destination.checked_at IS 'When it was last looked at.';
COMMENT ON COLUMN backup.destination.facts IS 'What was found out about it: tags, preconditions, lifecycle and so on, each true or false.';

CREATE TABLE backup.archive (
    archive_id       uuid PRIMARY KEY,
    destination      text COLLATE "C" NOT NULL,
    collection_id    text COLLATE "C" NOT NULL,
    night            date NOT NULL,
    session_revision integer,
    arrived_before   timestamptz,
    number           integer,
    phase            text NOT NULL DEFAULT 'asked'
        CHECK (phase IN ('asked', 'planned', 'stored', 'verified', 'nothing_new', 'gone')),
    packing          jsonb,
    part_bytes       bigint,
    key              text COLLATE "C",
    manifest_key     text COLLATE "C",
    upload_id        text,
    files            bigint NOT NULL DEFAULT 0,
    size_bytes       bigint NOT NULL DEFAULT 0,
    sent_bytes       bigint NOT NULL DEFAULT 0,
    stored_bytes     bigint,
    left_out         bigint NOT NULL DEFAULT 0,
    etag             text,
    manifest_sha256  text COLLATE "C",
    stored_at        timestamptz,
    verified_at      timestamptz,
    deep_verified_at timestamptz,
    gone_at          timestamptz,
    gone_reason      text,
    UNIQUE (destination, collection_id, number),
    UNIQUE (destination, collection_id, session_revision)
);
COMMENT ON TABLE backup.archive IS 'Archives, and the jobs that make them: one for each destination, collection and cause.';
COMMENT ON COLUMN backup.archive.archive_id IS 'Id; follows from destination, collection and cause.';
COMMENT ON COLUMN backup.archive.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.archive.collection_id IS 'The session, or arrived_YYYYMMDD: files that arrived on that day (UTC) and belong to no session.';
COMMENT ON COLUMN backup.archive.night IS 'Night of the session, or the day of arrival.';
COMMENT ON COLUMN backup.archive.session_revision IS 'Revision of the session that caused it; null: files were found that no archive has.';
COMMENT ON COLUMN backup.archive.arrived_before IS 'Of a day of arrivals: files that arrived later wait for their session. Null for sessions.';
COMMENT ON COLUMN backup.archive.number IS 'Number among the archives of the collection at the destination, from 1 on; null before it is planned, and where nothing was new.';
COMMENT ON COLUMN backup.archive.phase IS 'asked; planned: its members are fixed; stored: all bytes are there; verified; nothing_new: other archives have all files; gone: deleted, by us or by somebody.';
COMMENT ON COLUMN backup.archive.packing IS 'How it is packed: kind, level, frame_bytes, version of zstd.';
COMMENT ON COLUMN backup.archive.part_bytes IS 'Size of all parts but the last, bytes.';
COMMENT ON COLUMN backup.archive.key IS 'Key of the archive at the destination.';
COMMENT ON COLUMN backup.archive.manifest_key IS 'Key of its manifest.';
COMMENT ON COLUMN backup.archive.upload_id IS 'Id of the upload that was begun; null before, and after it was completed.';
COMMENT ON COLUMN backup.archive.files IS 'Number of its members, those left out not counted.';
COMMENT ON COLUMN backup.archive.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.archive.sent_bytes IS 'Stored bytes that were sent so far.';
COMMENT ON COLUMN backup.archive.stored_bytes IS 'Size of the archive at the destination, bytes.';
COMMENT ON COLUMN backup.archive.left_out IS 'Number of members that were left out.';
COMMENT ON COLUMN backup.archive.etag IS 'ETag that the destination tells.';
COMMENT ON COLUMN backup.archive.manifest_sha256 IS 'SHA-256 of its manifest, which holds the SHA-256 of every part and every file.';
COMMENT ON COLUMN backup.archive.stored_at IS 'When all its bytes were at the destination.';
COMMENT ON COLUMN backup.archive.verified_at IS 'When size, ETag and the read-back share last agreed.';
COMMENT ON COLUMN backup.archive.deep_verified_at IS 'When all its bytes were last read back and agreed.';
COMMENT ON COLUMN backup.archive.gone_at IS 'When it was deleted, or found to be gone.';
COMMENT ON COLUMN backup.archive.gone_reason IS 'Why it is gone, one sentence.';

-- template: jobs table=archive key=archive_id

CREATE TABLE backup.member (
    archive_id    uuid NOT NULL REFERENCES backup.archive ON DELETE CASCADE,
    position      integer NOT NULL,
    file_id       text COLLATE "C" NOT NULL,
    root          text COLLATE "C" NOT NULL,
    path          text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    size_bytes    bigint NOT NULL,
    arrived_at    timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'written', 'left_out', 'damaged', 'forgotten')),
    reason        text,
    tries         integer NOT NULL DEFAULT 0,
    stored_offset bigint,
    stored_bytes  bigint,
    frame_sizes   integer[],
    header_sha256 text COLLATE "C",
    read_back_at  timestamptz,
    PRIMARY KEY (archive_id, position)
);
CREATE INDEX member_file ON backup.member (file_id);
COMMENT ON TABLE backup.member IS 'What is to be in each archive, and is.';
COMMENT ON COLUMN backup.member.archive_id IS 'Archive.';
COMMENT ON COLUMN backup.member.position IS 'Place among its members, from 0 on.';
COMMENT ON COLUMN backup.member.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN backup.member.root IS 'Root that it was planned from.';
COMMENT ON COLUMN backup.member.path IS 'Path below that root.';
COMMENT ON COLUMN backup.member.name IS 'Name in the archive: collection, root and path, with the beginning of its id where another file of the collection has these.';
COMMENT ON COLUMN backup.member.size_bytes IS 'Size of the file, bytes.';
COMMENT ON COLUMN backup.member.arrived_at IS 'When the file arrived; its time in the tar.';
COMMENT ON COLUMN backup.member.state IS 'planned; written; left_out: it could not be read, so the archive is without it; damaged: a check found it spoilt at the destination; forgotten: a person asked for that.';
COMMENT ON COLUMN backup.member.reason IS 'Why it was left out or is damaged, one sentence.';
COMMENT ON COLUMN backup.member.tries IS 'How often its reading failed.';
COMMENT ON COLUMN backup.member.stored_offset IS 'Where it begins in the archive, bytes.';
COMMENT ON COLUMN backup.member.stored_bytes IS 'How long it is there, bytes.';
COMMENT ON COLUMN backup.member.frame_sizes IS 'Stored size of each of its zstd frames, bytes; empty in a plain tar.';
COMMENT ON COLUMN backup.member.header_sha256 IS 'SHA-256 of the primary header of a FITS file; null for others.';
COMMENT ON COLUMN backup.member.read_back_at IS 'When this very member was last read from the destination and had its content.';

CREATE TABLE backup.part (
    archive_id   uuid NOT NULL REFERENCES backup.archive ON DELETE CASCADE,
    number       integer NOT NULL,
    position     integer NOT NULL,
    point_offset bigint NOT NULL,
    size_bytes   bigint NOT NULL,
    md5          text COLLATE "C" NOT NULL,
    sha256       text COLLATE "C" NOT NULL,
    etag         text NOT NULL,
    PRIMARY KEY (archive_id, number)
);
COMMENT ON TABLE backup.part IS 'Parts of each archive that were sent: where an interrupted upload goes on, and what a check compares.';
COMMENT ON COLUMN backup.part.archive_id IS 'Archive.';
COMMENT ON COLUMN backup.part.number IS 'Number of the part, from 1 on.';
COMMENT ON COLUMN backup.part.position IS 'Member in which it begins.';
COMMENT ON COLUMN backup.part.point_offset IS 'Where in that member it begins, stored bytes.';
COMMENT ON COLUMN backup.part.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN backup.part.md5 IS 'MD5, hexadecimal.';
COMMENT ON COLUMN backup.part.sha256 IS 'SHA-256, hexadecimal.';
COMMENT ON COLUMN backup.part.etag IS 'ETag that the destination gave it; empty: it is void, and its bytes are to be made anew from where it begins.';

CREATE TABLE backup.coverage (
    destination      text COLLATE "C" PRIMARY KEY,
    files            bigint NOT NULL,
    size_bytes       bigint NOT NULL,
    archived         bigint NOT NULL,
    archived_bytes   bigint NOT NULL,
    unprotected       bigint NOT NULL,
    unprotected_bytes bigint NOT NULL,
    unreadable       bigint NOT NULL,
    unreadable_bytes bigint NOT NULL,
    nights           bigint NOT NULL,
    counted_at       timestamptz NOT NULL
);
COMMENT ON TABLE backup.coverage IS 'How many of all files each destination has; the empty name stands for any destination.';
COMMENT ON COLUMN backup.coverage.destination IS 'Destination; empty: at least one of them.';
COMMENT ON COLUMN backup.coverage.files IS 'Files that are known: archived + unprotected + unreadable.';
COMMENT ON COLUMN backup.coverage.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverage.archived IS 'Files in a verified archive.';
COMMENT ON COLUMN backup.coverage.archived_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverage.unprotected IS 'Files in none that can be read.';
COMMENT ON COLUMN backup.coverage.unprotected_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverage.unreadable IS 'Files in none that can be read nowhere: missing or offline.';
COMMENT ON COLUMN backup.coverage.unreadable_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverage.nights IS 'Nights with unprotected files.';
COMMENT ON COLUMN backup.coverage.counted_at IS 'When this was counted.';

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

CREATE VIEW backup.archived_file AS
SELECT m.file_id, a.destination, a.archive_id, a.collection_id, a.key, m.position, m.root, m.path, m.size_bytes, m.state,
       m.reason, m.stored_offset, m.stored_bytes, m.frame_sizes, a.verified_at, m.read_back_at, m.name, m.arrived_at
FROM backup.member m JOIN backup.archive a USING (archive_id)
WHERE m.state IN ('written', 'damaged') AND a.phase = 'verified';
COMMENT ON VIEW backup.archived_file IS 'Contract: which content lies in which verified archive; a row for each copy at a destination.';
COMMENT ON COLUMN backup.archived_file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN backup.archived_file.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.archived_file.archive_id IS 'Archive.';
COMMENT ON COLUMN backup.archived_file.collection_id IS 'The session, or arrived_YYYYMMDD: files that arrived on that day (UTC) and belong to no session.';
COMMENT ON COLUMN backup.archived_file.key IS 'Key of the archive at the destination.';
COMMENT ON COLUMN backup.archived_file.position IS 'Place among its members, from 0 on.';
COMMENT ON COLUMN backup.archived_file.root IS 'Root that it was planned from.';
COMMENT ON COLUMN backup.archived_file.path IS 'Path below that root.';
COMMENT ON COLUMN backup.archived_file.size_bytes IS 'Size of the file, bytes.';
COMMENT ON COLUMN backup.archived_file.state IS 'written, or damaged: a check found it spoilt at the destination.';
COMMENT ON COLUMN backup.archived_file.reason IS 'Why it is damaged, one sentence.';
COMMENT ON COLUMN backup.archived_file.stored_offset IS 'Where it begins in the archive, bytes.';
COMMENT ON COLUMN backup.archived_file.stored_bytes IS 'How long it is there, bytes.';
COMMENT ON COLUMN backup.archived_file.frame_sizes IS 'Stored size of each of its zstd frames, bytes; empty in a plain tar.';
COMMENT ON COLUMN backup.archived_file.verified_at IS 'When size, ETag and the read-back share of the archive last agreed, UTC.';
COMMENT ON COLUMN backup.archived_file.read_back_at IS 'When this very member was last read from the destination and had its content, UTC.';
COMMENT ON COLUMN backup.archived_file.name IS 'Name in the archive: collection, root and path, with the beginning of its id where another file of the collection has these.';
COMMENT ON COLUMN backup.archived_file.arrived_at IS 'When the file arrived, UTC; its time in the tar.';

CREATE VIEW backup.left_out_file AS
SELECT m.file_id, a.destination, a.collection_id, a.archive_id, m.root, m.path, m.size_bytes, m.reason, a.stored_at
FROM backup.member m JOIN backup.archive a USING (archive_id)
WHERE m.state = 'left_out' AND NOT EXISTS (
    SELECT FROM backup.member o JOIN backup.archive b USING (archive_id)
    WHERE o.file_id = m.file_id AND b.destination = a.destination AND o.state = 'written' AND b.phase = 'verified');
COMMENT ON VIEW backup.left_out_file IS 'Contract: files that an archive went without and that no other one at that destination has.';
COMMENT ON COLUMN backup.left_out_file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN backup.left_out_file.destination IS 'Where it lies.';
COMMENT ON COLUMN backup.left_out_file.collection_id IS 'The session, or arrived_YYYYMMDD: files that arrived on that day (UTC) and belong to no session.';
COMMENT ON COLUMN backup.left_out_file.archive_id IS 'Archive.';
COMMENT ON COLUMN backup.left_out_file.root IS 'Root that it was planned from.';
COMMENT ON COLUMN backup.left_out_file.path IS 'Path below that root.';
COMMENT ON COLUMN backup.left_out_file.size_bytes IS 'Size of the file, bytes.';
COMMENT ON COLUMN backup.left_out_file.reason IS 'Why it was left out or is damaged, one sentence.';
COMMENT ON COLUMN backup.left_out_file.stored_at IS 'When all its bytes were at the destination, UTC.';

CREATE VIEW backup.destinations AS
SELECT d.name, d.kind, d.place, d.opened_at, d.state, d.problem, d.checked_at, d.facts, i.installation_id
FROM backup.destination d CROSS JOIN backup.installation i;
COMMENT ON VIEW backup.destinations IS 'Contract: the destinations and how they are.';
COMMENT ON COLUMN backup.destinations.name IS 'Name in the settings.';
COMMENT ON COLUMN backup.destinations.kind IS 'folder or s3.';
COMMENT ON COLUMN backup.destinations.place IS 'Where it is: a folder, or bucket and server; without secrets.';
COMMENT ON COLUMN backup.destinations.opened_at IS 'When it got the marker of this installation, UTC; null before the first use.';
COMMENT ON COLUMN backup.destinations.state IS 'ready; away: a disk or network is not there; refused: it says no; unused: the settings name it no more.';
COMMENT ON COLUMN backup.destinations.problem IS 'Why it is away or refused, one sentence.';
COMMENT ON COLUMN backup.destinations.checked_at IS 'When it was last looked at, UTC.';
COMMENT ON COLUMN backup.destinations.facts IS 'What was found out about it: tags, preconditions, lifecycle and so on, each true or false.';
COMMENT ON COLUMN backup.destinations.installation_id IS 'Id of this installation; part of the default prefix of every key.';

CREATE VIEW backup.coverages AS
SELECT destination, files, size_bytes, archived, archived_bytes, unprotected, unprotected_bytes, unreadable,
       unreadable_bytes, nights, counted_at
FROM backup.coverage;
COMMENT ON VIEW backup.coverages IS 'Contract: how many of all files each destination has; the empty name stands for any destination.';
COMMENT ON COLUMN backup.coverages.destination IS 'Destination; empty: at least one of them.';
COMMENT ON COLUMN backup.coverages.files IS 'Files that are known: archived + unprotected + unreadable.';
COMMENT ON COLUMN backup.coverages.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverages.archived IS 'Files in a verified archive.';
COMMENT ON COLUMN backup.coverages.archived_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverages.unprotected IS 'Files in none that can be read.';
COMMENT ON COLUMN backup.coverages.unprotected_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverages.unreadable IS 'Files in none that can be read nowhere: missing or offline.';
COMMENT ON COLUMN backup.coverages.unreadable_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN backup.coverages.nights IS 'Nights with unprotected files.';
COMMENT ON COLUMN backup.coverages.counted_at IS 'When this was counted, UTC.';

-- template: inbox
-- template: outbox

CREATE VIEW backup.counts AS
SELECT (SELECT count(*) FROM backup.archive WHERE phase = 'verified') AS archives,
       (SELECT count(*) FROM backup.archive WHERE state IN ('waiting', 'running')) AS waiting,
       (SELECT count(*) FROM backup.archive WHERE state IN ('failed', 'dead')) AS failed,
       (SELECT count(*) FROM backup.outbox) AS outbox_waiting;
COMMENT ON VIEW backup.counts IS 'Contract: how many archives are verified, wait and failed, and events that wait in the outbox.';
COMMENT ON COLUMN backup.counts.archives IS 'Archives that are verified.';
COMMENT ON COLUMN backup.counts.waiting IS 'Archives that wait or are being made.';
COMMENT ON COLUMN backup.counts.failed IS 'Archives that failed or were given up.';
COMMENT ON COLUMN backup.counts.outbox_waiting IS 'Events that wait in the outbox.';

COMMENT ON COLUMN backup.archive_progress.archive_id IS 'Id; follows from destination, collection and cause.';
COMMENT ON COLUMN backup.archive_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN backup.archive_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN backup.archive_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN backup.archive_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN backup.archive_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN backup.archive_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN backup.archive_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN backup.archive_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN backup.archive_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN backup.archive_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN backup.archive_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
