DROP VIEW stats.session_targets;
ALTER TABLE stats.session_target
    DROP COLUMN fwhm_arcsec_exposures, DROP COLUMN fwhm_arcsec_millionths,
    DROP COLUMN fwhm_px_exposures, DROP COLUMN fwhm_px_millionths,
    DROP COLUMN star_count_exposures, DROP COLUMN star_count_millionths,
    DROP COLUMN background_adu_exposures, DROP COLUMN background_adu_millionths;
CREATE VIEW stats.session_targets AS
SELECT session_id, nullif(catalog_id, '') AS catalog_id, nullif(filter, '') AS filter, exposures,
       integration_ms / 1000.0::double precision AS integration_s, uncertain_frames, first_captured_at, last_captured_at,
       best_fwhm_arcsec, best_star_count
FROM stats.session_target WHERE exposures > 0;
COMMENT ON VIEW stats.session_targets IS 'Contract: exposures of a session by target and filter.';
COMMENT ON COLUMN stats.session_targets.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_targets.catalog_id IS 'Target; null when none was found.';
COMMENT ON COLUMN stats.session_targets.filter IS 'Filter; null when none is known.';
COMMENT ON COLUMN stats.session_targets.exposures IS 'Number of exposures.';
COMMENT ON COLUMN stats.session_targets.integration_s IS 'Sum of the exposures, seconds.';
COMMENT ON COLUMN stats.session_targets.uncertain_frames IS 'Of the exposures, those whose target a person should decide.';
COMMENT ON COLUMN stats.session_targets.first_captured_at IS 'Start of the first exposure, UTC.';
COMMENT ON COLUMN stats.session_targets.last_captured_at IS 'Start of the last exposure, UTC.';
COMMENT ON COLUMN stats.session_targets.best_fwhm_arcsec IS 'Least median FWHM of an exposure, arcseconds.';
COMMENT ON COLUMN stats.session_targets.best_star_count IS 'Most stars of an exposure.';
