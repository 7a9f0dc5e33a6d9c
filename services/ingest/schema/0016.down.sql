DROP VIEW ingest.root_space;
ALTER TABLE ingest.root
    DROP COLUMN free_bytes, DROP COLUMN disk_bytes, DROP COLUMN night_bytes, DROP COLUMN nights_left,
    DROP COLUMN measured_at;
