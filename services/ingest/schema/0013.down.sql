DROP VIEW ingest.forgotten_file, ingest.root_state, ingest.absent_file, ingest.derived_location;
DROP VIEW ingest.library_state, ingest.missing_file, ingest.known_file, ingest.file_location;

DROP TABLE ingest.stranger, ingest.walk_absent, ingest.keeper_step;
DROP VIEW ingest.keeper_job_progress;
DROP TABLE ingest.keeper_job;

UPDATE ingest.source_file SET state = 'already_here' WHERE state = 'forgotten';
ALTER TABLE ingest.source_file
    DROP CONSTRAINT source_file_state_check,
    ADD CONSTRAINT source_file_state_check
        CHECK (state IN ('arrived', 'already_here', 'brought_back', 'repaired', 'set_beside', 'failed'));
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; brought_back, repaired, set_beside: known content whose copy in the library had gone, had rotted, or had been changed by somebody; failed: see reason, tried again at each walk.';

DROP TABLE ingest.tombstone;
DELETE FROM ingest.location WHERE kind = 'derived';
ALTER TABLE ingest.location DROP COLUMN kind, DROP COLUMN size_bytes, DROP COLUMN made_by, DROP COLUMN removed_reason;
ALTER TABLE ingest.file DROP COLUMN location_revision, DROP COLUMN relocated_at;
ALTER TABLE ingest.root DROP COLUMN offline_since, DROP COLUMN offline_reason;

CREATE VIEW ingest.file_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at
FROM ingest.location l
JOIN ingest.file f USING (file_id)
JOIN ingest.root r ON r.name = l.root;
COMMENT ON VIEW ingest.file_location IS 'Contract: where every content lies; one row per path.';

CREATE VIEW ingest.known_file AS
SELECT f.file_id, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at, f.announced_at,
       EXISTS (SELECT FROM ingest.location l WHERE l.file_id = f.file_id AND l.missing_since IS NULL) AS readable
FROM ingest.file f;
COMMENT ON VIEW ingest.known_file IS 'Contract: every content that ever arrived, whether or not it still lies anywhere; announced_at: when its latest revision was last told.';

CREATE VIEW ingest.missing_file AS
SELECT l.file_id, l.root, l.path, f.size_bytes, l.missing_since
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root AND r.kind = 'library'
JOIN ingest.file f USING (file_id)
WHERE l.missing_since IS NOT NULL
  AND NOT EXISTS (SELECT FROM ingest.location o WHERE o.file_id = l.file_id AND o.root = l.root AND o.missing_since IS NULL);
COMMENT ON VIEW ingest.missing_file IS 'Contract: places in the library whose file is gone, where no other place in it holds that content.';

CREATE VIEW ingest.library_state AS
SELECT r.name AS root, r.path, c.files, c.checked_at, c.problem,
       (SELECT count(DISTINCT m.file_id) FROM ingest.missing_file m WHERE m.root = r.name) AS missing,
       (SELECT count(*) FROM ingest.damage d WHERE d.root = r.name) AS damaged
FROM ingest.root r
LEFT JOIN ingest.library_check c ON c.root = r.name
WHERE r.kind = 'library';
COMMENT ON VIEW ingest.library_state IS 'Contract: how many files of the library are missing or were found damaged, by the last look at it.';
