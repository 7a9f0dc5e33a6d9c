-- What was measured on exposures is summed up by session, target and filter, so that means of years are read in no time.

ALTER TABLE stats.session_target
    ADD COLUMN fwhm_arcsec_exposures     bigint NOT NULL DEFAULT 0,
    ADD COLUMN fwhm_arcsec_millionths    bigint NOT NULL DEFAULT 0,
    ADD COLUMN fwhm_px_exposures         bigint NOT NULL DEFAULT 0,
    ADD COLUMN fwhm_px_millionths        bigint NOT NULL DEFAULT 0,
    ADD COLUMN star_count_exposures      bigint NOT NULL DEFAULT 0,
    ADD COLUMN star_count_millionths     bigint NOT NULL DEFAULT 0,
    ADD COLUMN background_adu_exposures  bigint NOT NULL DEFAULT 0,
    ADD COLUMN background_adu_millionths bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN stats.session_target.fwhm_arcsec_exposures IS 'Of the exposures, those whose median FWHM is known in arcseconds.';
COMMENT ON COLUMN stats.session_target.fwhm_arcsec_millionths IS 'Sum of these, millionths of an arcsecond.';
COMMENT ON COLUMN stats.session_target.fwhm_px_exposures IS 'Of the exposures, those whose median FWHM was measured.';
COMMENT ON COLUMN stats.session_target.fwhm_px_millionths IS 'Sum of these, millionths of a pixel.';
COMMENT ON COLUMN stats.session_target.star_count_exposures IS 'Of the exposures, those whose stars were counted.';
COMMENT ON COLUMN stats.session_target.star_count_millionths IS 'Sum of these, millionths of a star: all sums are alike.';
COMMENT ON COLUMN stats.session_target.background_adu_exposures IS 'Of the exposures, those whose sky level was measured.';
COMMENT ON COLUMN stats.session_target.background_adu_millionths IS 'Sum of these, millionths of an ADU.';
WITH measured AS (
    SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter,
           CASE WHEN abs(fwhm_arcsec::double precision) <= 1e7 THEN round(fwhm_arcsec::double precision * 1e6)::bigint END
               AS fwhm_arcsec,
           CASE WHEN abs(fwhm_px::double precision) <= 1e7 THEN round(fwhm_px::double precision * 1e6)::bigint END AS fwhm_px,
           CASE WHEN abs(star_count::double precision) <= 1e7 THEN round(star_count::double precision * 1e6)::bigint END
               AS star_count,
           CASE WHEN abs(background_adu::double precision) <= 1e7 THEN round(background_adu::double precision * 1e6)::bigint END
               AS background_adu
    FROM stats.frame WHERE counted AND frame_type = 'LIGHT'
), summed AS (
    SELECT session_id, catalog_id, filter,
           count(fwhm_arcsec) AS fwhm_arcsec_exposures, coalesce(sum(fwhm_arcsec), 0)::bigint AS fwhm_arcsec_millionths,
           count(fwhm_px) AS fwhm_px_exposures, coalesce(sum(fwhm_px), 0)::bigint AS fwhm_px_millionths,
           count(star_count) AS star_count_exposures, coalesce(sum(star_count), 0)::bigint AS star_count_millionths,
           count(background_adu) AS background_adu_exposures,
           coalesce(sum(background_adu), 0)::bigint AS background_adu_millionths
    FROM measured GROUP BY 1, 2, 3
)
UPDATE stats.session_target x
SET (fwhm_arcsec_exposures, fwhm_arcsec_millionths, fwhm_px_exposures, fwhm_px_millionths, star_count_exposures,
     star_count_millionths, background_adu_exposures, background_adu_millionths)
    = ROW (m.fwhm_arcsec_exposures, m.fwhm_arcsec_millionths, m.fwhm_px_exposures, m.fwhm_px_millionths,
           m.star_count_exposures, m.star_count_millionths, m.background_adu_exposures, m.background_adu_millionths)
FROM summed m
WHERE (x.session_id, x.catalog_id, x.filter) = (m.session_id, m.catalog_id, m.filter);

CREATE OR REPLACE VIEW stats.session_targets AS
SELECT x.session_id, nullif(x.catalog_id, '') AS catalog_id, nullif(x.filter, '') AS filter, x.exposures,
       x.integration_ms / 1000.0::double precision AS integration_s, x.uncertain_frames, x.first_captured_at,
       x.last_captured_at, x.best_fwhm_arcsec, x.best_star_count,
       s.night, s.rig,
       x.fwhm_arcsec_exposures, x.fwhm_arcsec_millionths / 1e6::double precision AS fwhm_arcsec_sum,
       x.fwhm_px_exposures, x.fwhm_px_millionths / 1e6::double precision AS fwhm_px_sum,
       x.star_count_exposures, x.star_count_millionths / 1e6::double precision AS star_count_sum,
       x.background_adu_exposures, x.background_adu_millionths / 1e6::double precision AS background_adu_sum
FROM stats.session_target x
-- Left, so that whoever asks for neither night nor rig reads no session.
LEFT JOIN stats.session s ON s.session_id = x.session_id
WHERE x.exposures > 0;
COMMENT ON VIEW stats.session_targets IS 'Contract: exposures of a session by target and filter. A mean of what was measured is sum / exposures of the same name, over any rows.';
COMMENT ON COLUMN stats.session_targets.night IS 'Night of the session, local date of the noon before.';
COMMENT ON COLUMN stats.session_targets.rig IS 'Rig of the session, else camera, else unknown.';
COMMENT ON COLUMN stats.session_targets.fwhm_arcsec_exposures IS 'Of the exposures, those whose median FWHM is known in arcseconds.';
COMMENT ON COLUMN stats.session_targets.fwhm_arcsec_sum IS 'Sum of these, arcseconds.';
COMMENT ON COLUMN stats.session_targets.fwhm_px_exposures IS 'Of the exposures, those whose median FWHM was measured.';
COMMENT ON COLUMN stats.session_targets.fwhm_px_sum IS 'Sum of these, pixels.';
COMMENT ON COLUMN stats.session_targets.star_count_exposures IS 'Of the exposures, those whose stars were counted.';
COMMENT ON COLUMN stats.session_targets.star_count_sum IS 'Sum of these, stars.';
COMMENT ON COLUMN stats.session_targets.background_adu_exposures IS 'Of the exposures, those whose sky level was measured.';
COMMENT ON COLUMN stats.session_targets.background_adu_sum IS 'Sum of these, ADU.';
