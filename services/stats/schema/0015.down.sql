DROP VIEW stats.root_nights, stats.newest_frames;
DROP INDEX stats.frame_newest;
