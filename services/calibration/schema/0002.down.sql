DROP VIEW calibration.set_frames, calibration.sets, calibration.build_progress;
DROP TABLE calibration.build, calibration.raw_set_frame, calibration.raw_set, calibration.master_test, calibration.levels;
DELETE FROM calibration.master_refusal WHERE refused_by = 'sanity';
UPDATE calibration.need SET is_dirty = true;
