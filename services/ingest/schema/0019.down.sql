DROP VIEW ingest.derived_location;
CREATE VIEW ingest.derived_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, l.size_bytes, l.made_by, l.created_at, l.missing_since
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'derived';
COMMENT ON VIEW ingest.derived_location IS 'Contract: files that services made from others and had placed; they are never counted, archived or taken as a source.';
COMMENT ON COLUMN ingest.derived_location.file_id IS 'Content that lies there.';
COMMENT ON COLUMN ingest.derived_location.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.derived_location.path IS 'Path below the root, forward slashes.';
COMMENT ON COLUMN ingest.derived_location.root_path IS 'Folder of the root on the host of ingest.';
COMMENT ON COLUMN ingest.derived_location.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN ingest.derived_location.made_by IS 'Service that had it placed.';
COMMENT ON COLUMN ingest.derived_location.created_at IS 'When it was placed, UTC.';
COMMENT ON COLUMN ingest.derived_location.missing_since IS 'When it was first found to be gone, UTC; null while it is there.';

ALTER TABLE ingest.keeper_step DROP COLUMN links_to;
DELETE FROM ingest.location WHERE links_to IS NOT NULL;
ALTER TABLE ingest.location DROP COLUMN links_to;
