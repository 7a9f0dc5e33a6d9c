-- What people decided, and which reading of a file counts.

CREATE TABLE stats.decision (
    key        text COLLATE "C" PRIMARY KEY,
    kind       text NOT NULL,
    content    jsonb,
    revision   integer NOT NULL UNIQUE,
    person     text,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE stats.decision IS 'What people decided about names of targets and rigs; mirrored for services without a database (shared/decisions).';
COMMENT ON COLUMN stats.decision.key IS 'Kind and hash of the normalised name: its key in the bucket.';
COMMENT ON COLUMN stats.decision.kind IS 'target, merge or rig.';
COMMENT ON COLUMN stats.decision.content IS 'The decision, JSON of shared/decisions; null = it was withdrawn.';
COMMENT ON COLUMN stats.decision.revision IS 'Number of the decision; grows in the order of commits.';
COMMENT ON COLUMN stats.decision.person IS 'Login name of the person who decided, where known.';
COMMENT ON COLUMN stats.decision.decided_at IS 'When it was decided.';

CREATE TABLE stats.decisions (
    revision integer NOT NULL CHECK (revision >= 0)
);
CREATE UNIQUE INDEX decisions_one_row ON stats.decisions ((true));
INSERT INTO stats.decisions (revision) VALUES (0);
COMMENT ON TABLE stats.decisions IS 'One row: the number that was given last.';
COMMENT ON COLUMN stats.decisions.revision IS 'The last number of a decision; also grows where the bucket was put right, so that readers look at it anew.';

ALTER TABLE stats.frame
    ADD COLUMN decisions_revision integer NOT NULL DEFAULT 0,
    ADD COLUMN read_at timestamptz NOT NULL DEFAULT '1000-01-01 00:00Z',
    ADD COLUMN digest text COLLATE "C" NOT NULL DEFAULT '';
COMMENT ON COLUMN stats.frame.decisions_revision IS 'Number of the last decision of people that the scanner knew; of equal scan revisions the higher counts.';
COMMENT ON COLUMN stats.frame.read_at IS 'When the file was read; of equal revisions the later counts. The year 1000: before this was kept.';
COMMENT ON COLUMN stats.frame.digest IS 'Of all that was read, 16 hexadecimal digits; empty: before there were any. Decides between readings of one moment.';
COMMENT ON COLUMN stats.frame.scan_revision IS 'Only a later reading changes the row: a higher scan revision, then decisions_revision, read_at, digest.';

-- The relay of values for buckets looks every second, also while events wait in their thousands.
CREATE INDEX outbox_puts ON stats.outbox (outbox_id) WHERE starts_with(subject, '$KV.');
