DROP VIEW calibration.twin_masters, calibration.cleaning_sets, calibration.cleaning_progress;
DROP VIEW calibration.distributions, calibration.placements, calibration.filings;
DROP TABLE calibration.cleaning_set, calibration.cleaning;
DROP TABLE calibration.placement_wish, calibration.placement, calibration.distribution, calibration.filing;
