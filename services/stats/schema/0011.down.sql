ALTER VIEW stats.counts RENAME TO stage;
COMMENT ON VIEW stats.stage IS 'Contract: counts of the stats stage; files = scanned + quarantined + dismissed + waiting.';

ALTER VIEW stats.quarantined RENAME COLUMN service TO stage;
ALTER TABLE stats.quarantine RENAME COLUMN service TO stage;
COMMENT ON COLUMN stats.quarantine.stage IS 'Service that gave up.';
