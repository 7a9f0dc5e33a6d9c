DROP TABLE stats.removed, stats.moved;
ALTER TABLE stats.frame DROP COLUMN location_revision;
ALTER TABLE stats.file DROP COLUMN location_revision;
