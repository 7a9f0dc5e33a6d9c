ALTER TABLE stats.session DROP COLUMN untold;

DROP INDEX stats.pending_source;
ALTER TABLE stats.pending DROP COLUMN source;
ALTER TABLE stats.pending RENAME COLUMN waiting_since TO arrived_at;
COMMENT ON COLUMN stats.pending.arrived_at IS 'When the file arrived.';

DROP TABLE stats.source;
