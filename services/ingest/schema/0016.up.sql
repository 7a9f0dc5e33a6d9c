-- Each root knows how much room its disk has, and for how many nights.

ALTER TABLE ingest.root
    ADD COLUMN free_bytes bigint,
    ADD COLUMN disk_bytes bigint,
    ADD COLUMN night_bytes bigint,
    ADD COLUMN nights_left double precision,
    ADD COLUMN measured_at timestamptz;
COMMENT ON COLUMN ingest.root.free_bytes IS 'Free on its disk when that was last measured, bytes; null where it is away or tells nothing.';
COMMENT ON COLUMN ingest.root.disk_bytes IS 'Size of its disk, bytes.';
COMMENT ON COLUMN ingest.root.night_bytes IS 'What a night of the last ten brought into it on average, bytes; null where none is known.';
COMMENT ON COLUMN ingest.root.nights_left IS 'For how many such nights there is room, what is never used of a library apart; null where that is not known.';
COMMENT ON COLUMN ingest.root.measured_at IS 'When its disk was last measured; null where it could not be.';

CREATE VIEW ingest.root_space AS
SELECT name AS root, kind, path, free_bytes, disk_bytes, night_bytes, nights_left, measured_at
FROM ingest.root WHERE measured_at IS NOT NULL;
COMMENT ON VIEW ingest.root_space IS 'Contract: how much room the disk of each root has, and for how many nights that is enough.';
COMMENT ON COLUMN ingest.root_space.root IS 'Name of the root.';
COMMENT ON COLUMN ingest.root_space.kind IS 'library: we place files in it; indexed: files stay in it; source: files are copied from it.';
COMMENT ON COLUMN ingest.root_space.path IS 'Folder on the host of ingest.';
COMMENT ON COLUMN ingest.root_space.free_bytes IS 'Free on its disk, bytes; null where the disk tells nothing.';
COMMENT ON COLUMN ingest.root_space.disk_bytes IS 'Size of its disk, bytes.';
COMMENT ON COLUMN ingest.root_space.night_bytes IS 'What a night of the last ten brought into it on average, bytes; null where none is known.';
COMMENT ON COLUMN ingest.root_space.nights_left IS 'For how many such nights there is room, what is never used of a library apart; null where that is not known.';
COMMENT ON COLUMN ingest.root_space.measured_at IS 'When its disk was measured, UTC.';
