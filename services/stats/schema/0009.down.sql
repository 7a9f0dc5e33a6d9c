DROP VIEW stats.keeping, stats.unkept_file, stats.file_event, stats.scanned_event;
DROP TABLE stats.unkept;
ALTER TABLE stats.frame DROP COLUMN event_no;
DROP TABLE stats.event;
DROP SEQUENCE stats.event_no;
