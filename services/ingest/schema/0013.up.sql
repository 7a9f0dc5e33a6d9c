-- The keeper: moves, placements, removals, forgettings and walks of the library are jobs; places have a kind.

ALTER TABLE ingest.root
    ADD COLUMN offline_since  timestamptz,
    ADD COLUMN offline_reason text;
COMMENT ON COLUMN ingest.root.offline_since IS 'Since when its folder is away; null while it is there. Its files stay in all totals.';
COMMENT ON COLUMN ingest.root.offline_reason IS 'Why, one sentence.';

ALTER TABLE ingest.file
    ADD COLUMN location_revision integer NOT NULL DEFAULT 0,
    ADD COLUMN relocated_at      timestamptz;
COMMENT ON COLUMN ingest.file.location_revision IS 'Grows each time one of its places is told to be another, as in file.moved.';
COMMENT ON COLUMN ingest.file.relocated_at IS 'When file.moved was last written to the outbox; null where it never was.';

ALTER TABLE ingest.location
    ADD COLUMN kind           text NOT NULL DEFAULT 'library' CHECK (kind IN ('library', 'derived')),
    ADD COLUMN size_bytes     bigint,
    ADD COLUMN made_by        text,
    ADD COLUMN removed_reason text;
COMMENT ON COLUMN ingest.location.kind IS 'library: an original, which is announced and counted; derived: made from others, never counted, archived or taken as a source.';
COMMENT ON COLUMN ingest.location.size_bytes IS 'Size of a derived file, bytes; null: that of the file.';
COMMENT ON COLUMN ingest.location.made_by IS 'Service that had a derived file placed; null for originals.';
COMMENT ON COLUMN ingest.location.removed_reason IS 'Why the file was removed from here on request, one sentence; null where it was not.';

CREATE TABLE ingest.tombstone (
    file_id           text COLLATE "C" PRIMARY KEY,
    reason            text NOT NULL,
    scan_revision     integer NOT NULL,
    location_revision integer NOT NULL,
    forgotten_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ingest.tombstone IS 'Contents that a person asked to forget: they come back only by an import that names the file itself.';
COMMENT ON COLUMN ingest.tombstone.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN ingest.tombstone.reason IS 'Why, as the person gave it.';
COMMENT ON COLUMN ingest.tombstone.scan_revision IS 'Highest scan revision that was announced; one that comes back begins above it.';
COMMENT ON COLUMN ingest.tombstone.location_revision IS 'Location revision of its file.removed; one that comes back goes on from it.';
COMMENT ON COLUMN ingest.tombstone.forgotten_at IS 'When it was forgotten.';

ALTER TABLE ingest.source_file
    DROP CONSTRAINT source_file_state_check,
    ADD CONSTRAINT source_file_state_check
        CHECK (state IN ('arrived', 'already_here', 'brought_back', 'repaired', 'set_beside', 'forgotten', 'failed'));
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; brought_back, repaired, set_beside: known content whose copy in the library had gone, had rotted, or had been changed by somebody; forgotten: a person asked to forget this content; failed: see reason, tried again at each walk.';

CREATE TABLE ingest.keeper_job (
    job_id       uuid PRIMARY KEY,
    task         text NOT NULL CHECK (task IN ('move', 'place', 'remove', 'forget', 'walk')),
    phase        text NOT NULL DEFAULT 'planned' CHECK (phase IN ('planned', 'naming', 'committed', 'undoing')),
    asked        boolean NOT NULL DEFAULT true,
    why          text,
    delete_files boolean NOT NULL DEFAULT false,
    file_ids     text[] NOT NULL DEFAULT '{}',
    command      jsonb,
    files        bigint NOT NULL DEFAULT 0,
    files_done   bigint NOT NULL DEFAULT 0,
    kept         bigint NOT NULL DEFAULT 0,
    lines        text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE ingest.keeper_job IS 'What the keeper of the library was asked to do, and how far it is.';
COMMENT ON COLUMN ingest.keeper_job.job_id IS 'Idempotency id of the command.';
COMMENT ON COLUMN ingest.keeper_job.task IS 'move, place, remove, forget or walk.';
COMMENT ON COLUMN ingest.keeper_job.phase IS 'planned: nothing is changed; naming: files get further names; committed: it counts, and what is left is cleared away; undoing: further names are taken back.';
COMMENT ON COLUMN ingest.keeper_job.asked IS 'Whether it was asked for; else it is the daily walk.';
COMMENT ON COLUMN ingest.keeper_job.why IS 'The reason that was given for it.';
COMMENT ON COLUMN ingest.keeper_job.delete_files IS 'Whether forgotten files of the library are deleted.';
COMMENT ON COLUMN ingest.keeper_job.file_ids IS 'Contents to forget.';
COMMENT ON COLUMN ingest.keeper_job.command IS 'The command, of a placement.';
COMMENT ON COLUMN ingest.keeper_job.files IS 'Files that it is about.';
COMMENT ON COLUMN ingest.keeper_job.files_done IS 'Of these, files that are done; of a walk, places that were looked at.';
COMMENT ON COLUMN ingest.keeper_job.kept IS 'Files that stay where they were; the lines say why.';
COMMENT ON COLUMN ingest.keeper_job.lines IS 'What a person should know of it, one sentence each, at most a hundred.';

-- template: jobs table=keeper_job

CREATE OR REPLACE VIEW ingest.keeper_job_progress AS
SELECT job_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at, task, phase, asked, why, delete_files, files, files_done, kept, lines
FROM ingest.keeper_job;

CREATE TABLE ingest.keeper_step (
    job_id     uuid NOT NULL REFERENCES ingest.keeper_job ON DELETE CASCADE,
    number     integer NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    size_bytes bigint NOT NULL,
    root       text NOT NULL,
    path       text COLLATE "C" NOT NULL,
    to_root    text,
    to_path    text COLLATE "C",
    done       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (job_id, number)
);
COMMENT ON TABLE ingest.keeper_step IS 'The plan of a keeper''s job, a row for each file.';
COMMENT ON COLUMN ingest.keeper_step.job_id IS 'The job.';
COMMENT ON COLUMN ingest.keeper_step.number IS 'Their order, from 0.';
COMMENT ON COLUMN ingest.keeper_step.file_id IS 'SHA-256 of the content that must be there, hexadecimal.';
COMMENT ON COLUMN ingest.keeper_step.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN ingest.keeper_step.root IS 'Root that the file lies in.';
COMMENT ON COLUMN ingest.keeper_step.path IS 'Path below the root.';
COMMENT ON COLUMN ingest.keeper_step.to_root IS 'Root that it is moved to; null where it is not moved.';
COMMENT ON COLUMN ingest.keeper_step.to_path IS 'Path below that root; null where it is not moved.';
COMMENT ON COLUMN ingest.keeper_step.done IS 'Whether nothing is left to do for it.';

CREATE TABLE ingest.walk_absent (
    walk_id  uuid NOT NULL,
    path     text COLLATE "C" NOT NULL,
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (walk_id, path)
);
COMMENT ON TABLE ingest.walk_absent IS 'Places of the library at which the walk under way found no file; empty between walks.';
COMMENT ON COLUMN ingest.walk_absent.walk_id IS 'The walk.';
COMMENT ON COLUMN ingest.walk_absent.path IS 'Path below the library.';
COMMENT ON COLUMN ingest.walk_absent.since IS 'When it was found.';

CREATE TABLE ingest.stranger (
    root       text NOT NULL,
    path       text COLLATE "C" NOT NULL,
    size_bytes bigint NOT NULL,
    mtime_ns   bigint NOT NULL,
    fingerprint bytea NOT NULL,
    file_id    text COLLATE "C",
    walk_id    uuid NOT NULL,
    PRIMARY KEY (root, path)
);
COMMENT ON TABLE ingest.stranger IS 'Captures in the library that no place tells of, as the last walk found them: they are left alone.';
COMMENT ON COLUMN ingest.stranger.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.stranger.path IS 'Path below the root.';
COMMENT ON COLUMN ingest.stranger.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN ingest.stranger.mtime_ns IS 'Modification time, nanoseconds since 1970.';
COMMENT ON COLUMN ingest.stranger.fingerprint IS 'What tells, beside size and mtime, one content of that name from the next.';
COMMENT ON COLUMN ingest.stranger.file_id IS 'Its content, where it was read: only while a file of that size was missing.';
COMMENT ON COLUMN ingest.stranger.walk_id IS 'The walk that saw it last.';

CREATE OR REPLACE VIEW ingest.file_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at
FROM ingest.location l
JOIN ingest.file f USING (file_id)
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'library';

CREATE VIEW ingest.derived_location AS
SELECT l.file_id, l.root, l.path, r.path AS root_path, l.size_bytes, l.made_by, l.created_at, l.missing_since
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root
WHERE l.kind = 'derived';
COMMENT ON VIEW ingest.derived_location IS 'Contract: files that services made from others and had placed; they are never counted, archived or taken as a source.';

CREATE OR REPLACE VIEW ingest.known_file AS
SELECT f.file_id, f.size_bytes, f.source, f.origin, f.scan_revision, f.arrived_at,
       greatest(f.announced_at, f.relocated_at) AS announced_at,
       EXISTS (SELECT FROM ingest.location l
               WHERE l.file_id = f.file_id AND l.kind = 'library' AND l.missing_since IS NULL) AS readable
FROM ingest.file f;
COMMENT ON VIEW ingest.known_file IS 'Contract: every content that ever arrived and was not forgotten, whether or not it still lies anywhere; announced_at: when its latest revision, or its latest place, was last told.';

CREATE OR REPLACE VIEW ingest.missing_file AS
SELECT l.file_id, l.root, l.path, f.size_bytes, l.missing_since, l.removed_reason
FROM ingest.location l
JOIN ingest.root r ON r.name = l.root AND r.kind = 'library'
JOIN ingest.file f USING (file_id)
WHERE l.missing_since IS NOT NULL AND l.kind = 'library'
  AND NOT EXISTS (SELECT FROM ingest.location o
                  WHERE o.file_id = l.file_id AND o.root = l.root AND o.kind = 'library' AND o.missing_since IS NULL);
COMMENT ON VIEW ingest.missing_file IS 'Contract: places in the library whose file is gone, where no other place in it holds that content; removed_reason: why it was removed, where that was asked for.';

CREATE VIEW ingest.absent_file AS
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
COMMENT ON VIEW ingest.absent_file IS 'Contract: files that can be read nowhere now: missing from where they were, or offline with all of their root. They stay in all totals.';

CREATE OR REPLACE VIEW ingest.library_state AS
SELECT r.name AS root, r.path, c.files, c.checked_at, c.problem,
       (SELECT count(DISTINCT m.file_id) FROM ingest.missing_file m WHERE m.root = r.name) AS missing,
       (SELECT count(*) FROM ingest.damage d WHERE d.root = r.name) AS damaged,
       (SELECT count(*) FROM ingest.stranger s WHERE s.root = r.name) AS strangers,
       (SELECT count(*) FROM ingest.tombstone) AS forgotten
FROM ingest.root r
LEFT JOIN ingest.library_check c ON c.root = r.name
WHERE r.kind = 'library';
COMMENT ON VIEW ingest.library_state IS 'Contract: how many files of the library are missing, were found damaged, or are unknown, by the last walk through it; forgotten: contents that a person asked to forget.';

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

CREATE VIEW ingest.forgotten_file AS
SELECT file_id, reason, forgotten_at FROM ingest.tombstone;
COMMENT ON VIEW ingest.forgotten_file IS 'Contract: contents that a person asked to forget, and why.';
