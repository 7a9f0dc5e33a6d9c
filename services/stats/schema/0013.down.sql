DELETE FROM stats.outbox WHERE starts_with(subject, '$KV.');
DROP INDEX stats.outbox_puts;
ALTER TABLE stats.frame DROP COLUMN decisions_revision, DROP COLUMN read_at, DROP COLUMN digest;
COMMENT ON COLUMN stats.frame.scan_revision IS 'Only a higher revision changes the row.';
DROP TABLE stats.decisions, stats.decision;
