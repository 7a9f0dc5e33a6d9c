ALTER TABLE stats.session DROP COLUMN told_at;
