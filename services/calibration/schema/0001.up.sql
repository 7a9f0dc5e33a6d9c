-- Calibration frames, groups of lights, the master that each group needs, and the answer with its reason.

CREATE TABLE calibration.frame (
    file_id            text COLLATE "C" PRIMARY KEY,
    frame_type         text NOT NULL,
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
    scanned            jsonb NOT NULL,
    supplied           jsonb NOT NULL DEFAULT '{}',
    stack_count        integer,
    format             text NOT NULL,
    name               text NOT NULL,
    root               text COLLATE "C" NOT NULL,
    path               text COLLATE "C" NOT NULL,
    size_bytes         bigint NOT NULL,
    observed_at        timestamptz,
    arrived_at         timestamptz NOT NULL,
    made_at            timestamptz NOT NULL,
    scan_revision      integer NOT NULL,
    decisions_revision integer NOT NULL,
    read_at            timestamptz NOT NULL,
    digest             text COLLATE "C" NOT NULL
);
CREATE INDEX frame_of_type ON calibration.frame (frame_type);
COMMENT ON TABLE calibration.frame IS 'Calibration frames, raw ones and masters, with the properties by which they are compared: what a person supplied, else what was scanned.';
COMMENT ON COLUMN calibration.frame.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.frame.frame_type IS 'DARK, FLAT, BIAS, DARKFLAT or a MASTER_ of these.';
COMMENT ON COLUMN calibration.frame.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.frame.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.frame.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.frame.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.frame.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.frame."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.frame.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.frame.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.frame.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.frame.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.frame.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.frame.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.frame.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.frame.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.frame.rotator_angle_deg IS 'Angle of the rotator, degrees.';
COMMENT ON COLUMN calibration.frame.scanned IS 'The properties as they were scanned, by name; what is not known is left out.';
COMMENT ON COLUMN calibration.frame.supplied IS 'Properties that a person supplied, by name; they count before what was scanned.';
COMMENT ON COLUMN calibration.frame.stack_count IS 'Of a master: how many frames it was made of, where it says so.';
COMMENT ON COLUMN calibration.frame.format IS 'File format by first bytes.';
COMMENT ON COLUMN calibration.frame.name IS 'Name of the file.';
COMMENT ON COLUMN calibration.frame.root IS 'Root that it was scanned in; where it is now is in ingest.file_location.';
COMMENT ON COLUMN calibration.frame.path IS 'Path below that root.';
COMMENT ON COLUMN calibration.frame.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN calibration.frame.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN calibration.frame.arrived_at IS 'When the file arrived.';
COMMENT ON COLUMN calibration.frame.made_at IS 'observed_at, else arrived_at: of several masters that fit the newest is taken.';
COMMENT ON COLUMN calibration.frame.scan_revision IS 'Only a later reading changes the row: a higher scan revision, then decisions_revision, read_at, digest.';
COMMENT ON COLUMN calibration.frame.decisions_revision IS 'Number of the last decision of people that the scanner knew.';
COMMENT ON COLUMN calibration.frame.read_at IS 'When the file was read.';
COMMENT ON COLUMN calibration.frame.digest IS 'Of all that was read, 16 hexadecimal digits; empty: before there were any.';

CREATE TABLE calibration.light_group (
    group_no           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id         text COLLATE "C",
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
    properties_key     text COLLATE "C" NOT NULL,
    lights             integer NOT NULL DEFAULT 0,
    is_dirty           boolean NOT NULL DEFAULT true,
    UNIQUE NULLS NOT DISTINCT (session_id, properties_key)
);
CREATE INDEX light_group_dirty ON calibration.light_group (group_no) WHERE is_dirty;
COMMENT ON TABLE calibration.light_group IS 'LIGHT frames of one session that are alike in all properties that count for calibration.';
COMMENT ON COLUMN calibration.light_group.group_no IS 'Number of the group.';
COMMENT ON COLUMN calibration.light_group.session_id IS 'Session; null: stats has not told the session of these lights yet.';
COMMENT ON COLUMN calibration.light_group.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.light_group.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.light_group.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.light_group.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.light_group."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.light_group.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.light_group.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.light_group.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.light_group.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.light_group.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.light_group.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.light_group.exposure_s IS 'Length of one exposure to six digits, seconds.';
COMMENT ON COLUMN calibration.light_group.set_temp_c IS 'Cooler set point to a tenth of a degree Celsius.';
COMMENT ON COLUMN calibration.light_group.sensor_temp_c IS 'Sensor temperature to the degree Celsius, so that a night has few groups.';
COMMENT ON COLUMN calibration.light_group.rotator_angle_deg IS 'Angle of the rotator to a tenth of a degree.';
COMMENT ON COLUMN calibration.light_group.properties_key IS 'Hash of the properties.';
COMMENT ON COLUMN calibration.light_group.lights IS 'Number of its lights; never 0 when a transaction ends.';
COMMENT ON COLUMN calibration.light_group.is_dirty IS 'Whether what it needs is to be found out anew.';

CREATE TABLE calibration.light (
    file_id            text COLLATE "C" PRIMARY KEY,
    group_no           bigint NOT NULL REFERENCES calibration.light_group,
    is_dirty           boolean NOT NULL DEFAULT true,
    scan_revision      integer NOT NULL,
    decisions_revision integer NOT NULL,
    read_at            timestamptz NOT NULL,
    digest             text COLLATE "C" NOT NULL
);
CREATE INDEX light_of_group ON calibration.light (group_no);
CREATE INDEX light_dirty ON calibration.light (file_id) WHERE is_dirty;
COMMENT ON TABLE calibration.light IS 'LIGHT frames, each in its group.';
COMMENT ON COLUMN calibration.light.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.light.group_no IS 'Group that it belongs to.';
COMMENT ON COLUMN calibration.light.is_dirty IS 'Whether its session is to be looked up, in the view stats.frames.';
COMMENT ON COLUMN calibration.light.scan_revision IS 'Only a later reading changes the row: a higher scan revision, then decisions_revision, read_at, digest.';
COMMENT ON COLUMN calibration.light.decisions_revision IS 'Number of the last decision of people that the scanner knew.';
COMMENT ON COLUMN calibration.light.read_at IS 'When the file was read.';
COMMENT ON COLUMN calibration.light.digest IS 'Of all that was read, 16 hexadecimal digits; empty: before there were any.';

CREATE TABLE calibration.other_file (
    file_id            text COLLATE "C" PRIMARY KEY,
    scan_revision      integer NOT NULL,
    decisions_revision integer NOT NULL,
    read_at            timestamptz NOT NULL,
    digest             text COLLATE "C" NOT NULL
);
COMMENT ON TABLE calibration.other_file IS 'Files that are neither lights nor calibration frames: an earlier reading of them that comes late changes nothing.';
COMMENT ON COLUMN calibration.other_file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.other_file.scan_revision IS 'Only a later reading changes the row: a higher scan revision, then decisions_revision, read_at, digest.';
COMMENT ON COLUMN calibration.other_file.decisions_revision IS 'Number of the last decision of people that the scanner knew.';
COMMENT ON COLUMN calibration.other_file.read_at IS 'When the file was read.';
COMMENT ON COLUMN calibration.other_file.digest IS 'Of all that was read, 16 hexadecimal digits; empty: before there were any.';

CREATE TABLE calibration.forgotten_file (
    file_id       text COLLATE "C" PRIMARY KEY,
    scan_revision integer NOT NULL
);
COMMENT ON TABLE calibration.forgotten_file IS 'Files that people had forgotten: what was read of them before comes too late.';
COMMENT ON COLUMN calibration.forgotten_file.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.forgotten_file.scan_revision IS 'Highest scan revision that was announced then; readings up to it are passed over.';

CREATE TABLE calibration.need (
    need_no            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id         text COLLATE "C" NOT NULL,
    requirement_id     text COLLATE "C" NOT NULL,
    master_type        text NOT NULL,
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
    state              text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'matched', 'missing')),
    master_file_id     text COLLATE "C",
    bias_file_id       text COLLATE "C",
    nearest_file_id    text COLLATE "C",
    explanation        text,
    is_pinned          boolean NOT NULL DEFAULT false,
    others             integer NOT NULL DEFAULT 0,
    capture_type       text,
    capture_frames     integer,
    capture_s          double precision,
    capture_words      text,
    revision           integer NOT NULL DEFAULT 0,
    is_dirty           boolean NOT NULL DEFAULT true,
    answered_at        timestamptz,
    UNIQUE (session_id, requirement_id),
    CHECK ((state = 'matched') = (master_file_id IS NOT NULL))
);
CREATE INDEX need_dirty ON calibration.need (need_no) WHERE is_dirty;
CREATE INDEX need_of_type ON calibration.need (master_type);
CREATE INDEX need_of_master ON calibration.need (master_file_id) WHERE master_file_id IS NOT NULL;
COMMENT ON TABLE calibration.need IS 'The masters that lights of each session need, and the answer. A row stays when its lights have gone, so that its revisions go on if they come back; group_need tells which are needed.';
COMMENT ON COLUMN calibration.need.need_no IS 'Number of the row.';
COMMENT ON COLUMN calibration.need.session_id IS 'Session of the lights.';
COMMENT ON COLUMN calibration.need.requirement_id IS 'Type and a hash of the properties, such as dark-1f3a9c02: the same in every session that needs the same.';
COMMENT ON COLUMN calibration.need.master_type IS 'MASTER_DARK, MASTER_FLAT or MASTER_BIAS.';
COMMENT ON COLUMN calibration.need.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.need.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.need.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.need.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.need.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.need."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.need.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.need.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.need.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.need.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.need.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.need.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.need.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.need.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.need.rotator_angle_deg IS 'Angle of the rotator, degrees.';
COMMENT ON COLUMN calibration.need.state IS 'waiting: not answered yet; matched; missing.';
COMMENT ON COLUMN calibration.need.master_file_id IS 'The master, while matched.';
COMMENT ON COLUMN calibration.need.bias_file_id IS 'The bias that scaling a dark of another exposure takes.';
COMMENT ON COLUMN calibration.need.nearest_file_id IS 'While missing: the master that comes nearest.';
COMMENT ON COLUMN calibration.need.explanation IS 'Why this master, or why none; one sentence.';
COMMENT ON COLUMN calibration.need.is_pinned IS 'Whether a person chose the master.';
COMMENT ON COLUMN calibration.need.others IS 'How many further masters fit as well.';
COMMENT ON COLUMN calibration.need.capture_type IS 'While missing: type of the frames to capture.';
COMMENT ON COLUMN calibration.need.capture_frames IS 'While missing: how many frames to capture.';
COMMENT ON COLUMN calibration.need.capture_s IS 'While missing: how long they take, seconds; null where the length of an exposure is found at the sky.';
COMMENT ON COLUMN calibration.need.capture_words IS 'While missing: what to capture, in words.';
COMMENT ON COLUMN calibration.need.revision IS 'How often its answer was told.';
COMMENT ON COLUMN calibration.need.is_dirty IS 'Whether it is to be answered anew.';
COMMENT ON COLUMN calibration.need.answered_at IS 'When it was last answered.';

CREATE TABLE calibration.group_need (
    group_no bigint NOT NULL REFERENCES calibration.light_group ON DELETE CASCADE,
    need_no  bigint NOT NULL REFERENCES calibration.need,
    PRIMARY KEY (group_no, need_no)
);
CREATE INDEX group_need_of_need ON calibration.group_need (need_no);
COMMENT ON TABLE calibration.group_need IS 'Which groups of lights need which master.';
COMMENT ON COLUMN calibration.group_need.group_no IS 'Group of lights.';
COMMENT ON COLUMN calibration.group_need.need_no IS 'What it needs.';

CREATE TABLE calibration.pin (
    session_id     text COLLATE "C" NOT NULL,
    requirement_id text COLLATE "C" NOT NULL,
    master_file_id text COLLATE "C" NOT NULL,
    person         text,
    pinned_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (session_id, requirement_id)
);
COMMENT ON TABLE calibration.pin IS 'Masters that people chose.';
COMMENT ON COLUMN calibration.pin.session_id IS 'Session.';
COMMENT ON COLUMN calibration.pin.requirement_id IS 'Requirement of that session.';
COMMENT ON COLUMN calibration.pin.master_file_id IS 'The chosen master.';
COMMENT ON COLUMN calibration.pin.person IS 'Who chose it, where that is known.';
COMMENT ON COLUMN calibration.pin.pinned_at IS 'When.';

CREATE TABLE calibration.train_change (
    rig         text COLLATE "C" NOT NULL,
    changed_on  date NOT NULL,
    person      text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (rig, changed_on)
);
COMMENT ON TABLE calibration.train_change IS 'When the optical train of a rig was changed: no flat of before is used after, nor the other way round.';
COMMENT ON COLUMN calibration.train_change.rig IS 'Rig.';
COMMENT ON COLUMN calibration.train_change.changed_on IS 'Day of the change, a local date: nights from it on are after it.';
COMMENT ON COLUMN calibration.train_change.person IS 'Who recorded it, where that is known.';
COMMENT ON COLUMN calibration.train_change.recorded_at IS 'When it was recorded.';

CREATE TABLE calibration.master_refusal (
    file_id    text COLLATE "C" NOT NULL,
    refused_by text NOT NULL CHECK (refused_by IN ('sanity', 'person')),
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (file_id, refused_by)
);
COMMENT ON TABLE calibration.master_refusal IS 'Masters that may not be used.';
COMMENT ON COLUMN calibration.master_refusal.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.master_refusal.refused_by IS 'sanity: its pixels are not those of a good master; person.';
COMMENT ON COLUMN calibration.master_refusal.reason IS 'Why, one sentence.';
COMMENT ON COLUMN calibration.master_refusal.refused_at IS 'When.';

CREATE TABLE calibration.evaluation (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    rules        text NOT NULL,
    evaluated_at timestamptz NOT NULL
);
COMMENT ON TABLE calibration.evaluation IS 'By which rules all was last matched anew, and when.';
COMMENT ON COLUMN calibration.evaluation.one IS 'There is one row.';
COMMENT ON COLUMN calibration.evaluation.rules IS 'Hash of the settings and of the version of the rules.';
COMMENT ON COLUMN calibration.evaluation.evaluated_at IS 'When all answers were last asked for anew.';

CREATE VIEW calibration.frames AS
SELECT f.file_id, f.frame_type, f.camera, f.telescope, f.rig, f.exposure_s, f.gain, f."offset", f.set_temp_c, f.sensor_temp_c, f.filter, f.x_binning, f.readout_mode, f.width_px, f.height_px, f.night, f.rotator_angle_deg, f.supplied, f.stack_count, f.name, f.root, f.path, f.size_bytes, f.observed_at, f.arrived_at
FROM calibration.frame f;
COMMENT ON VIEW calibration.frames IS 'Contract: calibration frames, raw ones and masters, with the properties by which they are compared.';
COMMENT ON COLUMN calibration.frames.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.frames.frame_type IS 'DARK, FLAT, BIAS, DARKFLAT or a MASTER_ of these.';
COMMENT ON COLUMN calibration.frames.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.frames.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.frames.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.frames.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.frames.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.frames."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.frames.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.frames.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.frames.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.frames.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.frames.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.frames.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.frames.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.frames.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.frames.rotator_angle_deg IS 'Angle of the rotator, degrees.';
COMMENT ON COLUMN calibration.frames.supplied IS 'Which of them a person supplied, by name.';
COMMENT ON COLUMN calibration.frames.stack_count IS 'Of a master: how many frames it was made of, where it says so.';
COMMENT ON COLUMN calibration.frames.name IS 'Name of the file.';
COMMENT ON COLUMN calibration.frames.root IS 'Root that it was scanned in; where it is now is in ingest.file_location.';
COMMENT ON COLUMN calibration.frames.path IS 'Path below that root.';
COMMENT ON COLUMN calibration.frames.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN calibration.frames.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN calibration.frames.arrived_at IS 'When the file arrived, UTC.';

CREATE VIEW calibration.masters AS
SELECT f.file_id, f.frame_type AS master_type, f.camera, f.telescope, f.rig, f.exposure_s, f.gain, f."offset", f.set_temp_c, f.sensor_temp_c, f.filter, f.x_binning, f.readout_mode, f.width_px, f.height_px, f.night, f.rotator_angle_deg, f.supplied, f.stack_count, f.name, f.root, f.path, f.size_bytes, f.made_at,
       r.refused_by, r.reason AS refused, u.sessions, u.lights, u.last_night
FROM calibration.frame f
LEFT JOIN LATERAL (
    SELECT refused_by, reason FROM calibration.master_refusal WHERE file_id = f.file_id
    ORDER BY refused_by = 'person' DESC LIMIT 1) r ON true
CROSS JOIN LATERAL (
    SELECT count(DISTINCT n.session_id) AS sessions, coalesce(sum(g.lights), 0)::bigint AS lights, max(g.night) AS last_night
    FROM calibration.need n JOIN calibration.group_need m USING (need_no) JOIN calibration.light_group g USING (group_no)
    WHERE n.master_file_id = f.file_id) u
WHERE f.frame_type IN ('MASTER_DARK', 'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT');
COMMENT ON VIEW calibration.masters IS 'Contract: masters, whether each may be used, and what it is used for.';
COMMENT ON COLUMN calibration.masters.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.masters.master_type IS 'MASTER_DARK, MASTER_FLAT, MASTER_BIAS or MASTER_DARKFLAT.';
COMMENT ON COLUMN calibration.masters.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.masters.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.masters.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.masters.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.masters.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.masters."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.masters.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.masters.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.masters.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.masters.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.masters.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.masters.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.masters.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.masters.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.masters.rotator_angle_deg IS 'Angle of the rotator, degrees.';
COMMENT ON COLUMN calibration.masters.supplied IS 'Which of these a person supplied, by name.';
COMMENT ON COLUMN calibration.masters.stack_count IS 'How many frames it was made of, where it says so.';
COMMENT ON COLUMN calibration.masters.name IS 'Name of the file.';
COMMENT ON COLUMN calibration.masters.root IS 'Root that it was scanned in; where it is now is in ingest.file_location.';
COMMENT ON COLUMN calibration.masters.path IS 'Path below that root.';
COMMENT ON COLUMN calibration.masters.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN calibration.masters.made_at IS 'When it was made, else when it arrived, UTC; of several that fit the newest is taken.';
COMMENT ON COLUMN calibration.masters.refused_by IS 'Who refused it: sanity or person; null: it may be used.';
COMMENT ON COLUMN calibration.masters.refused IS 'Why it may not be used, one sentence.';
COMMENT ON COLUMN calibration.masters.sessions IS 'Number of sessions that it is matched with.';
COMMENT ON COLUMN calibration.masters.lights IS 'Number of their lights.';
COMMENT ON COLUMN calibration.masters.last_night IS 'The latest night that it is matched with.';

CREATE VIEW calibration.requirements AS
SELECT n.session_id, n.requirement_id, n.master_type, n.state, n.explanation, n.master_file_id, m.name AS master_name,
       n.bias_file_id, n.nearest_file_id, n.is_pinned, n.others, g.lights, g.integration_s, n.capture_type,
       n.capture_frames, n.capture_s, n.capture_words, n.revision, n.answered_at, g.rig AS session_rig,
       n.camera, n.telescope, n.rig, n.exposure_s, n.gain, n."offset", n.set_temp_c, n.sensor_temp_c, n.filter, n.x_binning, n.readout_mode, n.width_px, n.height_px, n.night, n.rotator_angle_deg
FROM calibration.need n
JOIN LATERAL (
    SELECT sum(g.lights)::bigint AS lights, sum(g.lights * g.exposure_s) AS integration_s, min(g.rig) AS rig
    FROM calibration.group_need x JOIN calibration.light_group g USING (group_no) WHERE x.need_no = n.need_no
    ) g ON g.lights IS NOT NULL
LEFT JOIN calibration.frame m ON m.file_id = n.master_file_id;
COMMENT ON VIEW calibration.requirements IS 'Contract: the masters that lights of each session need, and the answer to each with its reason.';
COMMENT ON COLUMN calibration.requirements.session_id IS 'Session of the lights.';
COMMENT ON COLUMN calibration.requirements.requirement_id IS 'Type and a hash of the properties, such as dark-1f3a9c02: the same in every session that needs the same.';
COMMENT ON COLUMN calibration.requirements.master_type IS 'MASTER_DARK, MASTER_FLAT or MASTER_BIAS.';
COMMENT ON COLUMN calibration.requirements.state IS 'waiting: not answered yet; matched; missing.';
COMMENT ON COLUMN calibration.requirements.explanation IS 'Why this master, or why none; one sentence.';
COMMENT ON COLUMN calibration.requirements.master_file_id IS 'The master, while matched.';
COMMENT ON COLUMN calibration.requirements.master_name IS 'Name of its file.';
COMMENT ON COLUMN calibration.requirements.bias_file_id IS 'The bias that scaling a dark of another exposure takes.';
COMMENT ON COLUMN calibration.requirements.nearest_file_id IS 'While missing: the master that comes nearest.';
COMMENT ON COLUMN calibration.requirements.is_pinned IS 'Whether a person chose the master.';
COMMENT ON COLUMN calibration.requirements.others IS 'How many further masters fit as well.';
COMMENT ON COLUMN calibration.requirements.lights IS 'Number of LIGHT files that need it.';
COMMENT ON COLUMN calibration.requirements.integration_s IS 'Sum of their exposures, seconds.';
COMMENT ON COLUMN calibration.requirements.capture_type IS 'While missing: type of the frames to capture.';
COMMENT ON COLUMN calibration.requirements.capture_frames IS 'While missing: how many frames to capture.';
COMMENT ON COLUMN calibration.requirements.capture_s IS 'While missing: how long they take, seconds; null where the length of an exposure is found at the sky.';
COMMENT ON COLUMN calibration.requirements.capture_words IS 'While missing: what to capture, in words.';
COMMENT ON COLUMN calibration.requirements.revision IS 'How often its answer was told.';
COMMENT ON COLUMN calibration.requirements.answered_at IS 'When it was last answered, UTC.';
COMMENT ON COLUMN calibration.requirements.session_rig IS 'Rig of the lights.';
COMMENT ON COLUMN calibration.requirements.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.requirements.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.requirements.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN calibration.requirements.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.requirements.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.requirements."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.requirements.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.requirements.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.requirements.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.requirements.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.requirements.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.requirements.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.requirements.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.requirements.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.requirements.rotator_angle_deg IS 'Angle of the rotator, degrees.';

CREATE VIEW calibration.light_requirements AS
SELECT l.file_id, n.session_id, n.requirement_id, n.master_type, n.state, n.master_file_id, n.bias_file_id
FROM calibration.light l JOIN calibration.group_need x USING (group_no) JOIN calibration.need n USING (need_no);
COMMENT ON VIEW calibration.light_requirements IS 'Contract: which masters each light needs, and has.';
COMMENT ON COLUMN calibration.light_requirements.file_id IS 'The light, SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.light_requirements.session_id IS 'Its session.';
COMMENT ON COLUMN calibration.light_requirements.requirement_id IS 'What it needs.';
COMMENT ON COLUMN calibration.light_requirements.master_type IS 'MASTER_DARK, MASTER_FLAT or MASTER_BIAS.';
COMMENT ON COLUMN calibration.light_requirements.state IS 'waiting: not answered yet; matched; missing.';
COMMENT ON COLUMN calibration.light_requirements.master_file_id IS 'The master, while matched.';
COMMENT ON COLUMN calibration.light_requirements.bias_file_id IS 'The bias that scaling a dark of another exposure takes.';

CREATE VIEW calibration.shopping AS
SELECT requirement_id, min(master_type) AS master_type, min(capture_type) AS capture_type,
       max(capture_frames) AS capture_frames, max(capture_s) AS capture_s, min(capture_words) AS capture_words,
       count(*) AS sessions, sum(lights)::bigint AS lights, sum(integration_s) AS integration_s,
       min(left(session_id, 8)::date) AS first_night, max(left(session_id, 8)::date) AS last_night,
       array_agg(DISTINCT session_rig) FILTER (WHERE session_rig IS NOT NULL) AS rigs,
       min(camera) AS camera, min(telescope) AS telescope, min(exposure_s) AS exposure_s, min(gain) AS gain, min("offset") AS "offset", min(set_temp_c) AS set_temp_c, min(sensor_temp_c) AS sensor_temp_c, min(filter) AS filter, min(x_binning) AS x_binning, min(readout_mode) AS readout_mode, min(width_px) AS width_px, min(height_px) AS height_px, min(night) AS night, min(rotator_angle_deg) AS rotator_angle_deg
FROM calibration.requirements WHERE state = 'missing' GROUP BY requirement_id;
COMMENT ON VIEW calibration.shopping IS 'Contract: what to capture so that every light has its masters, each requirement once.';
COMMENT ON COLUMN calibration.shopping.requirement_id IS 'What is missing.';
COMMENT ON COLUMN calibration.shopping.master_type IS 'MASTER_DARK, MASTER_FLAT or MASTER_BIAS.';
COMMENT ON COLUMN calibration.shopping.capture_type IS 'Type of the frames to capture.';
COMMENT ON COLUMN calibration.shopping.capture_frames IS 'How many frames.';
COMMENT ON COLUMN calibration.shopping.capture_s IS 'How long they take, seconds; null where the length of an exposure is found at the sky.';
COMMENT ON COLUMN calibration.shopping.capture_words IS 'What to capture, in words.';
COMMENT ON COLUMN calibration.shopping.sessions IS 'Number of sessions that need it.';
COMMENT ON COLUMN calibration.shopping.lights IS 'Number of their LIGHT files.';
COMMENT ON COLUMN calibration.shopping.integration_s IS 'Sum of their exposures, seconds.';
COMMENT ON COLUMN calibration.shopping.first_night IS 'First night of these sessions.';
COMMENT ON COLUMN calibration.shopping.last_night IS 'Last night of them.';
COMMENT ON COLUMN calibration.shopping.rigs IS 'Rigs that took the lights.';
COMMENT ON COLUMN calibration.shopping.camera IS 'INSTRUME; null = not known, like every property.';
COMMENT ON COLUMN calibration.shopping.telescope IS 'TELESCOP.';
COMMENT ON COLUMN calibration.shopping.exposure_s IS 'Length of one exposure, seconds.';
COMMENT ON COLUMN calibration.shopping.gain IS 'Gain setting of the camera.';
COMMENT ON COLUMN calibration.shopping."offset" IS 'Offset setting of the camera.';
COMMENT ON COLUMN calibration.shopping.set_temp_c IS 'Cooler set point, degrees Celsius.';
COMMENT ON COLUMN calibration.shopping.sensor_temp_c IS 'Sensor temperature, degrees Celsius.';
COMMENT ON COLUMN calibration.shopping.filter IS 'Canonical filter name.';
COMMENT ON COLUMN calibration.shopping.x_binning IS 'Horizontal binning.';
COMMENT ON COLUMN calibration.shopping.readout_mode IS 'Readout mode of the camera.';
COMMENT ON COLUMN calibration.shopping.width_px IS 'Width, pixels.';
COMMENT ON COLUMN calibration.shopping.height_px IS 'Height, pixels.';
COMMENT ON COLUMN calibration.shopping.night IS 'Local date of the noon before.';
COMMENT ON COLUMN calibration.shopping.rotator_angle_deg IS 'Angle of the rotator, degrees.';

CREATE VIEW calibration.pins AS
SELECT p.session_id, p.requirement_id, p.master_file_id, p.person, p.pinned_at FROM calibration.pin p;
COMMENT ON VIEW calibration.pins IS 'Contract: masters that people chose.';
COMMENT ON COLUMN calibration.pins.session_id IS 'Session.';
COMMENT ON COLUMN calibration.pins.requirement_id IS 'Requirement of that session.';
COMMENT ON COLUMN calibration.pins.master_file_id IS 'The chosen master.';
COMMENT ON COLUMN calibration.pins.person IS 'Who chose it, where that is known.';
COMMENT ON COLUMN calibration.pins.pinned_at IS 'When, UTC.';

CREATE VIEW calibration.train_changes AS SELECT rig, changed_on, person, recorded_at FROM calibration.train_change;
COMMENT ON VIEW calibration.train_changes IS 'Contract: when the optical train of a rig was changed.';
COMMENT ON COLUMN calibration.train_changes.rig IS 'Rig.';
COMMENT ON COLUMN calibration.train_changes.changed_on IS 'Day of the change, a local date: nights from it on are after it.';
COMMENT ON COLUMN calibration.train_changes.person IS 'Who recorded it, where that is known.';
COMMENT ON COLUMN calibration.train_changes.recorded_at IS 'When it was recorded, UTC.';

-- template: inbox
-- template: outbox
-- template: past

CREATE VIEW calibration.counts AS
WITH answered AS (
    SELECT x.group_no, bool_or(n.state = 'missing') AS is_missing, bool_or(n.state = 'waiting') AS is_waiting
    FROM calibration.group_need x JOIN calibration.need n USING (need_no) GROUP BY x.group_no
), placed AS (
    SELECT g.lights, CASE WHEN g.session_id IS NULL OR g.is_dirty OR a.is_waiting THEN 'waiting'
                          WHEN a.is_missing THEN 'missing' WHEN a.group_no IS NULL THEN 'complete' ELSE 'matched'
                     END AS state
    FROM calibration.light_group g LEFT JOIN answered a USING (group_no)
)
SELECT coalesce(sum(lights), 0)::bigint AS lights,
       coalesce(sum(lights) FILTER (WHERE state = 'matched'), 0)::bigint AS lights_matched,
       coalesce(sum(lights) FILTER (WHERE state = 'missing'), 0)::bigint AS lights_missing,
       coalesce(sum(lights) FILTER (WHERE state = 'complete'), 0)::bigint AS lights_complete,
       coalesce(sum(lights) FILTER (WHERE state = 'waiting'), 0)::bigint AS lights_waiting,
       (SELECT count(*) FROM calibration.need n WHERE n.state = 'matched'
          AND EXISTS (SELECT FROM calibration.group_need x WHERE x.need_no = n.need_no)) AS requirements_matched,
       (SELECT count(*) FROM calibration.need n WHERE n.state = 'missing'
          AND EXISTS (SELECT FROM calibration.group_need x WHERE x.need_no = n.need_no)) AS requirements_missing,
       (SELECT count(*) FROM calibration.need n WHERE n.state = 'waiting'
          AND EXISTS (SELECT FROM calibration.group_need x WHERE x.need_no = n.need_no)) AS requirements_waiting,
       (SELECT count(*) FROM calibration.frame WHERE frame_type LIKE 'MASTER!_%' ESCAPE '!') AS masters,
       (SELECT count(DISTINCT r.file_id) FROM calibration.master_refusal r JOIN calibration.frame f USING (file_id)
        WHERE f.frame_type LIKE 'MASTER!_%' ESCAPE '!') AS masters_refused,
       (SELECT count(*) FROM calibration.frame WHERE frame_type NOT LIKE 'MASTER!_%' ESCAPE '!') AS raw_frames,
       (SELECT count(*) FROM calibration.outbox) AS outbox_waiting
FROM placed;
COMMENT ON VIEW calibration.counts IS 'Contract: lights and requirements by how far they are, masters, raw frames, and events that wait in the outbox.';
COMMENT ON COLUMN calibration.counts.lights IS 'LIGHT files: lights_matched + lights_missing + lights_complete + lights_waiting.';
COMMENT ON COLUMN calibration.counts.lights_matched IS 'Lights that have every master that they need.';
COMMENT ON COLUMN calibration.counts.lights_missing IS 'Lights that lack one at least.';
COMMENT ON COLUMN calibration.counts.lights_complete IS 'Lights that need none.';
COMMENT ON COLUMN calibration.counts.lights_waiting IS 'Lights whose session or answer is not known yet.';
COMMENT ON COLUMN calibration.counts.requirements_matched IS 'Requirements of sessions that a master meets.';
COMMENT ON COLUMN calibration.counts.requirements_missing IS 'Requirements that no master meets.';
COMMENT ON COLUMN calibration.counts.requirements_waiting IS 'Requirements that are not answered yet.';
COMMENT ON COLUMN calibration.counts.masters IS 'Masters, refused ones among them.';
COMMENT ON COLUMN calibration.counts.masters_refused IS 'Masters that may not be used.';
COMMENT ON COLUMN calibration.counts.raw_frames IS 'Raw calibration frames.';
COMMENT ON COLUMN calibration.counts.outbox_waiting IS 'Events that wait in the outbox.';
