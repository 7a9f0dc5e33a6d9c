CREATE OR REPLACE VIEW ingest.missing_file AS
SELECT l.file_id, l.root, l.path, f.size_bytes, l.missing_since, l.removed_reason
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root AND r.kind = 'library'
JOIN ingest.file f USING (file_id)
WHERE l.missing_since IS NOT NULL AND l.kind = 'library'
  AND NOT EXISTS (SELECT FROM ingest.location o
                  WHERE o.file_id = l.file_id AND o.root = l.root AND o.kind = 'library' AND o.missing_since IS NULL);

CREATE OR REPLACE VIEW ingest.absent_file AS
SELECT a.file_id, min(a.state) AS state, min(a.since) AS since, min(a.reason) AS reason
FROM (SELECT l.file_id, 'missing' AS state, l.missing_since AS since, l.removed_reason AS reason
      FROM ingest.location l WHERE l.missing_since IS NOT NULL AND l.kind = 'library'
      UNION ALL
      SELECT l.file_id, 'offline', r.offline_since, r.offline_reason
      FROM ingest.root r JOIN ingest.location l ON l.root = r.name
      WHERE r.offline_since IS NOT NULL AND l.missing_since IS NULL AND l.kind = 'library') a
WHERE NOT EXISTS (SELECT FROM ingest.location o JOIN ingest.root p ON p.name = o.root
                  WHERE o.file_id = a.file_id AND o.kind = 'library' AND o.missing_since IS NULL
                    AND p.offline_since IS NULL)
GROUP BY a.file_id;

DROP VIEW ingest.root_state;
CREATE VIEW ingest.root_state AS
SELECT r.name AS root, r.kind, r.path,
       CASE WHEN r.offline_since IS NULL THEN 'online' ELSE 'offline' END AS state, r.offline_since, r.offline_reason,
       coalesce(l.files, 0) AS files, coalesce(l.missing, 0) AS missing, coalesce(l.derived, 0) AS derived,
       (SELECT count(*) FROM ingest.stranger s WHERE s.root = r.name) AS strangers, c.checked_at, c.problem
FROM ingest.root r
LEFT JOIN (SELECT root, count(*) FILTER (WHERE kind = 'library') AS files,
                  count(*) FILTER (WHERE kind = 'library' AND missing_since IS NOT NULL) AS missing,
                  count(*) FILTER (WHERE kind = 'derived') AS derived
           FROM ingest.location GROUP BY root) l ON l.root = r.name
LEFT JOIN ingest.library_check c ON c.root = r.name;
COMMENT ON VIEW ingest.root_state IS 'Contract: the roots, whether each is there, and how many places in it are known, missing, derived or unknown.';
COMMENT ON COLUMN ingest.root_state.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.root_state.kind IS 'library: we place files in it; indexed: files stay in it; source: files are copied from it.';
COMMENT ON COLUMN ingest.root_state.path IS 'Folder on the host of ingest.';
COMMENT ON COLUMN ingest.root_state.state IS 'online or offline.';
COMMENT ON COLUMN ingest.root_state.offline_since IS 'Since when its folder is away, UTC; null while it is there.';
COMMENT ON COLUMN ingest.root_state.offline_reason IS 'Why, one sentence.';
COMMENT ON COLUMN ingest.root_state.files IS 'Number of known places of originals in it.';
COMMENT ON COLUMN ingest.root_state.missing IS 'Of these, places whose file is gone.';
COMMENT ON COLUMN ingest.root_state.derived IS 'Number of places of derived files in it.';
COMMENT ON COLUMN ingest.root_state.strangers IS 'Number of captures in it of which no place tells.';
COMMENT ON COLUMN ingest.root_state.checked_at IS 'When the last walk through it ended, UTC; null where there was none.';
COMMENT ON COLUMN ingest.root_state.problem IS 'Why that walk changed nothing, one sentence; null where it counts.';

DROP TABLE ingest.displaced, ingest.read_place;
