DROP VIEW backup.last_check, backup.findings, backup.check_progress;
DROP TABLE backup.finding, backup.check_job;
