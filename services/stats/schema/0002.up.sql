-- Which files hold a session back: those of its sources that wait for the scanner.

CREATE TABLE stats.source (
    source          text PRIMARY KEY,
    last_arrived_at timestamptz,
    handled_up_to   timestamptz,
    handled_at      timestamptz
);
COMMENT ON TABLE stats.source IS 'How far the files of each source are: what holds sessions back that have files of it.';
COMMENT ON COLUMN stats.source.source IS 'Source that files come from.';
COMMENT ON COLUMN stats.source.last_arrived_at IS 'When the last of its files arrived.';
COMMENT ON COLUMN stats.source.handled_up_to IS 'Latest waiting_since of its files that were scanned or quarantined: those that wait since then had no turn yet.';
COMMENT ON COLUMN stats.source.handled_at IS 'When one of its files was last scanned or quarantined.';
INSERT INTO stats.source (source, last_arrived_at) SELECT source, max(arrived_at) FROM stats.file GROUP BY source;

ALTER TABLE stats.pending RENAME COLUMN arrived_at TO waiting_since;
ALTER TABLE stats.pending ADD COLUMN source text;
UPDATE stats.pending p SET source = f.source FROM stats.file f WHERE f.file_id = p.file_id;
DELETE FROM stats.pending WHERE source IS NULL;
ALTER TABLE stats.pending ALTER COLUMN source SET NOT NULL;
CREATE INDEX pending_source ON stats.pending (source, waiting_since);
COMMENT ON COLUMN stats.pending.waiting_since IS 'When the revision that is waited for was first announced.';
COMMENT ON COLUMN stats.pending.source IS 'Source that the file came from.';

ALTER TABLE stats.session ADD COLUMN untold text;
COMMENT ON COLUMN stats.session.untold IS 'Why its session.finished could not be written, one sentence; null = nothing is wrong. A change of the session clears it.';
