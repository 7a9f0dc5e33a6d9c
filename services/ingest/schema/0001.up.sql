-- First tables of the ingest schema.

CREATE TABLE ingest.root (
    name       text PRIMARY KEY,
    path       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('library', 'indexed', 'source')),
    marker_id  uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ingest.root IS 'Named folders: the library, indexed trees, and sources that files are copied from.';
COMMENT ON COLUMN ingest.root.name IS 'Short name, as in events.';
COMMENT ON COLUMN ingest.root.path IS 'Folder on the host of ingest.';
COMMENT ON COLUMN ingest.root.kind IS 'library: we place files in it; indexed: files stay in it; source: files are copied from it.';
COMMENT ON COLUMN ingest.root.marker_id IS 'Id in the marker file of a library; null for roots we never write to.';
COMMENT ON COLUMN ingest.root.created_at IS 'When the root was first seen.';

CREATE TABLE ingest.file (
    file_id       text COLLATE "C" PRIMARY KEY,
    size_bytes    bigint NOT NULL,
    source        text NOT NULL,
    source_zone   text,
    origin        text NOT NULL,
    replaces      text COLLATE "C",
    hints         jsonb,
    scan_revision integer NOT NULL DEFAULT 1,
    arrived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    announced_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      integer NOT NULL DEFAULT 0,
    settled       boolean NOT NULL DEFAULT false
);
CREATE INDEX file_unsettled ON ingest.file (announced_at) WHERE NOT settled;
COMMENT ON TABLE ingest.file IS 'One content, wherever it lies.';
COMMENT ON COLUMN ingest.file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingest.file.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN ingest.file.source IS 'Source that it first came from.';
COMMENT ON COLUMN ingest.file.source_zone IS 'IANA time zone of that source, for local times in names.';
COMMENT ON COLUMN ingest.file.origin IS 'Path below the source''s folder.';
COMMENT ON COLUMN ingest.file.replaces IS 'Content that the same path held before.';
COMMENT ON COLUMN ingest.file.hints IS 'What the sender knew: catalog_id, target, rig, execution ids.';
COMMENT ON COLUMN ingest.file.scan_revision IS 'Grows each time the file is to be read anew.';
COMMENT ON COLUMN ingest.file.arrived_at IS 'When the first copy was recorded.';
COMMENT ON COLUMN ingest.file.announced_at IS 'When file.arrived was last written to the outbox.';
COMMENT ON COLUMN ingest.file.attempts IS 'How often the reconciler has announced this revision again.';
COMMENT ON COLUMN ingest.file.settled IS 'Whether file.scanned or file.quarantined of this revision has been seen.';

CREATE TABLE ingest.location (
    root       text NOT NULL,
    path       text COLLATE "C" NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    revision   integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (root, path)
);
CREATE INDEX location_file ON ingest.location (file_id);
COMMENT ON TABLE ingest.location IS 'Where a content lies: one row per path of the library or of an indexed tree.';
COMMENT ON COLUMN ingest.location.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.location.path IS 'Path below the root, forward slashes.';
COMMENT ON COLUMN ingest.location.file_id IS 'Content that lies there.';
COMMENT ON COLUMN ingest.location.revision IS 'Grows when the path gets other content or the file is moved.';
COMMENT ON COLUMN ingest.location.created_at IS 'When the location was recorded.';

CREATE TABLE ingest.source_file (
    source      text NOT NULL,
    folder      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    size_bytes  bigint NOT NULL,
    mtime_ns    bigint NOT NULL,
    ctime_ns    bigint NOT NULL,
    inode       bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('arrived', 'already_here', 'failed')),
    file_id     text COLLATE "C",
    reason      text,
    import_id   uuid,
    observed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, folder, name)
);
COMMENT ON TABLE ingest.source_file IS 'The ledger: what each source held when it was last looked at, and what became of it.';
COMMENT ON COLUMN ingest.source_file.source IS 'Name of the source.';
COMMENT ON COLUMN ingest.source_file.folder IS 'Folder below the source, forward slashes, empty for the source itself.';
COMMENT ON COLUMN ingest.source_file.name IS 'File name.';
COMMENT ON COLUMN ingest.source_file.size_bytes IS 'Size when it was taken, bytes.';
COMMENT ON COLUMN ingest.source_file.mtime_ns IS 'Modification time when it was taken, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.source_file.ctime_ns IS 'Change time when it was taken, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.source_file.inode IS 'Inode number when it was taken, its lowest 63 bits.';
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; failed: see reason, tried again at each scan.';
COMMENT ON COLUMN ingest.source_file.file_id IS 'Content, once it was read.';
COMMENT ON COLUMN ingest.source_file.reason IS 'Why it failed, one sentence.';
COMMENT ON COLUMN ingest.source_file.import_id IS 'The import that took it; null for the periodic scan.';
COMMENT ON COLUMN ingest.source_file.observed_at IS 'When the row was written.';

CREATE TABLE ingest.import (
    import_id    uuid PRIMARY KEY,
    paths        text[] NOT NULL,
    mode         text NOT NULL CHECK (mode IN ('copy', 'move', 'index')),
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    found        bigint NOT NULL DEFAULT 0,
    arrived      bigint NOT NULL DEFAULT 0,
    already_here bigint NOT NULL DEFAULT 0,
    ignored      bigint NOT NULL DEFAULT 0,
    failed       bigint NOT NULL DEFAULT 0,
    ignored_by   jsonb NOT NULL DEFAULT '{}',
    failures     text[] NOT NULL DEFAULT '{}',
    error        text,
    leased_until timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz
);
COMMENT ON TABLE ingest.import IS 'Imports that a person asked for; found = arrived + already_here + ignored + failed once done.';
COMMENT ON COLUMN ingest.import.import_id IS 'Idempotency id of the command.';
COMMENT ON COLUMN ingest.import.paths IS 'Absolute paths on the host of ingest.';
COMMENT ON COLUMN ingest.import.mode IS 'copy, move or index.';
COMMENT ON COLUMN ingest.import.state IS 'waiting, running, done or failed.';
COMMENT ON COLUMN ingest.import.found IS 'Files seen so far.';
COMMENT ON COLUMN ingest.import.arrived IS 'Files whose content is new.';
COMMENT ON COLUMN ingest.import.already_here IS 'Files whose content was known.';
COMMENT ON COLUMN ingest.import.ignored IS 'Files that are not captures; ignored_by has the rules.';
COMMENT ON COLUMN ingest.import.failed IS 'Files that could not be taken; failures has sentences.';
COMMENT ON COLUMN ingest.import.ignored_by IS 'Number of ignored files by rule.';
COMMENT ON COLUMN ingest.import.failures IS 'Up to 100 sentences, each naming a file and the reason.';
COMMENT ON COLUMN ingest.import.error IS 'Why the whole import failed, one sentence.';
COMMENT ON COLUMN ingest.import.leased_until IS 'A running import whose lease ran out is taken over.';
COMMENT ON COLUMN ingest.import.created_at IS 'When the command was committed.';
COMMENT ON COLUMN ingest.import.finished_at IS 'When it was done or failed.';

CREATE TABLE ingest.deletion (
    source     text NOT NULL,
    folder     text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    size_bytes bigint NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'refused')),
    reason     text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, folder, name)
);
COMMENT ON TABLE ingest.deletion IS 'Sources of moved files that are to be deleted, each after it was hashed once more.';
COMMENT ON COLUMN ingest.deletion.source IS 'Name of the source.';
COMMENT ON COLUMN ingest.deletion.folder IS 'Folder below the source.';
COMMENT ON COLUMN ingest.deletion.name IS 'File name.';
COMMENT ON COLUMN ingest.deletion.file_id IS 'Content that must still be there.';
COMMENT ON COLUMN ingest.deletion.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN ingest.deletion.state IS 'waiting, or refused because the source has changed.';
COMMENT ON COLUMN ingest.deletion.reason IS 'Why it was refused, one sentence.';
COMMENT ON COLUMN ingest.deletion.created_at IS 'When the copy was committed.';

-- template: outbox

-- template: inbox

CREATE VIEW ingest.file_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at
FROM ingest.location l
JOIN ingest.file f USING (file_id)
JOIN ingest.root r ON r.name = l.root;
COMMENT ON VIEW ingest.file_location IS 'Contract: where every content lies; one row per path.';

CREATE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at
FROM ingest.import;
COMMENT ON VIEW ingest.import_progress IS 'Contract: how far each import is.';

CREATE VIEW ingest.stage AS
SELECT (SELECT count(*) FROM ingest.file) AS files,
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM ingest.file) AS size_bytes,
       (SELECT count(*) FROM ingest.source_file WHERE state = 'failed') AS failed,
       (SELECT count(*) FROM ingest.outbox) AS outbox_waiting;
COMMENT ON VIEW ingest.stage IS 'Contract: counts of the ingest stage.';
