-- First tables of the stats schema.

CREATE TABLE stats.file (
    file_id       text COLLATE "C" PRIMARY KEY,
    scan_revision integer NOT NULL,
    root          text COLLATE "C" NOT NULL,
    path          text COLLATE "C" NOT NULL,
    size_bytes    bigint NOT NULL,
    source        text NOT NULL,
    origin        text NOT NULL,
    replaces      text COLLATE "C",
    hints         jsonb,
    arrived_at    timestamptz NOT NULL,
    announced_at  timestamptz NOT NULL
);
COMMENT ON TABLE stats.file IS 'Every file that arrived.';
COMMENT ON COLUMN stats.file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.file.scan_revision IS 'Highest scan revision that was announced.';
COMMENT ON COLUMN stats.file.root IS 'Root that it lies in.';
COMMENT ON COLUMN stats.file.path IS 'Path below the root.';
COMMENT ON COLUMN stats.file.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN stats.file.source IS 'Source that it came from.';
COMMENT ON COLUMN stats.file.origin IS 'Path below the source.';
COMMENT ON COLUMN stats.file.replaces IS 'Content that the same path held before.';
COMMENT ON COLUMN stats.file.hints IS 'What the sender knew: catalog_id, target, rig, execution ids.';
COMMENT ON COLUMN stats.file.arrived_at IS 'When its first copy was recorded.';
COMMENT ON COLUMN stats.file.announced_at IS 'When the announcement was made that root and path come from.';

CREATE TABLE stats.pending (
    file_id       text COLLATE "C" PRIMARY KEY,
    scan_revision integer NOT NULL,
    arrived_at    timestamptz NOT NULL
);
COMMENT ON TABLE stats.pending IS 'Files of which the announced revision is neither scanned nor quarantined yet.';
COMMENT ON COLUMN stats.pending.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.pending.scan_revision IS 'Scan revision that is waited for.';
COMMENT ON COLUMN stats.pending.arrived_at IS 'When the file arrived.';

CREATE TABLE stats.quarantine (
    quarantine_key text COLLATE "C" PRIMARY KEY,
    file_id        text COLLATE "C",
    root           text,
    path           text,
    stage          text NOT NULL,
    attempt        integer NOT NULL,
    reason         text NOT NULL,
    error          text,
    occurred_at    timestamptz NOT NULL
);
COMMENT ON TABLE stats.quarantine IS 'Files that could not be handled; a row leaves when the file is scanned after all.';
COMMENT ON COLUMN stats.quarantine.quarantine_key IS 'file_id, or root:path where the content is not known.';
COMMENT ON COLUMN stats.quarantine.file_id IS 'SHA-256 of the content, where known.';
COMMENT ON COLUMN stats.quarantine.root IS 'Root that the file lies in.';
COMMENT ON COLUMN stats.quarantine.path IS 'Path below the root.';
COMMENT ON COLUMN stats.quarantine.stage IS 'Service that gave up.';
COMMENT ON COLUMN stats.quarantine.attempt IS 'Scan revision or attempt; only a later one changes the row.';
COMMENT ON COLUMN stats.quarantine.reason IS 'Why, one sentence.';
COMMENT ON COLUMN stats.quarantine.error IS 'Technical detail.';
COMMENT ON COLUMN stats.quarantine.occurred_at IS 'When the service gave up.';

CREATE TABLE stats.frame (
    file_id             text COLLATE "C" NOT NULL,
    scan_revision       integer NOT NULL,
    format              text NOT NULL,
    frame_type          text NOT NULL,
    session_id          text COLLATE "C" NOT NULL,
    catalog_id          text COLLATE "C",
    filter              text,
    counted             boolean NOT NULL DEFAULT false,
    exposure_key        text COLLATE "C",
    exposure_ms         bigint,
    total_exposure_ms   bigint,
    size_bytes          bigint NOT NULL,
    night               date,
    session_night       date NOT NULL,
    own_session_id      text COLLATE "C" NOT NULL,
    night_ends_at       timestamptz NOT NULL,
    observed_at         timestamptz,
    arrived_at          timestamptz NOT NULL,
    source              text NOT NULL,
    stem                text COLLATE "C" NOT NULL,
    stem_key            bigint NOT NULL,
    rig                 text,
    camera              text,
    telescope           text,
    object_name         text,
    panel               text,
    stack_count         integer,
    gain                real,
    "offset"            real,
    sensor_temp_c       real,
    set_temp_c          real,
    x_binning           smallint,
    focal_length_mm     real,
    pixel_scale_arcsec  real,
    width_px            integer,
    height_px           integer,
    ra_deg              double precision,
    dec_deg             double precision,
    site_latitude_deg   double precision,
    site_longitude_deg  double precision,
    target_confidence   real,
    target_method       text,
    star_count          integer,
    fwhm_px             real,
    fwhm_arcsec         real,
    hfr_px              real,
    eccentricity        real,
    background_adu      real,
    noise_adu           real,
    saturated_fraction  real,
    reported_hfr_px     real,
    reported_star_count integer,
    reported_rms_arcsec real,
    software            text,
    problems            text[] NOT NULL DEFAULT '{}',
    -- Unique by hash: file ids are random, and an index a quarter the size of a primary key's stays in memory.
    CONSTRAINT frame_file_id EXCLUDE USING hash (file_id WITH =)
);
CREATE INDEX frame_session ON stats.frame (session_id);
CREATE INDEX frame_exposure ON stats.frame (exposure_key) WHERE exposure_key IS NOT NULL;
CREATE INDEX frame_target_time ON stats.frame (catalog_id, observed_at) WHERE counted;
CREATE INDEX frame_target_fwhm ON stats.frame (catalog_id, fwhm_arcsec) WHERE counted;
CREATE INDEX frame_target_stars ON stats.frame (catalog_id, star_count) WHERE counted;
CREATE INDEX frame_stem ON stats.frame (stem_key);
CREATE INDEX frame_calibration ON stats.frame (session_night) WHERE frame_type IN
    ('DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT');
CREATE INDEX frame_night ON stats.frame (night);
COMMENT ON TABLE stats.frame IS 'What the scanner found in each file, and where it is counted.';
COMMENT ON COLUMN stats.frame.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.frame.scan_revision IS 'Only a higher revision changes the row.';
COMMENT ON COLUMN stats.frame.format IS 'File format by first bytes.';
COMMENT ON COLUMN stats.frame.frame_type IS 'LIGHT, DARK, FLAT, BIAS, DARKFLAT, MASTER_*, STACK, PROCESSED, PREVIEW or OTHER.';
COMMENT ON COLUMN stats.frame.session_id IS 'Session that the file belongs to.';
COMMENT ON COLUMN stats.frame.catalog_id IS 'Canonical target id; null when no target was found.';
COMMENT ON COLUMN stats.frame.filter IS 'Canonical filter name.';
COMMENT ON COLUMN stats.frame.counted IS 'Whether the frame stands for its exposure in all totals.';
COMMENT ON COLUMN stats.frame.exposure_key IS 'Camera, start, length and filter: equal for several files of one exposure.';
COMMENT ON COLUMN stats.frame.exposure_ms IS 'Length of one exposure, milliseconds.';
COMMENT ON COLUMN stats.frame.total_exposure_ms IS 'Sum over a stack, milliseconds.';
COMMENT ON COLUMN stats.frame.size_bytes IS 'Size of the file, bytes.';
COMMENT ON COLUMN stats.frame.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.frame.session_night IS 'The night, else the UTC date of arrival.';
COMMENT ON COLUMN stats.frame.own_session_id IS 'Session of its own night and label, whether or not it joins another.';
COMMENT ON COLUMN stats.frame.night_ends_at IS 'Sunrise at the site, else 09:00 local, after the night.';
COMMENT ON COLUMN stats.frame.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN stats.frame.arrived_at IS 'When the file arrived.';
COMMENT ON COLUMN stats.frame.source IS 'Source that it came from.';
COMMENT ON COLUMN stats.frame.stem IS 'root:path without extension and thumbnail suffix, by which previews find their frame.';
COMMENT ON COLUMN stats.frame.stem_key IS 'CRC-32 of the stem''s folder and of its name; files of a folder are neighbours.';
COMMENT ON COLUMN stats.frame.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN stats.frame.camera IS 'INSTRUME.';
COMMENT ON COLUMN stats.frame.telescope IS 'TELESCOP.';
COMMENT ON COLUMN stats.frame.object_name IS 'OBJECT as written.';
COMMENT ON COLUMN stats.frame.panel IS 'Mosaic panel.';
COMMENT ON COLUMN stats.frame.stack_count IS 'Exposures in a stack.';
COMMENT ON COLUMN stats.frame.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN stats.frame."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN stats.frame.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN stats.frame.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN stats.frame.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN stats.frame.focal_length_mm IS 'Focal length, millimetres.';
COMMENT ON COLUMN stats.frame.pixel_scale_arcsec IS 'Arcseconds per pixel.';
COMMENT ON COLUMN stats.frame.width_px IS 'Width, pixels.';
COMMENT ON COLUMN stats.frame.height_px IS 'Height, pixels.';
COMMENT ON COLUMN stats.frame.ra_deg IS 'Right ascension, ICRS degrees.';
COMMENT ON COLUMN stats.frame.dec_deg IS 'Declination, ICRS degrees.';
COMMENT ON COLUMN stats.frame.site_latitude_deg IS 'Latitude of the site, degrees.';
COMMENT ON COLUMN stats.frame.site_longitude_deg IS 'Longitude of the site, degrees, east positive.';
COMMENT ON COLUMN stats.frame.target_confidence IS 'Confidence of the target match, 0 to 1.';
COMMENT ON COLUMN stats.frame.target_method IS 'How the target was found.';
COMMENT ON COLUMN stats.frame.star_count IS 'Measured number of stars.';
COMMENT ON COLUMN stats.frame.fwhm_px IS 'Measured median FWHM, pixels.';
COMMENT ON COLUMN stats.frame.fwhm_arcsec IS 'Measured median FWHM, arcseconds.';
COMMENT ON COLUMN stats.frame.hfr_px IS 'Measured median half-flux radius, pixels.';
COMMENT ON COLUMN stats.frame.eccentricity IS 'Measured median eccentricity of the stars, 0 to 1.';
COMMENT ON COLUMN stats.frame.background_adu IS 'Measured sky level, ADU.';
COMMENT ON COLUMN stats.frame.noise_adu IS 'Measured background noise, ADU.';
COMMENT ON COLUMN stats.frame.saturated_fraction IS 'Share of saturated pixels, 0 to 1.';
COMMENT ON COLUMN stats.frame.reported_hfr_px IS 'HFR that the capture program wrote, pixels.';
COMMENT ON COLUMN stats.frame.reported_star_count IS 'Star count that the capture program wrote.';
COMMENT ON COLUMN stats.frame.reported_rms_arcsec IS 'Guiding RMS that the capture program wrote, arcseconds.';
COMMENT ON COLUMN stats.frame.software IS 'Program that wrote the file.';
COMMENT ON COLUMN stats.frame.problems IS 'What is wrong with the file, one sentence each.';

CREATE TABLE stats.session (
    session_id       text COLLATE "C" PRIMARY KEY,
    night            date NOT NULL,
    rig              text COLLATE "C" NOT NULL,
    sky_files        bigint NOT NULL DEFAULT 0,
    files            bigint NOT NULL DEFAULT 0,
    size_bytes       bigint NOT NULL DEFAULT 0,
    exposures        bigint NOT NULL DEFAULT 0,
    integration_ms   bigint NOT NULL DEFAULT 0,
    ends_at          timestamptz NOT NULL,
    last_arrived_at  timestamptz NOT NULL,
    open             boolean NOT NULL DEFAULT true,
    revision         integer NOT NULL DEFAULT 0,
    finished_at      timestamptz
);
CREATE INDEX session_open ON stats.session (ends_at) WHERE open;
CREATE INDEX session_night ON stats.session (night);
COMMENT ON TABLE stats.session IS 'One night of one rig.';
COMMENT ON COLUMN stats.session.session_id IS 'YYYYMMDD_ and eight hexadecimal digits, allocated once.';
COMMENT ON COLUMN stats.session.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.session.rig IS 'Rig, else camera, else unknown.';
COMMENT ON COLUMN stats.session.sky_files IS 'Files that are neither calibration frames nor previews.';
COMMENT ON COLUMN stats.session.files IS 'All files.';
COMMENT ON COLUMN stats.session.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN stats.session.exposures IS 'LIGHT exposures, each counted once.';
COMMENT ON COLUMN stats.session.integration_ms IS 'Their sum, milliseconds.';
COMMENT ON COLUMN stats.session.ends_at IS 'Sunrise at the site, else 09:00 local, after the night.';
COMMENT ON COLUMN stats.session.last_arrived_at IS 'When the last of its files arrived.';
COMMENT ON COLUMN stats.session.open IS 'Whether it changed since it was last finished.';
COMMENT ON COLUMN stats.session.revision IS 'How often it was finished.';
COMMENT ON COLUMN stats.session.finished_at IS 'When it was last finished.';

CREATE TABLE stats.session_camera (
    night      date NOT NULL,
    camera     text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    rig        text COLLATE "C" NOT NULL,
    files      bigint NOT NULL,
    sky_files  bigint NOT NULL,
    PRIMARY KEY (night, camera, session_id)
);
COMMENT ON TABLE stats.session_camera IS 'Files of a session by camera: calibration frames join by night and camera.';
COMMENT ON COLUMN stats.session_camera.night IS 'Night of the session.';
COMMENT ON COLUMN stats.session_camera.camera IS 'Camera; empty when none is known.';
COMMENT ON COLUMN stats.session_camera.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_camera.rig IS 'Rig of the session; the first of several by name takes the calibration frames.';
COMMENT ON COLUMN stats.session_camera.files IS 'Number of files.';
COMMENT ON COLUMN stats.session_camera.sky_files IS 'Of these, files that are neither calibration frames nor previews.';

CREATE TABLE stats.session_type (
    session_id text COLLATE "C" NOT NULL,
    frame_type text NOT NULL,
    files      bigint NOT NULL,
    PRIMARY KEY (session_id, frame_type)
);
COMMENT ON TABLE stats.session_type IS 'Files of a session by frame type.';
COMMENT ON COLUMN stats.session_type.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_type.frame_type IS 'Frame type.';
COMMENT ON COLUMN stats.session_type.files IS 'Number of files.';

CREATE TABLE stats.session_target (
    session_id     text COLLATE "C" NOT NULL,
    catalog_id     text COLLATE "C" NOT NULL,
    filter         text NOT NULL,
    exposures      bigint NOT NULL,
    integration_ms bigint NOT NULL,
    PRIMARY KEY (session_id, catalog_id, filter)
);
COMMENT ON TABLE stats.session_target IS 'LIGHT exposures of a session by target and filter.';
COMMENT ON COLUMN stats.session_target.session_id IS 'Session.';
COMMENT ON COLUMN stats.session_target.catalog_id IS 'Target; empty when none was found.';
COMMENT ON COLUMN stats.session_target.filter IS 'Filter; empty when none is known.';
COMMENT ON COLUMN stats.session_target.exposures IS 'Number of exposures.';
COMMENT ON COLUMN stats.session_target.integration_ms IS 'Their sum, milliseconds.';

CREATE TABLE stats.target (
    catalog_id         text COLLATE "C" PRIMARY KEY,
    name               text,
    exposures          bigint NOT NULL DEFAULT 0,
    integration_ms     bigint NOT NULL DEFAULT 0,
    sessions           bigint NOT NULL DEFAULT 0,
    status             text CHECK (status IN ('complete', 'needs_more_data')),
    revision           integer NOT NULL DEFAULT 0,
    published_revision integer NOT NULL DEFAULT 0,
    published_at       timestamptz,
    updated_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX target_unpublished ON stats.target (catalog_id) WHERE revision > published_revision;
COMMENT ON TABLE stats.target IS 'Capture history: what was captured of each target over all sessions.';
COMMENT ON COLUMN stats.target.catalog_id IS 'Canonical target id.';
COMMENT ON COLUMN stats.target.name IS 'Display name.';
COMMENT ON COLUMN stats.target.exposures IS 'LIGHT exposures, each counted once.';
COMMENT ON COLUMN stats.target.integration_ms IS 'Their sum, milliseconds.';
COMMENT ON COLUMN stats.target.sessions IS 'Sessions with at least one counted exposure.';
COMMENT ON COLUMN stats.target.status IS 'What a person decided; null = nothing.';
COMMENT ON COLUMN stats.target.revision IS 'Grows with every change of the totals.';
COMMENT ON COLUMN stats.target.published_revision IS 'Last revision that target.updated carried.';
COMMENT ON COLUMN stats.target.published_at IS 'When target.updated was last written.';
COMMENT ON COLUMN stats.target.updated_at IS 'When the totals last changed.';

CREATE TABLE stats.target_session (
    catalog_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    exposures  bigint NOT NULL,
    PRIMARY KEY (catalog_id, session_id)
);
COMMENT ON TABLE stats.target_session IS 'Counter rows behind target.sessions: exposures of a target in a session.';
COMMENT ON COLUMN stats.target_session.catalog_id IS 'Target.';
COMMENT ON COLUMN stats.target_session.session_id IS 'Session.';
COMMENT ON COLUMN stats.target_session.exposures IS 'Number of counted exposures.';

CREATE TABLE stats.target_filter (
    catalog_id     text COLLATE "C" NOT NULL,
    filter         text NOT NULL,
    exposures      bigint NOT NULL,
    integration_ms bigint NOT NULL,
    PRIMARY KEY (catalog_id, filter)
);
COMMENT ON TABLE stats.target_filter IS 'Totals of a target by filter.';
COMMENT ON COLUMN stats.target_filter.catalog_id IS 'Target.';
COMMENT ON COLUMN stats.target_filter.filter IS 'Filter; empty when none is known.';
COMMENT ON COLUMN stats.target_filter.exposures IS 'Number of counted exposures.';
COMMENT ON COLUMN stats.target_filter.integration_ms IS 'Their sum, milliseconds.';
-- template: outbox

-- Each subject has one consumer in this service, and ids of different subjects differ.
-- template: inbox key=event_id
COMMENT ON TABLE stats.inbox IS 'Events that were applied: each takes effect once.';

CREATE VIEW stats.files AS
SELECT f.file_id, f.root, f.path, f.size_bytes, f.source, f.arrived_at,
       CASE WHEN fr.file_id IS NOT NULL THEN 'scanned' WHEN q.file_id IS NOT NULL THEN 'quarantined' ELSE 'waiting' END AS state,
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
COMMENT ON VIEW stats.files IS 'Contract: every file with its state and facts.';

CREATE VIEW stats.captures AS
SELECT t.catalog_id, t.name, t.exposures AS total_frames, t.integration_ms / 1000.0::double precision AS total_exposure_s,
       t.sessions AS total_sessions,
       (SELECT min(observed_at) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS first_captured_at,
       (SELECT max(observed_at) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS last_captured_at,
       (SELECT min(fwhm_arcsec) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS best_fwhm_arcsec,
       (SELECT max(star_count) FROM stats.frame WHERE counted AND catalog_id = t.catalog_id) AS best_star_count,
       t.status, t.updated_at
FROM stats.target t
WHERE t.exposures > 0;
COMMENT ON VIEW stats.captures IS 'Contract: capture history, one row per target.';

CREATE VIEW stats.capture_filters AS
SELECT catalog_id, filter, exposures, integration_ms / 1000.0::double precision AS integration_s
FROM stats.target_filter WHERE exposures > 0;
COMMENT ON VIEW stats.capture_filters IS 'Contract: totals of a target by filter.';

CREATE VIEW stats.sessions AS
SELECT session_id, night, rig,
       (SELECT min(camera) FROM stats.session_camera c
        WHERE c.night = s.night AND c.session_id = s.session_id AND camera <> '') AS camera,
       files, size_bytes, exposures, integration_ms / 1000.0::double precision AS integration_s,
       CASE WHEN NOT open THEN 'finished' WHEN revision > 0 THEN 'reopened' ELSE 'open' END AS state,
       revision, finished_at, ends_at, last_arrived_at,
       (SELECT jsonb_object_agg(frame_type, y.files) FROM stats.session_type y WHERE y.session_id = s.session_id AND y.files > 0)
           AS files_by_type,
       (SELECT array_agg(DISTINCT catalog_id ORDER BY catalog_id) FROM stats.session_target x
        WHERE x.session_id = s.session_id AND x.exposures > 0 AND catalog_id <> '') AS catalog_ids
FROM stats.session s
WHERE files > 0;
COMMENT ON VIEW stats.sessions IS 'Contract: sessions with their counts.';

CREATE VIEW stats.session_targets AS
SELECT session_id, nullif(catalog_id, '') AS catalog_id, nullif(filter, '') AS filter, exposures,
       integration_ms / 1000.0::double precision AS integration_s
FROM stats.session_target WHERE exposures > 0;
COMMENT ON VIEW stats.session_targets IS 'Contract: exposures of a session by target and filter.';

CREATE VIEW stats.quarantined AS
SELECT file_id, root, path, stage, attempt, reason, error, occurred_at FROM stats.quarantine;
COMMENT ON VIEW stats.quarantined IS 'Contract: files that could not be handled, with the reason.';

CREATE VIEW stats.handled AS
SELECT file_id, scan_revision FROM stats.frame
UNION ALL
SELECT file_id, attempt FROM stats.quarantine WHERE file_id IS NOT NULL;
COMMENT ON VIEW stats.handled IS 'Contract: which scan revision of each file has been scanned or quarantined.';

CREATE VIEW stats.stage AS
SELECT (SELECT count(*) FROM stats.file) AS files,
       (SELECT count(*) FROM stats.frame) AS scanned,
       (SELECT count(*) FROM stats.quarantine q
        WHERE EXISTS (SELECT FROM stats.file f WHERE f.file_id = q.quarantine_key)
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS quarantined,
       (SELECT count(*) FROM stats.pending p
        WHERE NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = p.file_id)
          AND NOT EXISTS (SELECT FROM stats.quarantine q WHERE q.quarantine_key = p.file_id)) AS waiting,
       (SELECT count(*) FROM stats.session WHERE open AND files > 0) AS open_sessions,
       (SELECT count(*) FROM stats.outbox) AS outbox_waiting;
COMMENT ON VIEW stats.stage IS 'Contract: counts of the stats stage; files = scanned + quarantined + waiting.';
