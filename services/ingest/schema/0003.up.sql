-- What could not be taken is listed with its reasons for as long as it lasts.

CREATE INDEX source_file_failed ON ingest.source_file (source, folder) WHERE state = 'failed';
COMMENT ON TABLE ingest.source_file IS 'The ledger: what each source held when it was last looked at, and what became of it; failures stand here for as long as they last.';
COMMENT ON COLUMN ingest.source_file.folder IS 'Folder below the source, forward slashes, empty for the source itself; a path of 2,000 bytes or more is cut and ends with a hash.';
COMMENT ON COLUMN ingest.source_file.name IS 'File name, bytes that are not UTF-8 written as \xff; empty where the folder itself cannot be read.';
COMMENT ON COLUMN ingest.source_file.mtime_ns IS 'Modification time when it was taken, nanoseconds since 1970; before 1677 and after 2262 the nearest that 64 bits hold.';
COMMENT ON COLUMN ingest.source_file.ctime_ns IS 'Change time when it was taken, nanoseconds since 1970, within the same limits.';

CREATE VIEW ingest.not_taken AS
SELECT source, concat_ws('/', nullif(folder, ''), nullif(name, '')) AS path, reason, observed_at
FROM ingest.source_file
WHERE state = 'failed';
COMMENT ON VIEW ingest.not_taken IS 'Contract: files and folders of the sources that could not be taken, with the reason; they are tried again at each scan.';
