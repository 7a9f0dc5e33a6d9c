-- Places of the library that hold another file than they should, as after names were swapped by hand.

CREATE TABLE ingest.read_place (
    root        text NOT NULL,
    path        text COLLATE "C" NOT NULL,
    expected_id text COLLATE "C" NOT NULL,
    size_bytes  bigint NOT NULL,
    mtime_ns    bigint NOT NULL,
    fingerprint bytea NOT NULL,
    file_id     text COLLATE "C",
    walk_id     uuid NOT NULL,
    PRIMARY KEY (root, path)
);
COMMENT ON TABLE ingest.read_place IS 'Places of the library that walks read since size and times did not tell what they hold, as the last one found them.';
COMMENT ON COLUMN ingest.read_place.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.read_place.path IS 'Path below the root.';
COMMENT ON COLUMN ingest.read_place.expected_id IS 'Content that should lie there, SHA-256, hexadecimal.';
COMMENT ON COLUMN ingest.read_place.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN ingest.read_place.mtime_ns IS 'Modification time, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.read_place.fingerprint IS 'What tells one content under its name from the next beside size and mtime, as in ingest.source_file.';
COMMENT ON COLUMN ingest.read_place.file_id IS 'Content that lies there, SHA-256, hexadecimal; null while it was not read.';
COMMENT ON COLUMN ingest.read_place.walk_id IS 'The walk that saw it last.';

CREATE TABLE ingest.displaced (
    file_id text COLLATE "C" NOT NULL,
    root    text NOT NULL,
    path    text COLLATE "C" NOT NULL,
    by_id   text COLLATE "C" NOT NULL,
    since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (file_id, root, path)
);
CREATE INDEX displaced_path ON ingest.displaced (root, path);
COMMENT ON TABLE ingest.displaced IS 'Files whose last place in the library another file has by now; one that is found elsewhere has its row no more.';
COMMENT ON COLUMN ingest.displaced.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingest.displaced.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.displaced.path IS 'Path below the root.';
COMMENT ON COLUMN ingest.displaced.by_id IS 'Content that was found there, SHA-256, hexadecimal.';
COMMENT ON COLUMN ingest.displaced.since IS 'When that was found, or since when the file was missing before.';

CREATE OR REPLACE VIEW ingest.missing_file AS
SELECT l.file_id, l.root, l.path, f.size_bytes, l.missing_since, l.removed_reason
FROM (SELECT file_id, root, path, missing_since, removed_reason FROM ingest.location
      WHERE missing_since IS NOT NULL AND kind = 'library'
      UNION ALL
      SELECT d.file_id, d.root, d.path, d.since, NULL FROM ingest.displaced d
      WHERE NOT EXISTS (SELECT FROM ingest.location o
                        WHERE o.file_id = d.file_id AND o.root = d.root AND o.kind = 'library')) l
JOIN ingest.root r ON r.name = l.root AND r.kind = 'library'
JOIN ingest.file f USING (file_id)
WHERE NOT EXISTS (SELECT FROM ingest.location o
                  WHERE o.file_id = l.file_id AND o.root = l.root AND o.kind = 'library' AND o.missing_since IS NULL);

CREATE OR REPLACE VIEW ingest.absent_file AS
SELECT a.file_id, min(a.state) AS state, min(a.since) AS since, min(a.reason) AS reason
FROM (SELECT l.file_id, 'missing' AS state, l.missing_since AS since, l.removed_reason AS reason
      FROM ingest.location l WHERE l.missing_since IS NOT NULL AND l.kind = 'library'
      UNION ALL
      SELECT d.file_id, 'missing', d.since, NULL
      FROM ingest.displaced d JOIN ingest.file f USING (file_id)
      WHERE NOT EXISTS (SELECT FROM ingest.location o WHERE o.file_id = d.file_id AND o.kind = 'library')
      UNION ALL
      SELECT l.file_id, 'offline', r.offline_since, r.offline_reason
      FROM ingest.root r JOIN ingest.location l ON l.root = r.name
      WHERE r.offline_since IS NOT NULL AND l.missing_since IS NULL AND l.kind = 'library') a
WHERE NOT EXISTS (SELECT FROM ingest.location o JOIN ingest.root p ON p.name = o.root
                  WHERE o.file_id = a.file_id AND o.kind = 'library' AND o.missing_since IS NULL
                    AND p.offline_since IS NULL)
GROUP BY a.file_id;

CREATE OR REPLACE VIEW ingest.root_state AS
SELECT r.name AS root, r.kind, r.path,
       CASE WHEN r.offline_since IS NULL THEN 'online' ELSE 'offline' END AS state, r.offline_since, r.offline_reason,
       coalesce(l.files, 0) + d.files AS files, coalesce(l.missing, 0) + d.files AS missing,
       coalesce(l.derived, 0) AS derived,
       (SELECT count(*) FROM ingest.stranger s WHERE s.root = r.name) AS strangers, c.checked_at, c.problem,
       r.marker_id
FROM ingest.root r
LEFT JOIN (SELECT root, count(*) FILTER (WHERE kind = 'library') AS files,
                  count(*) FILTER (WHERE kind = 'library' AND missing_since IS NOT NULL) AS missing,
                  count(*) FILTER (WHERE kind = 'derived') AS derived
           FROM ingest.location GROUP BY root) l ON l.root = r.name
CROSS JOIN LATERAL (SELECT count(DISTINCT d.file_id) AS files FROM ingest.displaced d JOIN ingest.file f USING (file_id)
                    WHERE d.root = r.name
                      AND NOT EXISTS (SELECT FROM ingest.location o
                                      WHERE o.file_id = d.file_id AND o.root = d.root AND o.kind = 'library')) d
LEFT JOIN ingest.library_check c ON c.root = r.name;
COMMENT ON COLUMN ingest.root_state.marker_id IS 'Id that the marker of a library holds, .nightbus/root.json; null of other roots.';
