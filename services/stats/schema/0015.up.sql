-- The newest frame of each rig is found at once, and what nights brought into each root.

CREATE INDEX frame_newest ON stats.frame (rig, observed_at DESC)
    WHERE frame_type = 'LIGHT' AND rig IS NOT NULL AND observed_at IS NOT NULL;

CREATE VIEW stats.newest_frames AS
WITH RECURSIVE known (rig) AS (
    -- From one rig to the next by the index: a step for each rig, however many frames it took.
    (SELECT rig FROM stats.frame WHERE frame_type = 'LIGHT' AND rig IS NOT NULL AND observed_at IS NOT NULL
     ORDER BY rig LIMIT 1)
    UNION ALL
    SELECT (SELECT f.rig FROM stats.frame f
            WHERE f.frame_type = 'LIGHT' AND f.rig IS NOT NULL AND f.observed_at IS NOT NULL AND f.rig > k.rig
            ORDER BY f.rig LIMIT 1)
    FROM known k WHERE k.rig IS NOT NULL
)
SELECT n.rig, n.file_id, n.observed_at, n.arrived_at, n.night, n.session_id, n.catalog_id, t.name, n.object_name,
       n.filter, n.exposure_ms / 1000.0::double precision AS exposure_s, n.fwhm_px, n.fwhm_arcsec, n.star_count,
       n.eccentricity, n.background_adu
FROM known k
CROSS JOIN LATERAL (
    -- A clock that is a year ahead for a night must not hide all nights of that year.
    SELECT f.rig, f.file_id, f.observed_at, f.arrived_at, f.night, f.session_id, f.catalog_id, f.object_name, f.filter,
           f.exposure_ms, f.fwhm_px, f.fwhm_arcsec, f.star_count, f.eccentricity, f.background_adu
    FROM stats.frame f
    WHERE f.frame_type = 'LIGHT' AND f.rig = k.rig AND f.observed_at <= now() + interval '1 day'
    ORDER BY f.observed_at DESC, f.counted DESC, f.file_id LIMIT 1) n
LEFT JOIN stats.target t ON t.catalog_id = n.catalog_id;
COMMENT ON VIEW stats.newest_frames IS 'Contract: the LIGHT frame of each rig that was begun last; what claims to be of later than tomorrow is passed over.';
COMMENT ON COLUMN stats.newest_frames.rig IS 'Optic, focal ratio and camera, or the smart telescope with its serial.';
COMMENT ON COLUMN stats.newest_frames.file_id IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN stats.newest_frames.observed_at IS 'Start of the exposure, UTC.';
COMMENT ON COLUMN stats.newest_frames.arrived_at IS 'When its first copy was recorded, UTC.';
COMMENT ON COLUMN stats.newest_frames.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.newest_frames.session_id IS 'Session that the file belongs to.';
COMMENT ON COLUMN stats.newest_frames.catalog_id IS 'Canonical target id; null when no target was found.';
COMMENT ON COLUMN stats.newest_frames.name IS 'Display name of the target.';
COMMENT ON COLUMN stats.newest_frames.object_name IS 'OBJECT as written.';
COMMENT ON COLUMN stats.newest_frames.filter IS 'Canonical filter name.';
COMMENT ON COLUMN stats.newest_frames.exposure_s IS 'Length of the exposure, seconds.';
COMMENT ON COLUMN stats.newest_frames.fwhm_px IS 'Measured median FWHM, pixels.';
COMMENT ON COLUMN stats.newest_frames.fwhm_arcsec IS 'Measured median FWHM, arcseconds.';
COMMENT ON COLUMN stats.newest_frames.star_count IS 'Measured number of stars.';
COMMENT ON COLUMN stats.newest_frames.eccentricity IS 'Measured median eccentricity of the stars, 0 to 1.';
COMMENT ON COLUMN stats.newest_frames.background_adu IS 'Measured sky level, ADU.';

CREATE VIEW stats.root_nights AS
SELECT f.root, fr.night, count(*) AS files, sum(fr.size_bytes)::bigint AS size_bytes
FROM stats.frame fr JOIN stats.file f ON f.file_id = fr.file_id
WHERE fr.night IS NOT NULL
GROUP BY f.root, fr.night;
COMMENT ON VIEW stats.root_nights IS 'Contract: what each night brought into each root. Ask for some nights: all of them are all frames.';
COMMENT ON COLUMN stats.root_nights.root IS 'Root that the files lie in.';
COMMENT ON COLUMN stats.root_nights.night IS 'Local date of the noon before.';
COMMENT ON COLUMN stats.root_nights.files IS 'Number of scanned files.';
COMMENT ON COLUMN stats.root_nights.size_bytes IS 'Their size, bytes.';
