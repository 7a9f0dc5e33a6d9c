DROP VIEW ingest.kept_source;
DROP INDEX ingest.deletion_next_try;
COMMENT ON COLUMN ingest.deletion.reason IS 'Why it was refused, one sentence.';
ALTER TABLE ingest.deletion DROP COLUMN attempts, DROP COLUMN next_try_at;
