-- Files that moved are found where they are now, and files that a person asked to forget are gone for good.

ALTER TABLE stats.file ADD COLUMN location_revision integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN stats.file.location_revision IS 'Location revision that the announcement knew of; a later move tells root and path instead of it.';
ALTER TABLE stats.frame ADD COLUMN location_revision integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN stats.frame.location_revision IS 'Location revision of the path that the stem is of.';

CREATE TABLE stats.moved (
    file_id           text COLLATE "C" PRIMARY KEY,
    location_revision integer NOT NULL,
    root              text COLLATE "C" NOT NULL,
    path              text COLLATE "C" NOT NULL
);
COMMENT ON TABLE stats.moved IS 'The latest move of each file that was ever moved.';
COMMENT ON COLUMN stats.moved.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.moved.location_revision IS 'Only a higher one changes the row.';
COMMENT ON COLUMN stats.moved.root IS 'Root that it was moved to.';
COMMENT ON COLUMN stats.moved.path IS 'Path below the root.';

CREATE TABLE stats.removed (
    file_id           text COLLATE "C" PRIMARY KEY,
    scan_revision     integer NOT NULL,
    location_revision integer NOT NULL,
    removed_at        timestamptz NOT NULL
);
COMMENT ON TABLE stats.removed IS 'Files that a person asked to forget; what comes of their revisions up to this one is too late.';
COMMENT ON COLUMN stats.removed.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.removed.scan_revision IS 'Highest scan revision that is forgotten; a file that came back has a higher one.';
COMMENT ON COLUMN stats.removed.location_revision IS 'Highest location revision that is forgotten.';
COMMENT ON COLUMN stats.removed.removed_at IS 'When it was forgotten.';
