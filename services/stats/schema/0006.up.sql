-- A session knows when it was last told, so that what was lost with a stream is told again.

ALTER TABLE stats.session ADD COLUMN told_at timestamptz;
UPDATE stats.session SET told_at = finished_at;
COMMENT ON COLUMN stats.session.told_at IS 'When session.finished of this revision was last written to the outbox; null when it cannot be told.';
