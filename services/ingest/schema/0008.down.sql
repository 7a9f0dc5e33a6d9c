DROP VIEW ingest.import_file;
DROP INDEX ingest.source_file_import;
