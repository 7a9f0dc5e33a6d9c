DROP VIEW ingest.not_taken;
COMMENT ON COLUMN ingest.source_file.ctime_ns IS 'Change time when it was taken, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.source_file.mtime_ns IS 'Modification time when it was taken, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.source_file.name IS 'File name.';
COMMENT ON COLUMN ingest.source_file.folder IS 'Folder below the source, forward slashes, empty for the source itself.';
COMMENT ON TABLE ingest.source_file IS 'The ledger: what each source held when it was last looked at, and what became of it.';
DROP INDEX ingest.source_file_failed;
