-- One word, one thing: counts are counts, and ingest walks a source; scans are the scanner's.

ALTER VIEW ingest.stage RENAME TO counts;
COMMENT ON VIEW ingest.counts IS 'Contract: files in the ledger and their bytes, those that could not be taken, and events that wait in the outbox.';
COMMENT ON COLUMN ingest.source_file.state IS 'arrived: new content; already_here: known content; brought_back, repaired, set_beside: known content whose copy in the library had gone, had rotted, or had been changed by somebody; failed: see reason, tried again at each walk.';
COMMENT ON COLUMN ingest.source_file.import_id IS 'The import that took it; null for the walks of a watched source.';
