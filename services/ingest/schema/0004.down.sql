CREATE OR REPLACE VIEW ingest.stage AS
SELECT (SELECT count(*) FROM ingest.file) AS files,
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM ingest.file) AS size_bytes,
       (SELECT count(*) FROM ingest.source_file WHERE state = 'failed') AS failed,
       (SELECT count(*) FROM ingest.outbox) AS outbox_waiting;
DROP VIEW ingest.source_status;
CREATE OR REPLACE VIEW ingest.not_taken AS
SELECT source, concat_ws('/', nullif(folder, ''), nullif(name, '')) AS path, reason, observed_at
FROM ingest.source_file
WHERE state = 'failed';
COMMENT ON VIEW ingest.not_taken IS 'Contract: files and folders of the sources that could not be taken, with the reason; they are tried again at each scan.';
DROP TABLE ingest.source_state;
