-- What tells one content under a name from the next is each source's own: of a folder the inode and the ctime.

ALTER TABLE ingest.source_file ALTER COLUMN inode TYPE bytea USING int8send(inode) || int8send(ctime_ns);
ALTER TABLE ingest.source_file RENAME COLUMN inode TO fingerprint;
ALTER TABLE ingest.source_file DROP COLUMN ctime_ns;
COMMENT ON COLUMN ingest.source_file.fingerprint IS 'What the source says of it beside size and mtime, opaque: with another fingerprint it may hold another content, and is read again. Of a folder the lowest 63 bits of the inode number and the ctime in nanoseconds since 1970, the nearest that 64 bits hold, both big-endian. Empty where nothing is known.';
COMMENT ON COLUMN ingest.file.hints IS 'What its source and the settings knew of it before it was read: catalog_id, target, rig, execution ids; null where nothing.';
