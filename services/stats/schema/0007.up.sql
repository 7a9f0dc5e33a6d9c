-- Checks and rebuilds of the schema as jobs, and what a lost row of a session or target goes on from.

ALTER TABLE stats.frame ADD COLUMN target_name text;
COMMENT ON COLUMN stats.frame.target_name IS 'Display name of the target, as the match gave it.';

CREATE TABLE stats.told (
    key      text COLLATE "C" PRIMARY KEY,
    revision integer NOT NULL,
    told_at  timestamptz,
    digest   text NOT NULL DEFAULT ''
);
COMMENT ON TABLE stats.told IS 'What was last told of each session and target, apart from their own rows: one that was lost goes on from here.';
COMMENT ON COLUMN stats.told.key IS 'session_id or catalog_id.';
COMMENT ON COLUMN stats.told.revision IS 'Revision of the last session.finished or target.updated; it never goes down.';
COMMENT ON COLUMN stats.told.told_at IS 'When it was written.';
COMMENT ON COLUMN stats.told.digest IS 'Hash of what the last session.finished said and of the session''s files: the same is not told again. Empty: not known.';
INSERT INTO stats.told (key, revision, told_at)
SELECT session_id, revision, finished_at FROM stats.session WHERE revision > 0
UNION ALL SELECT catalog_id, published_revision, published_at FROM stats.target WHERE published_revision > 0;

CREATE TABLE stats.upkeep (
    job_id      uuid PRIMARY KEY,
    task        text NOT NULL CHECK (task IN ('check', 'rebuild')),
    dry_run     boolean NOT NULL DEFAULT false,
    asked       boolean NOT NULL DEFAULT false,
    step        text NOT NULL DEFAULT '',
    steps_done  integer NOT NULL DEFAULT 0,
    steps       integer NOT NULL DEFAULT 0,
    frames      bigint NOT NULL DEFAULT 0,
    differences bigint NOT NULL DEFAULT 0,
    mended      bigint NOT NULL DEFAULT 0,
    read_anew   bigint NOT NULL DEFAULT 0,
    left_alone  bigint NOT NULL DEFAULT 0,
    lines       text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE stats.upkeep IS 'Checks and rebuilds of this schema: jobs, and what each found.';
COMMENT ON COLUMN stats.upkeep.job_id IS 'Idempotency id of the command.';
COMMENT ON COLUMN stats.upkeep.task IS 'check: compare and mend; rebuild: write all that follows from the frames anew.';
COMMENT ON COLUMN stats.upkeep.dry_run IS 'Whether it only looks.';
COMMENT ON COLUMN stats.upkeep.asked IS 'Whether a person asked for it; else it is the daily one.';
COMMENT ON COLUMN stats.upkeep.step IS 'What it does now, or did last.';
COMMENT ON COLUMN stats.upkeep.steps_done IS 'Steps that are done.';
COMMENT ON COLUMN stats.upkeep.steps IS 'Steps in all.';
COMMENT ON COLUMN stats.upkeep.frames IS 'Frames that were looked at.';
COMMENT ON COLUMN stats.upkeep.differences IS 'Rows that differ from what they should be.';
COMMENT ON COLUMN stats.upkeep.mended IS 'Of these, rows that were put right.';
COMMENT ON COLUMN stats.upkeep.read_anew IS 'Files that are read anew, since their rows are lost or spoilt.';
COMMENT ON COLUMN stats.upkeep.left_alone IS 'Rows that differ and stay as they are; the lines say why.';
COMMENT ON COLUMN stats.upkeep.lines IS 'What differs, one sentence each, at most a hundred.';

-- template: jobs table=upkeep
