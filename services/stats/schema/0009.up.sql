-- The last file.scanned of each file, whole.

CREATE SEQUENCE stats.event_no;

CREATE TABLE stats.event (
    event_no bigint PRIMARY KEY,
    packed   bytea NOT NULL
);
-- It is packed already: Postgres would only try again, for longer than the packing took.
ALTER TABLE stats.event ALTER COLUMN packed SET STORAGE EXTERNAL;
COMMENT ON TABLE stats.event IS 'The last file.scanned of each file, whole, with all header cards.';
COMMENT ON COLUMN stats.event.event_no IS 'Grows in the order of commits; a file that is scanned again gets a new number.';
COMMENT ON COLUMN stats.event.packed IS 'The event''s JSON as it was published: a zstd frame, which names its dictionary (shared/kept).';

ALTER TABLE stats.frame ADD COLUMN event_no bigint;
CREATE UNIQUE INDEX frame_event ON stats.frame (event_no);
COMMENT ON COLUMN stats.frame.event_no IS 'The event that the row was made of; null when it was scanned before events were kept.';

CREATE TABLE stats.unkept (
    file_id text COLLATE "C" PRIMARY KEY,
    reason  text
);
COMMENT ON TABLE stats.unkept IS 'Files whose last file.scanned is not kept: they are read anew in the background. A row leaves when its event is kept.';
COMMENT ON COLUMN stats.unkept.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.unkept.reason IS 'Why it cannot be read anew, when last looked, one sentence; null = it is still to be read.';
INSERT INTO stats.unkept (file_id) SELECT file_id FROM stats.frame;

-- OFFSET 0 has the frames of a page looked up by its numbers; a merge of both indexes would begin at the first of all.
CREATE VIEW stats.scanned_event AS
SELECT e.event_no, f.file_id, f.scan_revision, e.packed
FROM stats.event e CROSS JOIN LATERAL (
    SELECT file_id, scan_revision FROM stats.frame WHERE event_no = e.event_no OFFSET 0) f;
COMMENT ON VIEW stats.scanned_event IS 'Contract: the last file.scanned of each file, whole, as shared/kept unpacks it, to be read in pages: those after an event_no, which grows in the order of commits, miss no file. Where a file is now is in ingest.file_location.';

CREATE VIEW stats.file_event AS
SELECT f.file_id, f.scan_revision, e.event_no, e.packed
FROM stats.frame f JOIN stats.event e ON e.event_no = f.event_no;
COMMENT ON VIEW stats.file_event IS 'Contract: the same by file_id, for one file or a few.';

CREATE VIEW stats.unkept_file AS
SELECT u.file_id, f.root, f.path, u.reason
FROM stats.unkept u LEFT JOIN stats.file f USING (file_id);
COMMENT ON VIEW stats.unkept_file IS 'Contract: files that were scanned before their events were kept; reason: why one cannot be read anew for now, null = it will be.';

CREATE VIEW stats.keeping AS
SELECT count(*) FILTER (WHERE reason IS NULL) AS to_read, count(*) FILTER (WHERE reason IS NOT NULL) AS away
FROM stats.unkept;
COMMENT ON VIEW stats.keeping IS 'Contract: how many files are still to be read anew because their event is not kept, and how many of them are away.';
