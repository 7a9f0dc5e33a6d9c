DROP VIEW ingest.unsent, ingest.known_file;
