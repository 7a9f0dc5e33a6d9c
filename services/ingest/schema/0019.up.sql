-- Derived files may be symbolic links; what each says is kept, so that it is removed as what it is. Places tell when their file is gone.

ALTER TABLE ingest.location
    ADD COLUMN links_to text CHECK (links_to IS NULL OR kind = 'derived');
COMMENT ON COLUMN ingest.location.links_to IS 'What a symbolic link says, where a derived file is one; else null.';

ALTER TABLE ingest.keeper_step ADD COLUMN links_to text;
COMMENT ON COLUMN ingest.keeper_step.links_to IS 'What a symbolic link says that is to be removed; null where it is a file.';

CREATE OR REPLACE VIEW ingest.derived_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, l.size_bytes, l.made_by, l.created_at, l.missing_since,
       l.links_to
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'derived';
COMMENT ON COLUMN ingest.derived_location.links_to IS 'What a symbolic link says, where it is one; walks do not look whether it is there.';

CREATE OR REPLACE VIEW ingest.file_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at,
       l.missing_since
FROM ingest.location l
JOIN ingest.file f USING (file_id)
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'library';
COMMENT ON COLUMN ingest.file_location.missing_since IS 'When the file was first found to be gone from this place, UTC; null while it is there.';
