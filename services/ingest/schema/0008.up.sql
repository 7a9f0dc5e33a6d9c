-- What each import brought, so that one can be waited for whatever else arrives.

CREATE INDEX source_file_import ON ingest.source_file (import_id) WHERE state = 'arrived' AND import_id IS NOT NULL;
CREATE VIEW ingest.import_file AS
SELECT import_id, file_id
FROM ingest.source_file
WHERE state = 'arrived' AND import_id IS NOT NULL;
COMMENT ON VIEW ingest.import_file IS 'Contract: the contents that each import brought, as long as its files are what they were.';
