-- file.removed is told again to a stream that was made anew.

ALTER TABLE ingest.tombstone
    ADD COLUMN root    text,
    ADD COLUMN path    text,
    ADD COLUMN told_at timestamptz;
COMMENT ON COLUMN ingest.tombstone.root IS 'Root that its file.removed names; null of what an earlier version forgot.';
COMMENT ON COLUMN ingest.tombstone.path IS 'Path below that root; null of what an earlier version forgot.';
COMMENT ON COLUMN ingest.tombstone.told_at IS 'When its file.removed was last written to the outbox; null of what an earlier version forgot, which is not told again.';
