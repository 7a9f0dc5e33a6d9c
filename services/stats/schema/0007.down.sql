DROP VIEW stats.upkeep_progress;
DROP TABLE stats.upkeep, stats.told;
ALTER TABLE stats.frame DROP COLUMN target_name;
