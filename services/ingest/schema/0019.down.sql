DROP VIEW ingest.file_location;
CREATE VIEW ingest.file_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at
FROM ingest.location l
JOIN ingest.file f USING (file_id)
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'library';
COMMENT ON VIEW ingest.file_location IS 'Contract: where every content lies; one row per path.';
COMMENT ON COLUMN ingest.file_location.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingest.file_location.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.file_location.path IS 'Path below the root, forward slashes.';
COMMENT ON COLUMN ingest.file_location.root_path IS 'Folder of the root on the host of ingest.';
COMMENT ON COLUMN ingest.file_location.size_bytes IS 'Size of a derived file, bytes; null: that of the file.';
COMMENT ON COLUMN ingest.file_location.source IS 'Source that the content first came from.';
COMMENT ON COLUMN ingest.file_location.origin IS 'Path below that source.';
COMMENT ON COLUMN ingest.file_location.scan_revision IS 'Grows each time the content is to be read anew.';
COMMENT ON COLUMN ingest.file_location.arrived_at IS 'When the first copy of the content was recorded, UTC.';

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
