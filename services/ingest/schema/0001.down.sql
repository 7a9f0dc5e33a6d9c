DROP VIEW ingest.stage, ingest.import_progress, ingest.file_location;
DROP TABLE ingest.inbox, ingest.outbox, ingest.deletion, ingest.import, ingest.source_file, ingest.location, ingest.file, ingest.root;
