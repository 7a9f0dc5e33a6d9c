DROP VIEW stats.target_sessions, stats.session_types, stats.session_cameras, stats.night_counts, stats.object_counts,
    stats.frames;

CREATE OR REPLACE VIEW stats.counts AS
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
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS dismissed,
       (SELECT count(*) FROM stats.session WHERE open AND files > 0 AND ends_at < now()) AS closing_sessions;

DROP VIEW stats.captures, stats.capture_filters, stats.session_targets;
CREATE VIEW stats.captures AS
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
CREATE VIEW stats.capture_filters AS
SELECT catalog_id, filter, exposures, integration_ms / 1000.0::double precision AS integration_s
FROM stats.target_filter WHERE exposures > 0;
COMMENT ON VIEW stats.capture_filters IS 'Contract: totals of a target by filter.';
CREATE VIEW stats.session_targets AS
SELECT session_id, nullif(catalog_id, '') AS catalog_id, nullif(filter, '') AS filter, exposures,
       integration_ms / 1000.0::double precision AS integration_s
FROM stats.session_target WHERE exposures > 0;
COMMENT ON VIEW stats.session_targets IS 'Contract: exposures of a session by target and filter.';

ALTER TABLE stats.session_target
    DROP COLUMN uncertain_frames, DROP COLUMN first_captured_at, DROP COLUMN last_captured_at,
    DROP COLUMN best_fwhm_arcsec, DROP COLUMN best_star_count;
ALTER TABLE stats.target_filter
    DROP COLUMN uncertain_frames, DROP COLUMN first_captured_at, DROP COLUMN last_captured_at,
    DROP COLUMN best_fwhm_arcsec, DROP COLUMN best_star_count;
DROP INDEX stats.frame_object, stats.frame_uncertain;
CREATE INDEX frame_target_time ON stats.frame (catalog_id, observed_at) WHERE counted;
CREATE INDEX frame_target_fwhm ON stats.frame (catalog_id, fwhm_arcsec) WHERE counted;
CREATE INDEX frame_target_stars ON stats.frame (catalog_id, star_count) WHERE counted;
CREATE INDEX frame_uncertain ON stats.frame (catalog_id) WHERE counted AND target_uncertain;

DROP TABLE stats.object_count, stats.night_count;
DROP TRIGGER file_total_added ON stats.file;
DROP TRIGGER file_total_deleted ON stats.file;
DROP TRIGGER frame_total_added ON stats.frame;
DROP TRIGGER frame_total_deleted ON stats.frame;
DROP FUNCTION stats.file_total_kept, stats.frame_total_kept;
DROP TABLE stats.file_total, stats.frame_total;

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS relation, a.attname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'stats'::regnamespace AND c.relkind = 'v' AND a.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS NULL', one.relation, one.name);
    END LOOP;
END
$$;
