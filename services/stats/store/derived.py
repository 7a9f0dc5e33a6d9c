"""What follows from the frames, in plain SQL, independent of the code that keeps it by differences.

``PLACES`` says where each frame belongs and whether it is counted, by the rules of ``sessions``; ``TABLES`` are the
totals, each with the query that computes it from ``stats.frame``.
"""

from dataclasses import dataclass

from services.stats.sums import LARGEST, MEASURED

_CALIBRATION = "'DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT'"
_NO_SKY = f"'PREVIEW', {_CALIBRATION}"

PLACES = f"""
WITH sky AS (
    SELECT own_session_id AS session_id, session_night AS night, coalesce(rig, camera, 'unknown') AS rig,
           camera, count(*) AS files
    FROM frame WHERE frame_type NOT IN ({_NO_SKY}) GROUP BY 1, 2, 3, 4
), joined AS (
    SELECT DISTINCT ON (night, camera) night, camera, session_id FROM sky
    WHERE camera IS NOT NULL ORDER BY night, camera, rig, files DESC, session_id
), frames AS (
    SELECT f.file_id, f.frame_type, f.stem, f.own_session_id, f.exposure_key,
           CASE WHEN f.frame_type NOT IN ({_CALIBRATION})
                     OR f.own_session_id IN (SELECT session_id FROM sky) THEN f.own_session_id
                ELSE coalesce(j.session_id, f.own_session_id) END AS session_id
    FROM frame f LEFT JOIN joined j ON j.night = f.session_night AND j.camera = f.camera
), leader AS (
    SELECT DISTINCT ON (stem) stem, session_id FROM frames WHERE frame_type <> 'PREVIEW' ORDER BY stem, file_id
), exposure AS (
    SELECT exposure_key, min(file_id) AS file_id FROM frame
    WHERE frame_type = 'LIGHT' AND exposure_key IS NOT NULL GROUP BY exposure_key
)
SELECT f.file_id,
       CASE WHEN f.frame_type = 'PREVIEW' THEN coalesce(l.session_id, f.own_session_id)
            ELSE f.session_id END AS session_id,
       f.frame_type = 'LIGHT' AND (e.file_id IS NULL OR e.file_id = f.file_id) AS counted
FROM frames f
LEFT JOIN leader l ON f.frame_type = 'PREVIEW' AND l.stem = f.stem
LEFT JOIN exposure e ON e.exposure_key = f.exposure_key
"""
"""Where each frame belongs and whether it stands for its exposure, by the rules of ``sessions``."""

_NAMED = """
SELECT DISTINCT ON (session_id) session_id, night, rig
FROM (SELECT own_session_id AS session_id, session_night AS night, coalesce(rig, camera, 'unknown') AS rig,
             count(*) AS frames FROM frame GROUP BY 1, 2, 3) n
ORDER BY session_id, frames DESC, night, rig
"""
"""Night and rig of each session; where a spoilt frame says otherwise, what most of its frames say."""
OF_EXPOSURES = """
count(*) FILTER (WHERE target_uncertain) AS uncertain_frames,
min(observed_at) FILTER (WHERE observed_at >= '1000-01-01 00:00Z' AND observed_at < '9000-01-01 00:00Z')
    AS first_captured_at,
max(observed_at) FILTER (WHERE observed_at >= '1000-01-01 00:00Z' AND observed_at < '9000-01-01 00:00Z')
    AS last_captured_at,
min(fwhm_arcsec) AS best_fwhm_arcsec, max(star_count) AS best_star_count
"""
"""What is kept of some exposures beside their sums. Times that no event may carry are passed over."""
_KEPT_OF_EXPOSURES = (
    "exposures", "integration_ms", "uncertain_frames", "first_captured_at", "last_captured_at", "best_fwhm_arcsec",
    "best_star_count",
)  # fmt: skip
MILLIONTHS = {
    name: f"CASE WHEN abs({name}::double precision) <= {LARGEST:.0f} "
    f"THEN round({name}::double precision * 1e6)::bigint END"
    for name in MEASURED
}
"""By column of a frame, what ``sums.millionths`` makes of it."""
KEPT_OF_MEASURED = tuple(f"{name}_{what}" for name in MEASURED for what in ("exposures", "millionths"))
"""Columns of what is kept of measured values, in the order of ``sums.Sums``."""
_OF_MEASURED = ", ".join(
    f"count({value}) AS {name}_exposures, coalesce(sum({value}), 0)::bigint AS {name}_millionths"
    for name, value in MILLIONTHS.items()
)
_LIGHT = "WHERE f.counted AND f.frame_type = 'LIGHT'"


@dataclass(frozen=True, slots=True)
class Derived:
    """A table that follows from the frames: its key, its other columns, and the query that computes them."""

    table: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    query: str
    unique: tuple[str, ...] = ()
    """Columns of the table's primary key, where that is made of the key."""

    @property
    def columns(self) -> str:
        """All columns, for SQL."""
        return ", ".join((*self.key, *self.values))


SESSION = Derived(
    "session",
    ("session_id",),
    (
        "night", "rig", "sky_files", "files", "size_bytes", "exposures", "integration_ms", "ends_at", "last_arrived_at",
    ),
    f"""
    SELECT f.session_id, n.night, n.rig,
           count(*) FILTER (WHERE frame_type NOT IN ({_NO_SKY})) AS sky_files,
           count(*) AS files, sum(size_bytes)::bigint AS size_bytes,
           count(*) FILTER (WHERE counted AND frame_type = 'LIGHT') AS exposures,
           coalesce(sum(exposure_ms) FILTER (WHERE counted AND frame_type = 'LIGHT'), 0)::bigint AS integration_ms,
           coalesce(max(night_ends_at) FILTER (WHERE own_session_id = f.session_id), max(night_ends_at)) AS ends_at,
           max(arrived_at) AS last_arrived_at
    FROM frame f JOIN ({_NAMED}) n ON n.session_id = f.session_id GROUP BY f.session_id, n.night, n.rig
    """,
)  # fmt: skip
TARGET = Derived(
    "target",
    ("catalog_id",),
    ("name", "exposures", "integration_ms", "sessions"),
    """
    SELECT f.catalog_id,
           coalesce(CASE WHEN t.name = ANY(array_agg(DISTINCT f.target_name)) THEN t.name END, min(f.target_name),
                    t.name) AS name,
           count(*) FILTER (WHERE counted) AS exposures,
           coalesce(sum(exposure_ms) FILTER (WHERE counted), 0)::bigint AS integration_ms,
           count(DISTINCT session_id) FILTER (WHERE counted) AS sessions
    FROM frame f LEFT JOIN target t USING (catalog_id)
    WHERE f.frame_type = 'LIGHT' AND f.catalog_id IS NOT NULL GROUP BY f.catalog_id, t.name
    HAVING count(*) FILTER (WHERE counted) > 0
    """,
)
COUNTERS = (
    Derived(
        "session_camera",
        ("night", "camera", "session_id"),
        ("rig", "files", "sky_files"),
        f"""
        SELECT n.night, coalesce(f.camera, '') AS camera, f.session_id, n.rig, count(*) AS files,
               count(*) FILTER (WHERE frame_type NOT IN ({_NO_SKY})) AS sky_files
        FROM frame f JOIN ({_NAMED}) n ON n.session_id = f.session_id
        GROUP BY n.night, coalesce(f.camera, ''), f.session_id, n.rig
        """,
    ),
    Derived(
        "session_type",
        ("session_id", "frame_type"),
        ("files",),
        "SELECT session_id, frame_type, count(*) AS files FROM frame f GROUP BY session_id, frame_type",
    ),
    Derived(
        "session_target",
        ("session_id", "catalog_id", "filter"),
        (*_KEPT_OF_EXPOSURES, *KEPT_OF_MEASURED),
        f"""
        SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter,
               count(*) AS exposures, coalesce(sum(exposure_ms), 0)::bigint AS integration_ms, {OF_EXPOSURES},
               {_OF_MEASURED}
        FROM frame f {_LIGHT} GROUP BY session_id, coalesce(catalog_id, ''), coalesce(filter, '')
        """,
    ),
    Derived(
        "target_session",
        ("catalog_id", "session_id"),
        ("exposures",),
        f"""
        SELECT catalog_id, session_id, count(*) AS exposures
        FROM frame f {_LIGHT} AND catalog_id IS NOT NULL GROUP BY catalog_id, session_id
        """,
    ),
    Derived(
        "target_filter",
        ("catalog_id", "filter"),
        _KEPT_OF_EXPOSURES,
        f"""
        SELECT catalog_id, coalesce(filter, '') AS filter, count(*) AS exposures,
               coalesce(sum(exposure_ms), 0)::bigint AS integration_ms, {OF_EXPOSURES}
        FROM frame f {_LIGHT} AND catalog_id IS NOT NULL GROUP BY catalog_id, coalesce(filter, '')
        """,
    ),
    Derived(
        "night_count",
        ("night", "rig", "camera", "filter", "frame_type"),
        ("files",),
        """
        SELECT CASE WHEN night BETWEEN '1000-01-01' AND '8999-12-31' THEN night ELSE '-infinity' END AS night,
               coalesce(rig, '') AS rig, coalesce(camera, '') AS camera, coalesce(filter, '') AS filter, frame_type,
               count(*) AS files
        FROM frame GROUP BY 1, 2, 3, 4, 5
        """,
        unique=("night", "names"),
    ),
    Derived(
        "object_count",
        ("catalog_id", "object_name"),
        ("files",),
        """
        SELECT coalesce(catalog_id, '') AS catalog_id, coalesce(object_name, '') AS object_name, count(*) AS files
        FROM frame GROUP BY 1, 2
        """,
    ),
)
TABLES = (SESSION, *COUNTERS, TARGET)
"""All tables of totals."""
KEPT = {"session": "WHERE files <> 0", "target": "WHERE exposures <> 0"}
"""Rows without files or exposures may remain after they have been told of; they count as absent."""
OF_SESSIONS = frozenset({"session", "session_camera", "session_type", "session_target"})
"""Tables whose rows belong to one session each."""
