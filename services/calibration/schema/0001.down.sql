DROP VIEW calibration.counts, calibration.train_changes, calibration.pins, calibration.shopping, calibration.light_requirements,
    calibration.requirements, calibration.masters, calibration.frames;
DROP TABLE calibration.past, calibration.outbox, calibration.inbox, calibration.evaluation, calibration.master_refusal,
    calibration.train_change, calibration.pin, calibration.group_need, calibration.need, calibration.forgotten_file,
    calibration.other_file, calibration.light, calibration.light_group, calibration.frame;
