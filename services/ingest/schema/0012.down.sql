-- Only fingerprints of folders are inode and ctime; a file of any other source is read once more.

ALTER TABLE ingest.source_file ADD COLUMN ctime_ns bigint NOT NULL DEFAULT 0;
ALTER TABLE ingest.source_file ALTER COLUMN ctime_ns TYPE bigint USING
    CASE WHEN length(fingerprint) = 16 THEN ('x' || encode(substr(fingerprint, 9), 'hex'))::bit(64)::bigint ELSE 0 END;
ALTER TABLE ingest.source_file ALTER COLUMN ctime_ns DROP DEFAULT;
ALTER TABLE ingest.source_file ALTER COLUMN fingerprint TYPE bigint USING
    CASE WHEN length(fingerprint) = 16 THEN ('x' || encode(substr(fingerprint, 1, 8), 'hex'))::bit(64)::bigint ELSE 0 END;
ALTER TABLE ingest.source_file RENAME COLUMN fingerprint TO inode;
COMMENT ON COLUMN ingest.source_file.ctime_ns IS 'Change time when it was taken, nanoseconds since 1970, within the same limits.';
COMMENT ON COLUMN ingest.source_file.inode IS 'Inode number when it was taken, its lowest 63 bits.';
COMMENT ON COLUMN ingest.file.hints IS 'What the sender knew: catalog_id, target, rig, execution ids.';
