DROP VIEW backup.dumps;
CREATE VIEW backup.dumps AS
SELECT dump_id, destination, cause, state, reason, key, heads, server_version, sent_bytes, size_bytes, sha256, created_at,
       dumped_at, verified_at, next_try_at, finished_at
FROM backup.dump;
COMMENT ON VIEW backup.dumps IS 'Contract: every dump of the database, made or asked for, and how far it is.';
ALTER TABLE backup.dump DROP COLUMN gone_at, DROP COLUMN gone_reason;
DROP VIEW backup.removals, backup.removal_progress;
DROP TABLE backup.removal;
