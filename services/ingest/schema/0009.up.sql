-- What others compare their rows with: every content that ever arrived.

CREATE VIEW ingest.known_file AS
SELECT f.file_id, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at, f.announced_at,
       EXISTS (SELECT FROM ingest.location l WHERE l.file_id = f.file_id AND l.missing_since IS NULL) AS readable
FROM ingest.file f;
COMMENT ON VIEW ingest.known_file IS 'Contract: every content that ever arrived, whether or not it still lies anywhere; announced_at: when its latest revision was last told.';

CREATE VIEW ingest.unsent AS SELECT min(created_at) AS oldest_at FROM ingest.outbox;
COMMENT ON VIEW ingest.unsent IS 'Contract: since when the oldest event waits to be sent; null = none waits.';
