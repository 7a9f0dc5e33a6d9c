DROP VIEW backup.dumps, backup.dump_progress;
DROP TABLE backup.dump;
