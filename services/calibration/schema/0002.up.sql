-- Levels of raw calibration frames and masters, sets of raw frames, tests of masters, and builds of masters.

CREATE TABLE calibration.levels (
    file_id      text COLLATE "C" PRIMARY KEY,
    width_px     integer,
    height_px    integer,
    median_adu   double precision,
    mad_adu      double precision,
    noise_adu    double precision,
    min_adu      double precision,
    max_adu      double precision,
    low_share    double precision,
    high_share   double precision,
    nan_share    double precision,
    grid_adu     double precision[],
    range_adu    double precision,
    adu_per_unit double precision,
    problem      text,
    tries        integer NOT NULL DEFAULT 1,
    next_try_at  timestamptz,
    measured_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((median_adu IS NULL) = (problem IS NOT NULL))
);
CREATE INDEX levels_again ON calibration.levels (next_try_at) WHERE next_try_at IS NOT NULL;
COMMENT ON TABLE calibration.levels IS 'Where the pixels of calibration frames lie, as they were measured once.';
COMMENT ON COLUMN calibration.levels.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.levels.width_px IS 'Width of the image, pixels; null where it could not be measured, like all that follows.';
COMMENT ON COLUMN calibration.levels.height_px IS 'Height of the image, pixels.';
COMMENT ON COLUMN calibration.levels.median_adu IS 'Median of all pixels, ADU; floats from 0 to 1 are scaled to 65,535.';
COMMENT ON COLUMN calibration.levels.mad_adu IS 'Median distance from the median, ADU.';
COMMENT ON COLUMN calibration.levels.noise_adu IS 'Standard deviation of the noise from pixel to pixel, ADU.';
COMMENT ON COLUMN calibration.levels.min_adu IS 'Smallest value, ADU.';
COMMENT ON COLUMN calibration.levels.max_adu IS 'Largest value, ADU.';
COMMENT ON COLUMN calibration.levels.low_share IS 'Share of pixels at or below zero, 0 to 1.';
COMMENT ON COLUMN calibration.levels.high_share IS 'Share of pixels at the largest value, 0 to 1: many where a frame is saturated; 0 where that value is far below the range.';
COMMENT ON COLUMN calibration.levels.nan_share IS 'Share of pixels without a value, 0 to 1.';
COMMENT ON COLUMN calibration.levels.grid_adu IS 'Medians of 8 x 8 cells, by rows, ADU.';
COMMENT ON COLUMN calibration.levels.range_adu IS 'Largest value that the frame can have, ADU.';
COMMENT ON COLUMN calibration.levels.adu_per_unit IS 'What the numbers of the file were multiplied with to become ADU.';
COMMENT ON COLUMN calibration.levels.problem IS 'Why it could not be measured, one sentence.';
COMMENT ON COLUMN calibration.levels.tries IS 'How often that was tried.';
COMMENT ON COLUMN calibration.levels.next_try_at IS 'When it is tried again; null: it is measured, or trying again cannot help.';
COMMENT ON COLUMN calibration.levels.measured_at IS 'When it was measured or last tried.';

CREATE TABLE calibration.master_test (
    file_id        text COLLATE "C" PRIMARY KEY,
    seen           text COLLATE "C" NOT NULL,
    light_file_id  text COLLATE "C",
    negative_share double precision,
    refused        text,
    tested_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE calibration.master_test IS 'What came of testing each master before it is used.';
COMMENT ON COLUMN calibration.master_test.file_id IS 'The master, SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.master_test.seen IS 'Hash of what was known of it: where that changes it is tested anew.';
COMMENT ON COLUMN calibration.master_test.light_file_id IS 'Light that it was subtracted from; null: there was none, and it is tried once there is one, or it is a flat.';
COMMENT ON COLUMN calibration.master_test.negative_share IS 'Share of the pixels of that light that were negative afterwards, 0 to 1.';
COMMENT ON COLUMN calibration.master_test.refused IS 'Why it may not be used, one sentence; null: nothing speaks against it.';
COMMENT ON COLUMN calibration.master_test.tested_at IS 'When it was tested.';

CREATE TABLE calibration.raw_set (
    set_no             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_key            text COLLATE "C" NOT NULL UNIQUE,
    frame_type         text NOT NULL CHECK (frame_type IN ('BIAS', 'DARK', 'DARKFLAT', 'FLAT')),
    camera             text,
    telescope          text,
    rig                text,
    exposure_s         double precision,
    gain               double precision,
    "offset"           double precision,
    set_temp_c         double precision,
    sensor_temp_c      double precision,
    filter             text,
    x_binning          integer,
    readout_mode       text,
    width_px           integer,
    height_px          integer,
    night              date,
    rotator_angle_deg  double precision,
    frames             integer NOT NULL DEFAULT 0,
    measured           integer NOT NULL DEFAULT 0,
    kept               integer NOT NULL DEFAULT 0,
    wanted             integer NOT NULL DEFAULT 0,
    kept_digest        text COLLATE "C",
    is_dirty           boolean NOT NULL DEFAULT true,
    changed_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX raw_set_dirty ON calibration.raw_set (set_no) WHERE is_dirty;
COMMENT ON TABLE calibration.raw_set IS 'Sets of raw calibration frames that are equal in all that matters for their type.';
COMMENT ON COLUMN calibration.raw_set.set_no IS 'Number of the set.';
COMMENT ON COLUMN calibration.raw_set.set_key IS 'Type and properties as a text.';
COMMENT ON COLUMN calibration.raw_set.frame_type IS 'BIAS, DARK, DARKFLAT or FLAT.';
COMMENT ON COLUMN calibration.raw_set.camera IS 'INSTRUME; null = not known, or of no account, like every property.';
COMMENT ON COLUMN calibration.raw_set.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.raw_set.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.raw_set.exposure_s IS 'Length of one exposure by four significant digits, seconds.';
COMMENT ON COLUMN calibration.raw_set.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.raw_set."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.raw_set.set_temp_c IS 'Cooler set point by half degrees, degrees Celsius.';
COMMENT ON COLUMN calibration.raw_set.sensor_temp_c IS 'Sensor temperature, degrees Celsius; always null: a set is told by its set point.';
COMMENT ON COLUMN calibration.raw_set.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.raw_set.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.raw_set.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.raw_set.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.raw_set.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.raw_set.night IS 'Local date of the noon before; of flats, and of darks and biases without a set point.';
COMMENT ON COLUMN calibration.raw_set.rotator_angle_deg IS 'Angle of the rotator by whole degrees.';
COMMENT ON COLUMN calibration.raw_set.frames IS 'Number of its frames.';
COMMENT ON COLUMN calibration.raw_set.measured IS 'Of these, frames that were measured, or cannot be.';
COMMENT ON COLUMN calibration.raw_set.kept IS 'Of these, frames that go into a master.';
COMMENT ON COLUMN calibration.raw_set.wanted IS 'Frames that a master needs by the settings.';
COMMENT ON COLUMN calibration.raw_set.kept_digest IS 'Hash of the file_ids of the kept frames.';
COMMENT ON COLUMN calibration.raw_set.is_dirty IS 'Whether its frames are to be judged anew.';
COMMENT ON COLUMN calibration.raw_set.changed_at IS 'When a frame last came or went.';

CREATE TABLE calibration.raw_set_frame (
    file_id text COLLATE "C" PRIMARY KEY,
    set_no  bigint REFERENCES calibration.raw_set ON DELETE CASCADE,
    seen    text COLLATE "C" NOT NULL,
    state   text CHECK (state IN ('kept', 'left_out')),
    reason  text
);
CREATE INDEX raw_set_frame_set ON calibration.raw_set_frame (set_no);
COMMENT ON TABLE calibration.raw_set_frame IS 'Raw calibration frames, each in its set, and whether it goes into a master.';
COMMENT ON COLUMN calibration.raw_set_frame.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.raw_set_frame.set_no IS 'Its set; null: neither its camera nor its size is known, so it belongs to none.';
COMMENT ON COLUMN calibration.raw_set_frame.seen IS 'Hash of what was known of it when it was put there.';
COMMENT ON COLUMN calibration.raw_set_frame.state IS 'kept or left_out; null while it is not measured.';
COMMENT ON COLUMN calibration.raw_set_frame.reason IS 'Why it is left out, one sentence.';

CREATE TABLE calibration.build (
    build_id         uuid PRIMARY KEY,
    set_no           bigint NOT NULL,
    asked_by         text NOT NULL CHECK (asked_by IN ('person', 'settings')),
    master_type      text NOT NULL,
    kept_digest      text COLLATE "C",
    phase            text NOT NULL DEFAULT 'asked' CHECK (phase IN ('asked', 'planned', 'written', 'built')),
    plan             jsonb,
    frames           integer NOT NULL DEFAULT 0,
    height_px        integer NOT NULL DEFAULT 0,
    rows_done        integer NOT NULL DEFAULT 0,
    path             text COLLATE "C",
    place_attempt    integer NOT NULL DEFAULT 1,
    file_id          text COLLATE "C",
    size_bytes       bigint,
    samples          bigint,
    rejected         bigint
);
CREATE INDEX build_of_set ON calibration.build (set_no);
CREATE INDEX build_of_file ON calibration.build (file_id) WHERE file_id IS NOT NULL;
COMMENT ON TABLE calibration.build IS 'Builds of masters, and the jobs that do them.';
COMMENT ON COLUMN calibration.build.build_id IS 'Id; also that of the command, where one set was asked for.';
COMMENT ON COLUMN calibration.build.set_no IS 'Set that it is made of.';
COMMENT ON COLUMN calibration.build.asked_by IS 'person: by a command; settings: build_masters of the rig.';
COMMENT ON COLUMN calibration.build.master_type IS 'MASTER_BIAS, MASTER_DARK, MASTER_DARKFLAT or MASTER_FLAT.';
COMMENT ON COLUMN calibration.build.kept_digest IS 'Hash of the file_ids of its frames.';
COMMENT ON COLUMN calibration.build.phase IS 'asked; planned: its frames are fixed; written: the file is complete; built: it lies in the library, and was told.';
COMMENT ON COLUMN calibration.build.plan IS 'What it is made of, and how it is described, fixed once so that each attempt writes the same bytes.';
COMMENT ON COLUMN calibration.build.frames IS 'Number of frames that go into it.';
COMMENT ON COLUMN calibration.build.height_px IS 'Rows of the master, pixels.';
COMMENT ON COLUMN calibration.build.rows_done IS 'Rows that were combined so far.';
COMMENT ON COLUMN calibration.build.path IS 'Path below the library that it gets.';
COMMENT ON COLUMN calibration.build.place_attempt IS 'How often ingest was asked to place it.';
COMMENT ON COLUMN calibration.build.file_id IS 'SHA-256 of the master, hexadecimal, once it is written.';
COMMENT ON COLUMN calibration.build.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN calibration.build.samples IS 'Pixels of all frames.';
COMMENT ON COLUMN calibration.build.rejected IS 'Of these, rejected as outliers.';

-- template: jobs table=build key=build_id

CREATE OR REPLACE VIEW calibration.build_progress AS
SELECT build_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at, started_at,
       finished_at, set_no, asked_by, master_type, phase, frames, height_px, rows_done, path, file_id, size_bytes, samples,
       rejected
FROM calibration.build;
COMMENT ON COLUMN calibration.build_progress.build_id IS 'Id; also that of the command, where one set was asked for.';
COMMENT ON COLUMN calibration.build_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN calibration.build_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN calibration.build_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN calibration.build_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN calibration.build_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN calibration.build_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN calibration.build_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN calibration.build_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN calibration.build_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN calibration.build_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN calibration.build_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN calibration.build_progress.set_no IS 'Set that it is made of.';
COMMENT ON COLUMN calibration.build_progress.asked_by IS 'person: by a command; settings: build_masters of the rig.';
COMMENT ON COLUMN calibration.build_progress.master_type IS 'MASTER_BIAS, MASTER_DARK, MASTER_DARKFLAT or MASTER_FLAT.';
COMMENT ON COLUMN calibration.build_progress.phase IS 'asked; planned: its frames are fixed; written: the file is complete; built: it lies in the library, and was told.';
COMMENT ON COLUMN calibration.build_progress.frames IS 'Number of frames that go into it.';
COMMENT ON COLUMN calibration.build_progress.height_px IS 'Rows of the master, pixels.';
COMMENT ON COLUMN calibration.build_progress.rows_done IS 'Rows that were combined so far.';
COMMENT ON COLUMN calibration.build_progress.path IS 'Path below the library that it gets.';
COMMENT ON COLUMN calibration.build_progress.file_id IS 'SHA-256 of the master, hexadecimal, once it is written.';
COMMENT ON COLUMN calibration.build_progress.size_bytes IS 'Its size, bytes.';
COMMENT ON COLUMN calibration.build_progress.samples IS 'Pixels of all frames.';
COMMENT ON COLUMN calibration.build_progress.rejected IS 'Of these, rejected as outliers.';

CREATE VIEW calibration.sets AS
SELECT s.set_no, s.frame_type, s.camera, s.telescope, s.rig, s.exposure_s, s.gain, s."offset", s.set_temp_c, s.sensor_temp_c, s.filter, s.x_binning, s.readout_mode, s.width_px, s.height_px, s.night, s.rotator_angle_deg,
       s.frames, s.measured, s.kept, s.frames - s.kept - (s.frames - s.measured) AS left_out, s.wanted, s.changed_at,
       CASE WHEN b.is_open THEN 'building' WHEN b.master_file_id IS NOT NULL THEN 'built'
            WHEN s.is_dirty OR s.measured < s.frames THEN 'measuring' WHEN s.kept < s.wanted THEN 'too_few' ELSE 'ready'
       END AS state,
       b.master_file_id
FROM calibration.raw_set s
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(b.state IN ('waiting', 'running')), false) AS is_open,
           (array_agg(b.file_id ORDER BY b.finished_at DESC)
            FILTER (WHERE b.phase = 'built' AND b.kept_digest = s.kept_digest))[1] AS master_file_id
    FROM calibration.build b WHERE b.set_no = s.set_no) b
WHERE s.frames > 0;
COMMENT ON VIEW calibration.sets IS 'Contract: sets of raw calibration frames, and whether a master can be, or was, made of each.';
COMMENT ON COLUMN calibration.sets.set_no IS 'Number of the set.';
COMMENT ON COLUMN calibration.sets.frame_type IS 'BIAS, DARK, DARKFLAT or FLAT.';
COMMENT ON COLUMN calibration.sets.camera IS 'INSTRUME; null = not known, or of no account, like every property.';
COMMENT ON COLUMN calibration.sets.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.sets.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.sets.exposure_s IS 'Length of one exposure by four significant digits, seconds.';
COMMENT ON COLUMN calibration.sets.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.sets."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.sets.set_temp_c IS 'Cooler set point by half degrees, degrees Celsius.';
COMMENT ON COLUMN calibration.sets.sensor_temp_c IS 'Sensor temperature, degrees Celsius; always null: a set is told by its set point.';
COMMENT ON COLUMN calibration.sets.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.sets.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.sets.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.sets.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.sets.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.sets.night IS 'Local date of the noon before; of flats, and of darks and biases without a set point.';
COMMENT ON COLUMN calibration.sets.rotator_angle_deg IS 'Angle of the rotator by whole degrees.';
COMMENT ON COLUMN calibration.sets.frames IS 'Number of its frames.';
COMMENT ON COLUMN calibration.sets.measured IS 'Of these, frames that were measured, or cannot be.';
COMMENT ON COLUMN calibration.sets.kept IS 'Of these, frames that go into a master.';
COMMENT ON COLUMN calibration.sets.left_out IS 'Of these, frames that stay out; calibration.set_frames says why.';
COMMENT ON COLUMN calibration.sets.wanted IS 'Frames that a master needs by the settings.';
COMMENT ON COLUMN calibration.sets.changed_at IS 'When a frame last came or went, UTC.';
COMMENT ON COLUMN calibration.sets.state IS 'measuring; too_few: fewer are kept than a master needs; ready; building; built: of the very frames that are kept now.';
COMMENT ON COLUMN calibration.sets.master_file_id IS 'The master that was built of the kept frames.';

CREATE VIEW calibration.set_frames AS
SELECT m.set_no, m.file_id, f.name, m.state, m.reason, l.median_adu, l.mad_adu, l.noise_adu, l.min_adu, l.max_adu,
       l.high_share, l.nan_share, l.measured_at
FROM calibration.raw_set_frame m
JOIN calibration.frame f USING (file_id)
LEFT JOIN calibration.levels l USING (file_id)
WHERE m.set_no IS NOT NULL;
COMMENT ON VIEW calibration.set_frames IS 'Contract: the frames of each set, their levels, and which stay out of a master, with the reason.';
COMMENT ON COLUMN calibration.set_frames.set_no IS 'The set.';
COMMENT ON COLUMN calibration.set_frames.file_id IS 'The frame, SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.set_frames.name IS 'Name of the file.';
COMMENT ON COLUMN calibration.set_frames.state IS 'kept or left_out; null while it is not measured.';
COMMENT ON COLUMN calibration.set_frames.reason IS 'Why it is left out, one sentence.';
COMMENT ON COLUMN calibration.set_frames.median_adu IS 'Median of all pixels, ADU.';
COMMENT ON COLUMN calibration.set_frames.mad_adu IS 'Median distance from the median, ADU.';
COMMENT ON COLUMN calibration.set_frames.noise_adu IS 'Standard deviation of the noise from pixel to pixel, ADU.';
COMMENT ON COLUMN calibration.set_frames.min_adu IS 'Smallest value, ADU.';
COMMENT ON COLUMN calibration.set_frames.max_adu IS 'Largest value, ADU.';
COMMENT ON COLUMN calibration.set_frames.high_share IS 'Share of pixels at the largest value, 0 to 1; 0 where that is far below the range.';
COMMENT ON COLUMN calibration.set_frames.nan_share IS 'Share of pixels without a value, 0 to 1.';
COMMENT ON COLUMN calibration.set_frames.measured_at IS 'When it was measured, UTC.';
