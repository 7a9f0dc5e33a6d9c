ALTER TABLE ingest.tombstone DROP COLUMN root, DROP COLUMN path, DROP COLUMN told_at;
