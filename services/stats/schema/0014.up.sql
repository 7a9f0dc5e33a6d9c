-- Listings answer from what is kept: files by night and by object, firsts and bests of targets, how many files there are.

-- template: total table=file
-- template: total table=frame

CREATE TABLE stats.night_count (
    night      date NOT NULL,
    rig        text COLLATE "C" NOT NULL,
    camera     text COLLATE "C" NOT NULL,
    filter     text COLLATE "C" NOT NULL,
    frame_type text COLLATE "C" NOT NULL,
    files      bigint NOT NULL,
    -- Names may be longer together than an index takes.
    names      uuid GENERATED ALWAYS AS (md5(rig || E'\x1f' || camera || E'\x1f' || filter || E'\x1f' || frame_type)::uuid) STORED,
    PRIMARY KEY (night, names)
);
COMMENT ON TABLE stats.night_count IS 'Files by night, rig, camera, filter and type: where a listing finds what it is asked for.';
COMMENT ON COLUMN stats.night_count.night IS 'Night of the frame, local date of the noon before; -infinity where it has none.';
COMMENT ON COLUMN stats.night_count.rig IS 'Rig; empty when none is known.';
COMMENT ON COLUMN stats.night_count.camera IS 'Camera; empty when none is known.';
COMMENT ON COLUMN stats.night_count.filter IS 'Filter; empty when none is known.';
COMMENT ON COLUMN stats.night_count.frame_type IS 'Frame type.';
COMMENT ON COLUMN stats.night_count.files IS 'Number of files.';
COMMENT ON COLUMN stats.night_count.names IS 'MD5 of the four names.';
INSERT INTO stats.night_count (night, rig, camera, filter, frame_type, files)
SELECT CASE WHEN night BETWEEN '1000-01-01' AND '8999-12-31' THEN night ELSE '-infinity' END, coalesce(rig, ''),
       coalesce(camera, ''), coalesce(filter, ''), frame_type, count(*)
FROM stats.frame GROUP BY 1, 2, 3, 4, 5;

CREATE TABLE stats.object_count (
    catalog_id  text COLLATE "C" NOT NULL,
    object_name text COLLATE "C" NOT NULL,
    files       bigint NOT NULL,
    PRIMARY KEY (catalog_id, object_name)
);
COMMENT ON TABLE stats.object_count IS 'Files by target and by what their headers call it.';
COMMENT ON COLUMN stats.object_count.catalog_id IS 'Target; empty when none was found.';
COMMENT ON COLUMN stats.object_count.object_name IS 'OBJECT as written; empty when there is none.';
COMMENT ON COLUMN stats.object_count.files IS 'Number of files.';
INSERT INTO stats.object_count (catalog_id, object_name, files)
SELECT coalesce(catalog_id, ''), coalesce(object_name, ''), count(*) FROM stats.frame GROUP BY 1, 2;

ALTER TABLE stats.session_target
    ADD COLUMN uncertain_frames   bigint NOT NULL DEFAULT 0,
    ADD COLUMN first_captured_at  timestamptz,
    ADD COLUMN last_captured_at   timestamptz,
    ADD COLUMN best_fwhm_arcsec   real,
    ADD COLUMN best_star_count    integer;
COMMENT ON COLUMN stats.session_target.uncertain_frames IS 'Of the exposures, those whose target a person should decide.';
COMMENT ON COLUMN stats.session_target.first_captured_at IS 'Start of the first exposure, UTC.';
COMMENT ON COLUMN stats.session_target.last_captured_at IS 'Start of the last exposure, UTC.';
COMMENT ON COLUMN stats.session_target.best_fwhm_arcsec IS 'Least median FWHM of an exposure, arcseconds.';
COMMENT ON COLUMN stats.session_target.best_star_count IS 'Most stars of an exposure.';
UPDATE stats.session_target x
SET (uncertain_frames, first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count)
    = ROW (m.uncertain_frames, m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter,
           count(*) FILTER (WHERE target_uncertain) AS uncertain_frames,
           min(observed_at) FILTER (WHERE observed_at >= '1000-01-01 00:00Z' AND observed_at < '9000-01-01 00:00Z')
               AS first_captured_at,
           max(observed_at) FILTER (WHERE observed_at >= '1000-01-01 00:00Z' AND observed_at < '9000-01-01 00:00Z')
               AS last_captured_at,
           min(fwhm_arcsec) AS best_fwhm_arcsec, max(star_count) AS best_star_count
    FROM stats.frame WHERE counted AND frame_type = 'LIGHT' GROUP BY 1, 2, 3) m
WHERE (x.session_id, x.catalog_id, x.filter) = (m.session_id, m.catalog_id, m.filter);

ALTER TABLE stats.target_filter
    ADD COLUMN uncertain_frames   bigint NOT NULL DEFAULT 0,
    ADD COLUMN first_captured_at  timestamptz,
    ADD COLUMN last_captured_at   timestamptz,
    ADD COLUMN best_fwhm_arcsec   real,
    ADD COLUMN best_star_count    integer;
COMMENT ON COLUMN stats.target_filter.uncertain_frames IS 'Of the exposures, those whose target a person should decide.';
COMMENT ON COLUMN stats.target_filter.first_captured_at IS 'Start of the first exposure, UTC.';
COMMENT ON COLUMN stats.target_filter.last_captured_at IS 'Start of the last exposure, UTC.';
COMMENT ON COLUMN stats.target_filter.best_fwhm_arcsec IS 'Least median FWHM of an exposure, arcseconds.';
COMMENT ON COLUMN stats.target_filter.best_star_count IS 'Most stars of an exposure.';
UPDATE stats.target_filter x
SET (uncertain_frames, first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count)
    = ROW (m.uncertain_frames, m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT catalog_id, filter, sum(uncertain_frames)::bigint AS uncertain_frames,
           min(first_captured_at) AS first_captured_at, max(last_captured_at) AS last_captured_at,
           min(best_fwhm_arcsec) AS best_fwhm_arcsec, max(best_star_count) AS best_star_count
    FROM stats.session_target GROUP BY 1, 2) m
WHERE (x.catalog_id, x.filter) = (m.catalog_id, m.filter);

-- Firsts, bests and doubtful exposures are kept now, and need no index of the frames.
DROP INDEX stats.frame_target_time, stats.frame_target_fwhm, stats.frame_target_stars, stats.frame_uncertain;
CREATE INDEX frame_object ON stats.frame (coalesce(catalog_id, object_name), night DESC NULLS LAST, observed_at DESC NULLS LAST)
    WHERE coalesce(catalog_id, object_name) IS NOT NULL;
CREATE INDEX frame_uncertain ON stats.frame (night DESC NULLS LAST, observed_at DESC NULLS LAST) WHERE target_uncertain;

CREATE OR REPLACE VIEW stats.captures AS
SELECT t.catalog_id, t.name, t.exposures AS total_frames, t.integration_ms / 1000.0::double precision AS total_exposure_s,
       t.sessions AS total_sessions,
       (SELECT min(first_captured_at) FROM stats.target_filter WHERE catalog_id = t.catalog_id) AS first_captured_at,
       (SELECT max(last_captured_at) FROM stats.target_filter WHERE catalog_id = t.catalog_id) AS last_captured_at,
       (SELECT min(best_fwhm_arcsec) FROM stats.target_filter WHERE catalog_id = t.catalog_id) AS best_fwhm_arcsec,
       (SELECT max(best_star_count) FROM stats.target_filter WHERE catalog_id = t.catalog_id) AS best_star_count,
       t.status, t.updated_at,
       (SELECT coalesce(sum(uncertain_frames), 0)::bigint FROM stats.target_filter WHERE catalog_id = t.catalog_id)
           AS uncertain_frames,
       -- A session's id begins with its night.
       (SELECT s.night FROM stats.target_session x JOIN stats.session s USING (session_id)
        WHERE x.catalog_id = t.catalog_id AND x.exposures > 0 ORDER BY x.session_id LIMIT 1) AS first_night,
       (SELECT s.night FROM stats.target_session x JOIN stats.session s USING (session_id)
        WHERE x.catalog_id = t.catalog_id AND x.exposures > 0 ORDER BY x.session_id DESC LIMIT 1) AS last_night
FROM stats.target t
WHERE t.exposures > 0;

CREATE OR REPLACE VIEW stats.capture_filters AS
SELECT catalog_id, filter, exposures, integration_ms / 1000.0::double precision AS integration_s, uncertain_frames,
       first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count
FROM stats.target_filter WHERE exposures > 0;

CREATE OR REPLACE VIEW stats.session_targets AS
SELECT session_id, nullif(catalog_id, '') AS catalog_id, nullif(filter, '') AS filter, exposures,
       integration_ms / 1000.0::double precision AS integration_s, uncertain_frames, first_captured_at, last_captured_at,
       best_fwhm_arcsec, best_star_count
FROM stats.session_target WHERE exposures > 0;

CREATE VIEW stats.target_sessions AS
SELECT catalog_id, session_id, exposures FROM stats.target_session WHERE exposures > 0;
COMMENT ON VIEW stats.target_sessions IS 'Contract: the sessions of each target.';

CREATE VIEW stats.session_types AS
SELECT session_id, frame_type, files FROM stats.session_type WHERE files > 0;
COMMENT ON VIEW stats.session_types IS 'Contract: files of a session by frame type.';

CREATE VIEW stats.session_cameras AS
SELECT session_id, night, camera, rig, files, sky_files FROM stats.session_camera WHERE files > 0;
COMMENT ON VIEW stats.session_cameras IS 'Contract: files of a session by camera.';

CREATE VIEW stats.frames AS
SELECT file_id, session_id, night, observed_at, frame_type, rig, camera, filter, catalog_id, object_name, counted,
       target_uncertain
FROM stats.frame;
COMMENT ON VIEW stats.frames IS 'Contract: every scanned file by what it is chosen by; stats.files has all of it.';

CREATE VIEW stats.night_counts AS
SELECT nullif(night, '-infinity') AS night, nullif(rig, '') AS rig, nullif(camera, '') AS camera,
       nullif(filter, '') AS filter, frame_type, files
FROM stats.night_count WHERE files > 0;
COMMENT ON VIEW stats.night_counts IS 'Contract: scanned files by night, rig, camera, filter and type.';

CREATE VIEW stats.object_counts AS
SELECT nullif(catalog_id, '') AS catalog_id, nullif(object_name, '') AS object_name, files
FROM stats.object_count WHERE files > 0;
COMMENT ON VIEW stats.object_counts IS 'Contract: scanned files by target and by what their headers call it.';

CREATE OR REPLACE VIEW stats.counts AS
SELECT (SELECT coalesce(sum(files), 0)::bigint FROM stats.file_total) AS files,
       (SELECT coalesce(sum(files), 0)::bigint FROM stats.frame_total) AS scanned,
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

-- What each column of each view is.
COMMENT ON COLUMN stats.files.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.files.root IS 'Root that it lies in.';
COMMENT ON COLUMN stats.files.path IS 'Path below the root.';
COMMENT ON COLUMN stats.files.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN stats.files.source IS 'Source that it came from.';
COMMENT ON COLUMN stats.files.arrived_at IS 'When its first copy was recorded, UTC.';
COMMENT ON COLUMN stats.files.state IS 'waiting: not read yet; scanned; quarantined: a service gave up on it; dismissed: that, and a person wants no more of it.';
COMMENT ON COLUMN stats.files.reason IS 'Why a service gave up on it when last tried, one sentence; null where none did.';
COMMENT ON COLUMN stats.files.format IS 'File format by first bytes; null before the file is scanned, like all that follows.';
COMMENT ON COLUMN stats.files.frame_type IS 'LIGHT, DARK, FLAT, BIAS, DARKFLAT, MASTER_*, STACK, PROCESSED, PREVIEW or OTHER.';
COMMENT ON COLUMN stats.files.session_id IS 'Session that the file belongs to.';
COMMENT ON COLUMN stats.files.catalog_id IS 'Canonical target id; null when no target was found.';
COMMENT ON COLUMN stats.files.filter IS 'Canonical filter name.';
COMMENT ON COLUMN stats.files.counted IS 'Whether it stands for its exposure in all totals; null before it is scanned.';
COMMENT ON COLUMN stats.files.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN stats.files.total_exposure_s IS 'Sum over a stack, seconds.';
COMMENT ON COLUMN stats.files.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.files.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN stats.files.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN stats.files.camera IS 'INSTRUME.';
COMMENT ON COLUMN stats.files.telescope IS 'TELESCOP.';
COMMENT ON COLUMN stats.files.object_name IS 'OBJECT as written.';
COMMENT ON COLUMN stats.files.panel IS 'Mosaic panel.';
COMMENT ON COLUMN stats.files.stack_count IS 'Exposures in a stack.';
COMMENT ON COLUMN stats.files.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN stats.files."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN stats.files.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN stats.files.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN stats.files.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN stats.files.focal_length_mm IS 'Focal length, millimetres.';
COMMENT ON COLUMN stats.files.pixel_scale_arcsec IS 'Arcseconds per pixel.';
COMMENT ON COLUMN stats.files.width_px IS 'Width, pixels.';
COMMENT ON COLUMN stats.files.height_px IS 'Height, pixels.';
COMMENT ON COLUMN stats.files.ra_deg IS 'Right ascension, ICRS degrees.';
COMMENT ON COLUMN stats.files.dec_deg IS 'Declination, ICRS degrees.';
COMMENT ON COLUMN stats.files.target_confidence IS 'Confidence of the target match, 0 to 1.';
COMMENT ON COLUMN stats.files.target_method IS 'How the target was found.';
COMMENT ON COLUMN stats.files.star_count IS 'Measured number of stars.';
COMMENT ON COLUMN stats.files.fwhm_px IS 'Measured median FWHM, pixels.';
COMMENT ON COLUMN stats.files.fwhm_arcsec IS 'Measured median FWHM, arcseconds.';
COMMENT ON COLUMN stats.files.hfr_px IS 'Measured median half-flux radius, pixels.';
COMMENT ON COLUMN stats.files.eccentricity IS 'Measured median eccentricity of the stars, 0 to 1.';
COMMENT ON COLUMN stats.files.background_adu IS 'Measured sky level, ADU.';
COMMENT ON COLUMN stats.files.noise_adu IS 'Measured background noise, ADU.';
COMMENT ON COLUMN stats.files.saturated_fraction IS 'Share of saturated pixels, 0 to 1.';
COMMENT ON COLUMN stats.files.reported_hfr_px IS 'HFR that the capture program wrote, pixels.';
COMMENT ON COLUMN stats.files.reported_star_count IS 'Star count that the capture program wrote.';
COMMENT ON COLUMN stats.files.reported_rms_arcsec IS 'Guiding RMS that the capture program wrote, arcseconds.';
COMMENT ON COLUMN stats.files.software IS 'Program that wrote the file.';
COMMENT ON COLUMN stats.files.problems IS 'What is wrong with the file, one sentence each.';
COMMENT ON COLUMN stats.files.target_uncertain IS 'Whether a person should decide the target: conflict, or a confidence below the setting.';
COMMENT ON COLUMN stats.captures.catalog_id IS 'Canonical target id.';
COMMENT ON COLUMN stats.captures.name IS 'Display name.';
COMMENT ON COLUMN stats.captures.total_frames IS 'LIGHT exposures, each counted once.';
COMMENT ON COLUMN stats.captures.total_exposure_s IS 'Their sum, seconds.';
COMMENT ON COLUMN stats.captures.total_sessions IS 'Sessions with at least one counted exposure.';
COMMENT ON COLUMN stats.captures.first_captured_at IS 'Start of the first exposure, UTC; null where none has a time.';
COMMENT ON COLUMN stats.captures.last_captured_at IS 'Start of the last exposure, UTC; null where none has a time.';
COMMENT ON COLUMN stats.captures.best_fwhm_arcsec IS 'Least median FWHM of an exposure, arcseconds.';
COMMENT ON COLUMN stats.captures.best_star_count IS 'Most stars of an exposure.';
COMMENT ON COLUMN stats.captures.status IS 'What a person decided; null = nothing.';
COMMENT ON COLUMN stats.captures.updated_at IS 'When the totals last changed, UTC.';
COMMENT ON COLUMN stats.captures.uncertain_frames IS 'Of the exposures, those whose target a person should decide.';
COMMENT ON COLUMN stats.captures.first_night IS 'Night of the first session, local date of the noon before.';
COMMENT ON COLUMN stats.captures.last_night IS 'Night of the last session, local date of the noon before.';
COMMENT ON COLUMN stats.capture_filters.catalog_id IS 'Target.';
COMMENT ON COLUMN stats.capture_filters.filter IS 'Filter; empty when none is known.';
COMMENT ON COLUMN stats.capture_filters.exposures IS 'LIGHT exposures, each counted once.';
COMMENT ON COLUMN stats.capture_filters.integration_s IS 'Their sum, seconds.';
COMMENT ON COLUMN stats.capture_filters.uncertain_frames IS 'Of the exposures, those whose target a person should decide.';
COMMENT ON COLUMN stats.capture_filters.first_captured_at IS 'Start of the first exposure, UTC.';
COMMENT ON COLUMN stats.capture_filters.last_captured_at IS 'Start of the last exposure, UTC.';
COMMENT ON COLUMN stats.capture_filters.best_fwhm_arcsec IS 'Least median FWHM of an exposure, arcseconds.';
COMMENT ON COLUMN stats.capture_filters.best_star_count IS 'Most stars of an exposure.';
COMMENT ON COLUMN stats.sessions.session_id IS 'YYYYMMDD_ and eight hexadecimal digits, allocated once.';
COMMENT ON COLUMN stats.sessions.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.sessions.rig IS 'Rig, else camera, else unknown.';
COMMENT ON COLUMN stats.sessions.camera IS 'Its camera, of several the first by name; null where none is known.';
COMMENT ON COLUMN stats.sessions.files IS 'All files.';
COMMENT ON COLUMN stats.sessions.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN stats.sessions.exposures IS 'LIGHT exposures, each counted once.';
COMMENT ON COLUMN stats.sessions.integration_s IS 'Sum of its LIGHT exposures, seconds.';
COMMENT ON COLUMN stats.sessions.state IS 'open; closing: its night is over, and it waits to be quiet; finished; reopened: it changed since it was finished.';
COMMENT ON COLUMN stats.sessions.revision IS 'How often it was finished.';
COMMENT ON COLUMN stats.sessions.finished_at IS 'When it was last finished, UTC.';
COMMENT ON COLUMN stats.sessions.ends_at IS 'Sunrise at the site, else 09:00 local, after the night; UTC.';
COMMENT ON COLUMN stats.sessions.last_arrived_at IS 'When the last of its files arrived, UTC.';
COMMENT ON COLUMN stats.sessions.files_by_type IS 'Number of files by frame type.';
COMMENT ON COLUMN stats.sessions.catalog_ids IS 'Its targets; null where none was found.';
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
COMMENT ON COLUMN stats.quarantined.file_id IS 'SHA-256 of the content; null where it is not known.';
COMMENT ON COLUMN stats.quarantined.root IS 'Root that the file lies in.';
COMMENT ON COLUMN stats.quarantined.path IS 'Path below the root.';
COMMENT ON COLUMN stats.quarantined.service IS 'Service that gave up.';
COMMENT ON COLUMN stats.quarantined.attempt IS 'Scan revision or attempt; only a later one changes the row.';
COMMENT ON COLUMN stats.quarantined.reason IS 'Why, one sentence.';
COMMENT ON COLUMN stats.quarantined.error IS 'Technical detail.';
COMMENT ON COLUMN stats.quarantined.occurred_at IS 'When the service gave up, UTC.';
COMMENT ON COLUMN stats.quarantined.dismissed_at IS 'When a person said that the file needs nothing more; null = it is counted as quarantined; UTC.';
COMMENT ON COLUMN stats.quarantined.dismissed_reason IS 'Why, as that person said.';
COMMENT ON COLUMN stats.handled.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.handled.scan_revision IS 'Revision that was scanned or quarantined.';
COMMENT ON COLUMN stats.upkeep_progress.job_id IS 'Idempotency id of the command.';
COMMENT ON COLUMN stats.upkeep_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN stats.upkeep_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN stats.upkeep_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN stats.upkeep_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN stats.upkeep_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN stats.upkeep_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN stats.upkeep_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN stats.upkeep_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN stats.upkeep_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN stats.upkeep_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN stats.upkeep_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN stats.upkeep_progress.task IS 'check: compare and mend; rebuild: write all that follows from the frames anew.';
COMMENT ON COLUMN stats.upkeep_progress.dry_run IS 'Whether it only looks.';
COMMENT ON COLUMN stats.upkeep_progress.asked IS 'Whether a person asked for it; else it is the daily one.';
COMMENT ON COLUMN stats.upkeep_progress.step IS 'What it does now, or did last.';
COMMENT ON COLUMN stats.upkeep_progress.steps_done IS 'Steps that are done.';
COMMENT ON COLUMN stats.upkeep_progress.steps IS 'Steps in all.';
COMMENT ON COLUMN stats.upkeep_progress.frames IS 'Frames that were looked at.';
COMMENT ON COLUMN stats.upkeep_progress.differences IS 'Rows that differ from what they should be.';
COMMENT ON COLUMN stats.upkeep_progress.mended IS 'Of these, rows that were put right.';
COMMENT ON COLUMN stats.upkeep_progress.read_anew IS 'Files that are read anew, since their rows are lost or spoilt.';
COMMENT ON COLUMN stats.upkeep_progress.left_alone IS 'Rows that differ and stay as they are; the lines say why.';
COMMENT ON COLUMN stats.upkeep_progress.lines IS 'What differs, one sentence each, at most a hundred.';
COMMENT ON COLUMN stats.upkeep_progress.compared_until IS 'Files that ingest announced before this time were compared; null where no file was, as by a rebuild.';
COMMENT ON COLUMN stats.upkeep_progress.not_compared IS 'Files that were announced later, whose rows may still be on their way.';
COMMENT ON COLUMN stats.upkeep_progress.again_at IS 'When a further check compares them, since rows were put right meanwhile; null where none is due; UTC.';
COMMENT ON COLUMN stats.last_check.job_id IS 'Idempotency id of the command.';
COMMENT ON COLUMN stats.last_check.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN stats.last_check.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN stats.last_check.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN stats.last_check.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN stats.last_check.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN stats.last_check.frames IS 'Frames that were looked at.';
COMMENT ON COLUMN stats.last_check.differences IS 'Rows that differ from what they should be.';
COMMENT ON COLUMN stats.last_check.mended IS 'Of these, rows that were put right.';
COMMENT ON COLUMN stats.last_check.read_anew IS 'Files that are read anew, since their rows are lost or spoilt.';
COMMENT ON COLUMN stats.last_check.left_alone IS 'Rows that differ and stay as they are; the lines say why.';
COMMENT ON COLUMN stats.last_check.lines IS 'What differs, one sentence each, at most a hundred.';
COMMENT ON COLUMN stats.last_check.compared_until IS 'Files that ingest announced before this time were compared; null where no file was, as by a rebuild.';
COMMENT ON COLUMN stats.last_check.not_compared IS 'Files that were announced later, whose rows may still be on their way.';
COMMENT ON COLUMN stats.last_check.again_at IS 'When a further check compares them, since rows were put right meanwhile; null where none is due; UTC.';
COMMENT ON COLUMN stats.scanned_event.event_no IS 'Grows in the order of commits; a file that is scanned again gets a new number.';
COMMENT ON COLUMN stats.scanned_event.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.scanned_event.scan_revision IS 'Scan revision that the event is of.';
COMMENT ON COLUMN stats.scanned_event.packed IS 'The event''s JSON as it was published: a zstd frame, which names its dictionary (shared/kept).';
COMMENT ON COLUMN stats.file_event.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.file_event.scan_revision IS 'Scan revision that the event is of.';
COMMENT ON COLUMN stats.file_event.event_no IS 'Grows in the order of commits; a file that is scanned again gets a new number.';
COMMENT ON COLUMN stats.file_event.packed IS 'The event''s JSON as it was published: a zstd frame, which names its dictionary (shared/kept).';
COMMENT ON COLUMN stats.unkept_file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.unkept_file.root IS 'Root that it lies in; null where its arrival is not known.';
COMMENT ON COLUMN stats.unkept_file.path IS 'Path below the root.';
COMMENT ON COLUMN stats.unkept_file.reason IS 'Why it cannot be read anew, when last looked, one sentence; null = it is still to be read.';
COMMENT ON COLUMN stats.keeping.to_read IS 'Number of files that are still to be read anew.';
COMMENT ON COLUMN stats.keeping.away IS 'Number of files that cannot be read anew for now.';
COMMENT ON COLUMN stats.counts.files IS 'Number of files that arrived.';
COMMENT ON COLUMN stats.counts.scanned IS 'Number of files that were scanned.';
COMMENT ON COLUMN stats.counts.quarantined IS 'Number of files that a service gave up on, but for those that were dismissed.';
COMMENT ON COLUMN stats.counts.waiting IS 'Number of files that wait for the scanner for the first time.';
COMMENT ON COLUMN stats.counts.open_sessions IS 'Number of sessions that are not finished.';
COMMENT ON COLUMN stats.counts.outbox_waiting IS 'Number of events that are not sent yet.';
COMMENT ON COLUMN stats.counts.dismissed IS 'Number of files that a service gave up on and that a person wants no more of.';
COMMENT ON COLUMN stats.counts.closing_sessions IS 'Of the open sessions, those whose night is over.';
COMMENT ON COLUMN stats.target_sessions.catalog_id IS 'Target.';
COMMENT ON COLUMN stats.target_sessions.session_id IS 'Session.';
COMMENT ON COLUMN stats.target_sessions.exposures IS 'Number of counted exposures.';
COMMENT ON COLUMN stats.session_types.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_types.frame_type IS 'Frame type.';
COMMENT ON COLUMN stats.session_types.files IS 'Number of files.';
COMMENT ON COLUMN stats.session_cameras.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_cameras.night IS 'Night of the session, local date of the noon before.';
COMMENT ON COLUMN stats.session_cameras.camera IS 'Camera; empty when none is known.';
COMMENT ON COLUMN stats.session_cameras.rig IS 'Rig of the session.';
COMMENT ON COLUMN stats.session_cameras.files IS 'Number of files.';
COMMENT ON COLUMN stats.session_cameras.sky_files IS 'Of these, files that are neither calibration frames nor previews.';
COMMENT ON COLUMN stats.frames.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.frames.session_id IS 'Session that the file belongs to.';
COMMENT ON COLUMN stats.frames.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.frames.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN stats.frames.frame_type IS 'LIGHT, DARK, FLAT, BIAS, DARKFLAT, MASTER_*, STACK, PROCESSED, PREVIEW or OTHER.';
COMMENT ON COLUMN stats.frames.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN stats.frames.camera IS 'INSTRUME.';
COMMENT ON COLUMN stats.frames.filter IS 'Canonical filter name.';
COMMENT ON COLUMN stats.frames.catalog_id IS 'Canonical target id; null when no target was found.';
COMMENT ON COLUMN stats.frames.object_name IS 'OBJECT as written.';
COMMENT ON COLUMN stats.frames.counted IS 'Whether the frame stands for its exposure in all totals.';
COMMENT ON COLUMN stats.frames.target_uncertain IS 'Whether a person should decide the target: conflict, or a confidence below the setting.';
COMMENT ON COLUMN stats.night_counts.night IS 'Night of the frames, local date of the noon before; null where they have none.';
COMMENT ON COLUMN stats.night_counts.rig IS 'Rig; null when none is known.';
COMMENT ON COLUMN stats.night_counts.camera IS 'Camera; null when none is known.';
COMMENT ON COLUMN stats.night_counts.filter IS 'Filter; null when none is known.';
COMMENT ON COLUMN stats.night_counts.frame_type IS 'Frame type.';
COMMENT ON COLUMN stats.night_counts.files IS 'Number of files.';
COMMENT ON COLUMN stats.object_counts.catalog_id IS 'Target; null when none was found.';
COMMENT ON COLUMN stats.object_counts.object_name IS 'OBJECT as written; null when there is none.';
COMMENT ON COLUMN stats.object_counts.files IS 'Number of files.';
