-- Locations know the mtime at which they were whole, what is missing is told, and damaged copies are kept.

ALTER TABLE ingest.location
    ADD COLUMN mtime_ns      bigint,
    ADD COLUMN missing_since timestamptz;
CREATE INDEX location_missing ON ingest.location (file_id) WHERE missing_since IS NOT NULL;
COMMENT ON COLUMN ingest.location.mtime_ns IS 'Modification time with which the file was placed, or at which it was later found whole, nanoseconds since 1970; null: not known.';
COMMENT ON COLUMN ingest.location.missing_since IS 'When the file was first found to be gone; null while it is there.';

ALTER TABLE ingest.source_file
    DROP CONSTRAINT source_file_state_check,
    ADD CONSTRAINT source_file_state_check
        CHECK (state IN ('arrived', 'already_here', 'brought_back', 'repaired', 'set_beside', 'failed'));
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; brought_back, repaired, set_beside: known content whose copy in the library had gone, had rotted, or had been changed by somebody; failed: see reason, tried again at each scan.';

CREATE TABLE ingest.damage (
    root       text NOT NULL,
    kept_as    text COLLATE "C" NOT NULL,
    path       text COLLATE "C" NOT NULL,
    file_id    text COLLATE "C",
    size_bytes bigint NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (root, kept_as)
);
COMMENT ON TABLE ingest.damage IS 'Damaged copies of the library that were replaced by good ones: where each is kept.';
COMMENT ON COLUMN ingest.damage.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.damage.kept_as IS 'Path of the damaged copy below the root.';
COMMENT ON COLUMN ingest.damage.path IS 'Path below the root that it was found at.';
COMMENT ON COLUMN ingest.damage.file_id IS 'Content that it should have held, where that is known.';
COMMENT ON COLUMN ingest.damage.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN ingest.damage.found_at IS 'When it was replaced.';

CREATE TABLE ingest.library_check (
    root       text PRIMARY KEY,
    files      bigint NOT NULL,
    problem    text,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ingest.library_check IS 'The last look at whether the files of a library are there.';
COMMENT ON COLUMN ingest.library_check.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.library_check.files IS 'Places that were looked at.';
COMMENT ON COLUMN ingest.library_check.problem IS 'Why the look changed nothing, one sentence; null where it counts.';
COMMENT ON COLUMN ingest.library_check.checked_at IS 'When the look ended.';

CREATE VIEW ingest.missing_file AS
SELECT l.file_id, l.root, l.path, f.size_bytes, l.missing_since
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root AND r.kind = 'library'
JOIN ingest.file f USING (file_id)
WHERE l.missing_since IS NOT NULL
  AND NOT EXISTS (SELECT FROM ingest.location o WHERE o.file_id = l.file_id AND o.root = l.root AND o.missing_since IS NULL);
COMMENT ON VIEW ingest.missing_file IS 'Contract: places in the library whose file is gone, where no other place in it holds that content.';

CREATE VIEW ingest.damaged_copy AS
SELECT d.file_id, d.root, d.path, concat_ws('/', r.path, d.kept_as) AS kept_as, d.size_bytes, d.found_at
FROM ingest.damage d
JOIN ingest.root r ON r.name = d.root;
COMMENT ON VIEW ingest.damaged_copy IS 'Contract: damaged copies that were replaced by good ones, and where each is kept.';

CREATE VIEW ingest.library_state AS
SELECT r.name AS root, r.path, c.files, c.checked_at, c.problem,
       (SELECT count(DISTINCT m.file_id) FROM ingest.missing_file m WHERE m.root = r.name) AS missing,
       (SELECT count(*) FROM ingest.damage d WHERE d.root = r.name) AS damaged
FROM ingest.root r
LEFT JOIN ingest.library_check c ON c.root = r.name
WHERE r.kind = 'library';
COMMENT ON VIEW ingest.library_state IS 'Contract: how many files of the library are missing or were found damaged, by the last look at it.';

ALTER TABLE ingest.import
    ADD COLUMN verify       boolean NOT NULL DEFAULT false,
    ADD COLUMN brought_back bigint NOT NULL DEFAULT 0,
    ADD COLUMN repaired     bigint NOT NULL DEFAULT 0,
    ADD COLUMN set_beside   bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest.import.verify IS 'Whether the stored copies of known content are read and hashed.';
COMMENT ON COLUMN ingest.import.brought_back IS 'Of already_here: they had gone from the library, and are in it again.';
COMMENT ON COLUMN ingest.import.repaired IS 'Of already_here: their copy in the library was damaged, and was replaced.';
COMMENT ON COLUMN ingest.import.set_beside IS 'Of already_here: somebody had changed their copy in the library; it stays, and the original lies beside it.';
CREATE OR REPLACE VIEW ingest.import_progress AS
SELECT import_id, state, found, arrived, already_here, ignored, failed, ignored_by, failures, error, created_at, finished_at,
       waiting, waiting_for, brought_home, verify, brought_back, repaired, set_beside
FROM ingest.import;
