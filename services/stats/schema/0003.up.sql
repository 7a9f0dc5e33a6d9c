-- A person may dismiss a file that could not be handled.

ALTER TABLE stats.quarantine ADD COLUMN dismissed_at timestamptz, ADD COLUMN dismissed_reason text;
COMMENT ON COLUMN stats.quarantine.dismissed_at IS 'When a person said that the file needs nothing more; null = it is counted as quarantined.';
COMMENT ON COLUMN stats.quarantine.dismissed_reason IS 'Why, as that person said.';

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
       fr.reported_hfr_px, fr.reported_star_count, fr.reported_rms_arcsec, fr.software, fr.problems
FROM stats.file f
LEFT JOIN stats.frame fr USING (file_id)
LEFT JOIN stats.quarantine q ON q.quarantine_key = f.file_id;

CREATE OR REPLACE VIEW stats.quarantined AS
SELECT file_id, root, path, stage, attempt, reason, error, occurred_at, dismissed_at, dismissed_reason FROM stats.quarantine;
COMMENT ON VIEW stats.quarantined IS 'Contract: files that could not be handled, with the reason; dismissed_at says that a person wants no more of one.';

CREATE OR REPLACE VIEW stats.stage AS
SELECT (SELECT count(*) FROM stats.file) AS files,
       (SELECT count(*) FROM stats.frame) AS scanned,
       (SELECT count(*) FROM stats.quarantine q
        WHERE q.dismissed_at IS NULL AND EXISTS (SELECT FROM stats.file f WHERE f.file_id = q.quarantine_key)
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS quarantined,
       (SELECT count(*) FROM stats.pending p
        WHERE NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = p.file_id)
          AND NOT EXISTS (SELECT FROM stats.quarantine q WHERE q.quarantine_key = p.file_id)) AS waiting,
       (SELECT count(*) FROM stats.session WHERE open AND files > 0) AS open_sessions,
       (SELECT count(*) FROM stats.outbox) AS outbox_waiting,
       (SELECT count(*) FROM stats.quarantine q
        WHERE q.dismissed_at IS NOT NULL AND EXISTS (SELECT FROM stats.file f WHERE f.file_id = q.quarantine_key)
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS dismissed;
COMMENT ON VIEW stats.stage IS 'Contract: counts of the stats stage; files = scanned + quarantined + dismissed + waiting.';
