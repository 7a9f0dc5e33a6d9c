-- Each configured source has a state; what another source has taken since is no failure any more.

CREATE TABLE ingest.source_state (
    source       text PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('reachable', 'away', 'foreign')),
    reason       text,
    hints        boolean NOT NULL DEFAULT false,
    reached_at   timestamptz,
    walked_at    timestamptz,
    found        bigint,
    unfinished   bigint NOT NULL DEFAULT 0,
    unfinished_for text[] NOT NULL DEFAULT '{}',
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ingest.source_state IS 'Configured sources as they were when they were last looked at.';
COMMENT ON COLUMN ingest.source_state.source IS 'Name of the source.';
COMMENT ON COLUMN ingest.source_state.state IS 'reachable: its folder could be read at reached_at; away: it cannot be read; foreign: it holds none of its known files.';
COMMENT ON COLUMN ingest.source_state.reason IS 'Why it is not reachable, one sentence.';
COMMENT ON COLUMN ingest.source_state.hints IS 'Whether the file system tells of new files; where not, they are found by walking the source.';
COMMENT ON COLUMN ingest.source_state.reached_at IS 'When its folder was last really read.';
COMMENT ON COLUMN ingest.source_state.walked_at IS 'When the last complete walk ended.';
COMMENT ON COLUMN ingest.source_state.found IS 'Files that this walk found.';
COMMENT ON COLUMN ingest.source_state.unfinished IS 'Files that are waited for, since they still change or are not complete.';
COMMENT ON COLUMN ingest.source_state.unfinished_for IS 'The first of them, each with what it lacks.';
COMMENT ON COLUMN ingest.source_state.changed_at IS 'When the row was written.';

CREATE OR REPLACE VIEW ingest.not_taken AS
SELECT DISTINCT ON (coalesce(f.place, f.source || '/' || f.path)) f.source, f.path, f.reason, f.observed_at
FROM (SELECT s.source, s.name, s.reason, s.observed_at, rtrim(r.path, '/') || '/' || p.path AS place, p.path
      FROM ingest.source_file s
      LEFT JOIN ingest.root r ON r.name = s.source,
      LATERAL (SELECT concat_ws('/', nullif(s.folder, ''), nullif(s.name, '')) AS path) p
      WHERE s.state = 'failed') f
WHERE NOT EXISTS (
    -- Another source, such as an import of a folder above, has taken the same file since.
    SELECT FROM ingest.root o
    JOIN ingest.source_file t
      ON t.source = o.name AND t.name = f.name
     AND t.folder = rtrim(left(substr(f.place, length(rtrim(o.path, '/')) + 2), -length(f.name)), '/')
    WHERE o.name <> f.source AND f.name <> '' AND starts_with(f.place, rtrim(o.path, '/') || '/')
      AND t.state <> 'failed' AND t.observed_at >= f.observed_at)
ORDER BY coalesce(f.place, f.source || '/' || f.path), f.observed_at DESC, f.source;
COMMENT ON VIEW ingest.not_taken IS 'Contract: files and folders of the sources that could not be taken, with the reason; they are tried again at each walk.';

CREATE VIEW ingest.source_status AS
SELECT s.source, r.path, s.state, s.reason, s.hints, s.reached_at, s.walked_at, s.found, s.unfinished, s.unfinished_for,
       (SELECT count(*) FROM ingest.not_taken n WHERE n.source = s.source) AS not_taken
FROM ingest.source_state s
LEFT JOIN ingest.root r ON r.name = s.source;
COMMENT ON VIEW ingest.source_status IS 'Contract: configured sources: reachable or not, the last walk and what it found, what is unfinished or could not be taken.';

CREATE OR REPLACE VIEW ingest.stage AS
SELECT (SELECT count(*) FROM ingest.file) AS files,
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM ingest.file) AS size_bytes,
       (SELECT count(*) FROM ingest.not_taken) AS failed,
       (SELECT count(*) FROM ingest.outbox) AS outbox_waiting;
