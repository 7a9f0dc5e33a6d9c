COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; brought_back, repaired, set_beside: known content whose copy in the library had gone, had rotted, or had been changed by somebody; failed: see reason, tried again at each scan.';
COMMENT ON COLUMN ingest.source_file.import_id IS 'The import that took it; null for the periodic scan.';
ALTER VIEW ingest.counts RENAME TO stage;
COMMENT ON VIEW ingest.stage IS 'Contract: counts of the ingest stage.';
