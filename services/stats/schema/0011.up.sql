-- One word, one thing: the service that gave up on a file is its service, and the counts of files are counts.

ALTER TABLE stats.quarantine RENAME COLUMN stage TO service;
COMMENT ON COLUMN stats.quarantine.service IS 'Service that gave up.';
ALTER VIEW stats.quarantined RENAME COLUMN stage TO service;

ALTER VIEW stats.stage RENAME TO counts;
COMMENT ON VIEW stats.counts IS 'Contract: counts that add up; files = scanned + quarantined + dismissed + waiting.';
