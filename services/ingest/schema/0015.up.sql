-- Deletions that wait for a backup: files stay at their source until an archive has them and they were read back from it.

ALTER TABLE ingest.deletion ADD COLUMN read_back_asked_at timestamptz;
COMMENT ON COLUMN ingest.deletion.kind IS 'deletion; large_deletion: of a large file; deletion_after_backup: it waits until a verified archive has the file and that member was read back.';
COMMENT ON COLUMN ingest.deletion.read_back_asked_at IS 'When backup was last asked to read its member back, while it waits for a backup; null: never.';
CREATE INDEX deletion_file_after_backup ON ingest.deletion (file_id) WHERE kind = 'deletion_after_backup';

CREATE OR REPLACE VIEW ingest.kept_source AS
SELECT source, concat_ws('/', nullif(folder, ''), name) AS path, size_bytes,
       CASE WHEN state IN ('waiting', 'running') THEN 'waiting' ELSE 'refused' END AS state,
       reason, postponed AS attempts, next_try_at
FROM ingest.deletion
WHERE reason IS NOT NULL AND kind <> 'deletion_after_backup';
COMMENT ON VIEW ingest.kept_source IS 'Contract: files of sources that could not be deleted there, with the reason; not those that only wait for a backup.';

CREATE VIEW ingest.awaited_backup AS
SELECT source, concat_ws('/', nullif(folder, ''), name) AS path, file_id, size_bytes, created_at AS since, read_back_asked_at
FROM ingest.deletion
WHERE kind = 'deletion_after_backup' AND state = 'waiting';
COMMENT ON VIEW ingest.awaited_backup IS 'Contract: files that stay at their source until a verified archive has them and they were read back from it.';
COMMENT ON COLUMN ingest.awaited_backup.source IS 'Name of the source.';
COMMENT ON COLUMN ingest.awaited_backup.path IS 'Path below the source.';
COMMENT ON COLUMN ingest.awaited_backup.file_id IS 'Content that must still be there, SHA-256, hexadecimal.';
COMMENT ON COLUMN ingest.awaited_backup.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN ingest.awaited_backup.since IS 'When its copy in the library was committed, UTC.';
COMMENT ON COLUMN ingest.awaited_backup.read_back_asked_at IS 'When backup was last asked to read its member back, UTC; null where no archive has it yet.';
