-- Frames whose target a person should decide are marked.

ALTER TABLE stats.frame ADD COLUMN target_uncertain boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN stats.frame.target_uncertain IS 'Whether a person should decide the target: conflict, or a confidence below the setting.';
UPDATE stats.frame SET target_uncertain = true WHERE target_method = 'conflict' OR target_confidence < 0.8;
CREATE INDEX frame_uncertain ON stats.frame (catalog_id) WHERE counted AND target_uncertain;

CREATE OR REPLACE VIEW stats.files AS
SELECT f.file_id, f.root, f.path, f.size_bytes, f.source, f.arrived_at,
       CASE WHEN fr.file_id IS NOT NULL THEN 'scanned' WHEN q.dismissed_at IS NOT NULL THEN 'dismissed'
            WHEN q.file_id IS NOT NULL THEN 'quarantined' ELSE 'waiting' END AS state,
       q.reason,
       fr.format, fr.frame_type, fr.session_id, fr.catalog_id, fr.filter, fr.counted,
       fr.exposure_ms / 1000.0::double precision AS exposure_s,
       fr.total_exposure_ms / 1000.0::double precision AS total_exposure_s,
       fr.night, fr.observed_at, fr.rig, fr.camera, fr.telescope, fr.object_name, fr.panel, fr.stack_count, fr.gain,
       fr."offset", fr.sensor_temp_c, fr.set_temp_c, fr.x_binning, fr.focal_length_mm, fr.pixel_scale_arcsec, fr.width_px,
       fr.height_px, fr.ra_deg, fr.dec_deg, fr.target_confidence, fr.target_method, fr.star_count, fr.fwhm_px,
       fr.fwhm_arcsec, fr.hfr_px, fr.eccentricity, fr.background_adu, fr.noise_adu, fr.saturated_fraction,
       fr.reported_hfr_px, fr.reported_star_count, fr.reported_rms_arcsec, fr.software, fr.problems,
       fr.target_uncertain
FROM stats.file f
LEFT JOIN stats.frame fr USING (file_id)
LEFT JOIN stats.quarantine q ON q.quarantine_key = f.file_id;
COMMENT ON VIEW stats.files IS 'Contract: every file with its state and facts; target_uncertain: a person should decide the target.';

CREATE OR REPLACE VIEW stats.captures AS
SELECT t.catalog_id, t.name, t.exposures AS total_frames, t.integration_ms / 1000.0::double precision AS total_exposure_s,
       t.sessions AS total_sessions,
       (SELECT min(observed_at) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS first_captured_at,
       (SELECT max(observed_at) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS last_captured_at,
       (SELECT min(fwhm_arcsec) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS best_fwhm_arcsec,
       (SELECT max(star_count) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS best_star_count,
       t.status, t.updated_at,
       (SELECT count(*) FROM stats.frame WHERE counted AND target_uncertain AND catalog_id = t.catalog_id) AS uncertain_frames
FROM stats.target t
WHERE t.exposures > 0;
COMMENT ON VIEW stats.captures IS 'Contract: capture history, one row per target; uncertain_frames: exposures whose target a person should decide.';
