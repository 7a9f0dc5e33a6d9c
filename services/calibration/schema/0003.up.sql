-- Where masters were filed and placed beside lights, and clean-ups of raw calibration frames.

CREATE TABLE calibration.filing (
    file_id    text COLLATE "C" PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('asked', 'filed', 'stays')),
    from_path  text COLLATE "C",
    path       text COLLATE "C",
    attempt    integer NOT NULL DEFAULT 1,
    command_id uuid,
    reason     text,
    seen       text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX filing_asked ON calibration.filing (file_id) WHERE state = 'asked';
COMMENT ON TABLE calibration.filing IS 'Masters of the library and the place in the folders for masters that each got, once: who moves one later finds it where he put it.';
COMMENT ON COLUMN calibration.filing.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.filing.state IS 'asked: ingest was asked to move it; filed: it lay in its folder; stays: it is left where it is, see reason.';
COMMENT ON COLUMN calibration.filing.from_path IS 'Path below the library that it is moved from.';
COMMENT ON COLUMN calibration.filing.path IS 'Path below the library that it gets, or got.';
COMMENT ON COLUMN calibration.filing.attempt IS 'Number of the command.';
COMMENT ON COLUMN calibration.filing.command_id IS 'Id of the command to ingest.';
COMMENT ON COLUMN calibration.filing.reason IS 'Why it stays, one sentence.';
COMMENT ON COLUMN calibration.filing.seen IS 'Hash of the properties that were known: where they change, one that stays is looked at again.';
COMMENT ON COLUMN calibration.filing.changed_at IS 'When the row was last written.';

CREATE VIEW calibration.filings AS
SELECT file_id, state, from_path, path, reason, changed_at FROM calibration.filing;
COMMENT ON VIEW calibration.filings IS 'Contract: masters of the library, and the places in the folders for masters that they got.';
COMMENT ON COLUMN calibration.filings.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.filings.state IS 'asked: ingest was asked to move it; filed: it lay in its folder; stays: it is left where it is, see reason.';
COMMENT ON COLUMN calibration.filings.from_path IS 'Path below the library that it is moved from; null where it was there already.';
COMMENT ON COLUMN calibration.filings.path IS 'Path below the library that it gets, or got.';
COMMENT ON COLUMN calibration.filings.reason IS 'Why it stays, one sentence.';
COMMENT ON COLUMN calibration.filings.changed_at IS 'When that was last written, UTC.';

CREATE TABLE calibration.distribution (
    session_id  text COLLATE "C" PRIMARY KEY,
    how         text NOT NULL CHECK (how IN ('copy', 'reflink', 'symlink', 'hardlink')),
    fingerprint text NOT NULL DEFAULT '',
    planned_at  timestamptz,
    reason      text
);
COMMENT ON TABLE calibration.distribution IS 'Sessions whose masters are placed beside their lights, and kept so when another master fits.';
COMMENT ON COLUMN calibration.distribution.session_id IS 'Session.';
COMMENT ON COLUMN calibration.distribution.how IS 'copy, reflink, symlink or hardlink.';
COMMENT ON COLUMN calibration.distribution.fingerprint IS 'Hash of its answers when it was last planned; empty: it is to be planned anew.';
COMMENT ON COLUMN calibration.distribution.planned_at IS 'When it was last planned.';
COMMENT ON COLUMN calibration.distribution.reason IS 'Why a master of it is placed nowhere, one sentence.';

CREATE TABLE calibration.placement (
    folder     text COLLATE "C" NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    how        text NOT NULL CHECK (how IN ('copy', 'reflink', 'symlink', 'hardlink')),
    state      text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'placed', 'leaving', 'failed', 'stays')),
    path       text COLLATE "C",
    attempt    integer NOT NULL DEFAULT 1,
    reason     text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (folder, file_id)
);
CREATE INDEX placement_open ON calibration.placement (folder, file_id) WHERE state IN ('wanted', 'leaving');
COMMENT ON TABLE calibration.placement IS 'Masters that are placed beside lights, one row for each folder.';
COMMENT ON COLUMN calibration.placement.folder IS 'Folder of the library, that of the night.';
COMMENT ON COLUMN calibration.placement.file_id IS 'The master, SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.placement.name IS 'Name that it is to have there.';
COMMENT ON COLUMN calibration.placement.how IS 'copy, reflink, symlink or hardlink.';
COMMENT ON COLUMN calibration.placement.state IS 'wanted; placed; leaving: no session wants it any more; failed: it could not be placed; stays: it could not be removed.';
COMMENT ON COLUMN calibration.placement.path IS 'Path below the library that it got.';
COMMENT ON COLUMN calibration.placement.attempt IS 'Number of the commands that place and remove it.';
COMMENT ON COLUMN calibration.placement.reason IS 'Why it failed or stays, one sentence.';
COMMENT ON COLUMN calibration.placement.changed_at IS 'When its state last changed.';

CREATE TABLE calibration.placement_wish (
    session_id text COLLATE "C" NOT NULL,
    folder     text COLLATE "C" NOT NULL,
    file_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (session_id, folder, file_id)
);
CREATE INDEX placement_wish_of_place ON calibration.placement_wish (folder, file_id);
COMMENT ON TABLE calibration.placement_wish IS 'Which session wants which master in which folder.';
COMMENT ON COLUMN calibration.placement_wish.session_id IS 'Session.';
COMMENT ON COLUMN calibration.placement_wish.folder IS 'Folder of the library.';
COMMENT ON COLUMN calibration.placement_wish.file_id IS 'The master.';

CREATE VIEW calibration.placements AS
SELECT w.session_id, p.folder, p.file_id, p.name, p.how, p.state, p.path, p.reason, p.changed_at
FROM calibration.placement p LEFT JOIN calibration.placement_wish w USING (folder, file_id);
COMMENT ON VIEW calibration.placements IS 'Contract: masters that are placed beside lights; a row for each session that wants one there.';
COMMENT ON COLUMN calibration.placements.session_id IS 'Session that wants it; null: none does any more.';
COMMENT ON COLUMN calibration.placements.folder IS 'Folder of the library, that of the night.';
COMMENT ON COLUMN calibration.placements.file_id IS 'The master, SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.placements.name IS 'Name that it is to have there.';
COMMENT ON COLUMN calibration.placements.how IS 'copy, reflink, symlink or hardlink.';
COMMENT ON COLUMN calibration.placements.state IS 'wanted; placed; leaving: no session wants it any more; failed: it could not be placed; stays: it could not be removed.';
COMMENT ON COLUMN calibration.placements.path IS 'Path below the library that it got.';
COMMENT ON COLUMN calibration.placements.reason IS 'Why it failed or stays, one sentence.';
COMMENT ON COLUMN calibration.placements.changed_at IS 'When its state last changed, UTC.';

CREATE VIEW calibration.distributions AS
SELECT d.session_id, d.how, d.fingerprint = '' AS is_waiting, d.planned_at, d.reason
FROM calibration.distribution d;
COMMENT ON VIEW calibration.distributions IS 'Contract: sessions whose masters are placed beside their lights.';
COMMENT ON COLUMN calibration.distributions.session_id IS 'Session.';
COMMENT ON COLUMN calibration.distributions.how IS 'copy, reflink, symlink or hardlink.';
COMMENT ON COLUMN calibration.distributions.is_waiting IS 'Whether it is still to be planned.';
COMMENT ON COLUMN calibration.distributions.planned_at IS 'When it was last planned, UTC.';
COMMENT ON COLUMN calibration.distributions.reason IS 'Why a master of it is placed nowhere, one sentence.';

CREATE TABLE calibration.cleaning (
    cleaning_id    uuid PRIMARY KEY,
    frame_types    text[] NOT NULL,
    archive_needed boolean NOT NULL,
    dry_run        boolean NOT NULL,
    frames         bigint NOT NULL DEFAULT 0,
    removed        bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE calibration.cleaning IS 'Clean-ups of raw calibration frames, and looks at what one would do.';
COMMENT ON COLUMN calibration.cleaning.cleaning_id IS 'Id; that of the command that asked for it.';
COMMENT ON COLUMN calibration.cleaning.frame_types IS 'Types of the frames that may go, in the order in which they do.';
COMMENT ON COLUMN calibration.cleaning.archive_needed IS 'Whether only frames go that a verified archive has.';
COMMENT ON COLUMN calibration.cleaning.dry_run IS 'Whether it only looks, and removes nothing.';
COMMENT ON COLUMN calibration.cleaning.frames IS 'Frames that may go, so far.';
COMMENT ON COLUMN calibration.cleaning.removed IS 'Frames that were removed.';

-- template: jobs table=cleaning key=cleaning_id

CREATE OR REPLACE VIEW calibration.cleaning_progress AS
SELECT cleaning_id, kind, state, attempt, postponed, unexpected, reason, next_try_at, cancel_requested_at, created_at,
       started_at, finished_at, frame_types, archive_needed, dry_run, frames, removed
FROM calibration.cleaning;
COMMENT ON COLUMN calibration.cleaning_progress.cleaning_id IS 'Id; that of the command that asked for it.';
COMMENT ON COLUMN calibration.cleaning_progress.kind IS 'What is to be done; each kind has a limit of its own.';
COMMENT ON COLUMN calibration.cleaning_progress.state IS 'waiting, running, done, failed (no retry can help), cancelled, or dead (given up after unexpected failures).';
COMMENT ON COLUMN calibration.cleaning_progress.attempt IS 'Number of the latest claim; whoever holds the job writes under this number only.';
COMMENT ON COLUMN calibration.cleaning_progress.postponed IS 'How often in a row it was put off after a failure; each pause is twice the one before.';
COMMENT ON COLUMN calibration.cleaning_progress.unexpected IS 'Unexpected failures in a row, deaths of the process among them; at three the job is dead.';
COMMENT ON COLUMN calibration.cleaning_progress.reason IS 'Why it waits, failed, was cancelled or is dead; one sentence.';
COMMENT ON COLUMN calibration.cleaning_progress.next_try_at IS 'When it is tried next, while waiting, UTC.';
COMMENT ON COLUMN calibration.cleaning_progress.cancel_requested_at IS 'When a person asked to cancel it, UTC.';
COMMENT ON COLUMN calibration.cleaning_progress.created_at IS 'When it was committed, UTC.';
COMMENT ON COLUMN calibration.cleaning_progress.started_at IS 'When the latest attempt was claimed, UTC.';
COMMENT ON COLUMN calibration.cleaning_progress.finished_at IS 'When it was done, failed, cancelled or given up, UTC.';
COMMENT ON COLUMN calibration.cleaning_progress.frame_types IS 'Types of the frames that may go, in the order in which they do.';
COMMENT ON COLUMN calibration.cleaning_progress.archive_needed IS 'Whether only frames go that a verified archive has.';
COMMENT ON COLUMN calibration.cleaning_progress.dry_run IS 'Whether it only looks, and removes nothing.';
COMMENT ON COLUMN calibration.cleaning_progress.frames IS 'Frames that may go, so far.';
COMMENT ON COLUMN calibration.cleaning_progress.removed IS 'Frames that were removed.';

CREATE TABLE calibration.cleaning_set (
    cleaning_id    uuid NOT NULL REFERENCES calibration.cleaning ON DELETE CASCADE,
    number         integer NOT NULL,
    frame_type     text NOT NULL,
    description    text NOT NULL,
    frames         integer NOT NULL,
    size_bytes     bigint NOT NULL,
    master_file_id text COLLATE "C",
    master_path    text COLLATE "C",
    fate        text NOT NULL CHECK (fate IN ('may_go', 'stays', 'removed')),
    reason         text NOT NULL,
    PRIMARY KEY (cleaning_id, number)
);
COMMENT ON TABLE calibration.cleaning_set IS 'The sets of frames that a clean-up met, and what became of each.';
COMMENT ON COLUMN calibration.cleaning_set.cleaning_id IS 'The clean-up.';
COMMENT ON COLUMN calibration.cleaning_set.number IS 'Their order, from 0.';
COMMENT ON COLUMN calibration.cleaning_set.frame_type IS 'BIAS, DARK, FLAT or DARKFLAT.';
COMMENT ON COLUMN calibration.cleaning_set.description IS 'Its properties in words.';
COMMENT ON COLUMN calibration.cleaning_set.frames IS 'Number of its frames.';
COMMENT ON COLUMN calibration.cleaning_set.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN calibration.cleaning_set.master_file_id IS 'The master that stands for it.';
COMMENT ON COLUMN calibration.cleaning_set.master_path IS 'Where that lies below the library.';
COMMENT ON COLUMN calibration.cleaning_set.fate IS 'may_go; stays; removed.';
COMMENT ON COLUMN calibration.cleaning_set.reason IS 'Why, one sentence.';

CREATE VIEW calibration.cleaning_sets AS
SELECT cleaning_id, number, frame_type, description, frames, size_bytes, master_file_id, master_path, fate, reason
FROM calibration.cleaning_set;
COMMENT ON VIEW calibration.cleaning_sets IS 'Contract: the sets of raw calibration frames that a clean-up met, and what became of each.';
COMMENT ON COLUMN calibration.cleaning_sets.cleaning_id IS 'The clean-up.';
COMMENT ON COLUMN calibration.cleaning_sets.number IS 'Their order, from 0.';
COMMENT ON COLUMN calibration.cleaning_sets.frame_type IS 'BIAS, DARK, FLAT or DARKFLAT.';
COMMENT ON COLUMN calibration.cleaning_sets.description IS 'Its properties in words.';
COMMENT ON COLUMN calibration.cleaning_sets.frames IS 'Number of its frames.';
COMMENT ON COLUMN calibration.cleaning_sets.size_bytes IS 'Their size, bytes.';
COMMENT ON COLUMN calibration.cleaning_sets.master_file_id IS 'The master that stands for it.';
COMMENT ON COLUMN calibration.cleaning_sets.master_path IS 'Where that lies below the library.';
COMMENT ON COLUMN calibration.cleaning_sets.fate IS 'may_go; stays; removed.';
COMMENT ON COLUMN calibration.cleaning_sets.reason IS 'Why, one sentence.';

CREATE VIEW calibration.twin_masters AS
WITH alike AS (
    SELECT f.file_id, f.frame_type AS master_type, f.name, f.made_at, md5(concat_ws(E'\x1f', f.frame_type, f.camera,
               coalesce(round(f.exposure_s::numeric, 2)::text, '-'), coalesce(round(f.set_temp_c::numeric, 1)::text, '-'),
               coalesce(f.gain::text, '-'), coalesce(f."offset"::text, '-'), coalesce(f.x_binning::text, '-'),
               coalesce(f.readout_mode, '-'), coalesce(f.width_px::text, '-'), coalesce(f.height_px::text, '-'),
               CASE WHEN f.frame_type LIKE '%FLAT' THEN concat_ws(E'\x1f', coalesce(f.telescope, '-'),
                   coalesce(f.filter, '-'), coalesce(f.night::text, '-')) END)) AS twins
    FROM calibration.frame f WHERE f.frame_type LIKE 'MASTER!_%' ESCAPE '!'
)
SELECT a.file_id, a.master_type, a.name, a.made_at, a.twins,
       EXISTS (SELECT FROM alike o WHERE o.twins = a.twins AND o.file_id <> a.file_id) AS has_near_twin
FROM alike a;
COMMENT ON VIEW calibration.twin_masters IS 'Contract: masters by the properties that they have in common, so that near twins are found: the same properties, another content.';
COMMENT ON COLUMN calibration.twin_masters.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN calibration.twin_masters.master_type IS 'MASTER_DARK, MASTER_FLAT, MASTER_BIAS or MASTER_DARKFLAT.';
COMMENT ON COLUMN calibration.twin_masters.name IS 'Name of its file as it was scanned.';
COMMENT ON COLUMN calibration.twin_masters.made_at IS 'When it was made, else when it arrived, UTC.';
COMMENT ON COLUMN calibration.twin_masters.twins IS 'The same for all masters of these properties.';
COMMENT ON COLUMN calibration.twin_masters.has_near_twin IS 'Whether another content has the same properties.';
