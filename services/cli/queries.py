"""The SQL of `files`, `captures` and `sessions`: what is asked for is found through what is kept, in any library.

Files stand newest night first. Which nights have files of a rig, camera, filter or type, and how many, is counted
(``stats.night_counts``), so that only the nights are read that a listing shows; files of an object are read in order
from an index. Sums over sessions come from what is kept of each session.
"""

from dataclasses import replace

from services.cli.filters import LIGHT, Filters, Where
from services.cli.listing import Query

_FILE = (
    "file_id", "root", "path", "size_bytes", "source", "arrived_at", "state", "reason", "format", "frame_type",
    "session_id", "catalog_id", "filter", "counted", "exposure_s", "total_exposure_s", "night", "observed_at", "rig",
    "camera", "telescope", "object_name", "panel", "stack_count", "gain", '"offset"', "sensor_temp_c", "set_temp_c",
    "x_binning", "focal_length_mm", "pixel_scale_arcsec", "width_px", "height_px", "ra_deg", "dec_deg",
    "target_confidence", "target_method", "star_count", "fwhm_px", "fwhm_arcsec", "hfr_px", "eccentricity",
    "background_adu", "noise_adu", "saturated_fraction", "reported_hfr_px", "reported_star_count",
    "reported_rms_arcsec", "software", "problems", "target_uncertain",
)  # fmt: skip
_FIELDS = ", ".join(f"f.{name}" for name in _FILE)
FILES_ORDER = "night DESC NULLS LAST, observed_at DESC NULLS LAST, path"
_KEY = "f.file_id, f.night, f.observed_at"
_NEWEST = "ORDER BY f.night DESC NULLS LAST, f.observed_at DESC NULLS LAST FETCH FIRST {limit} ROWS WITH TIES"

_WHERE_IT_LIES = """
a.since AS missing_since, a.state AS absent, a.reason AS absent_reason,
coalesce(a.state, CASE WHEN f.root = 'library' THEN 'library' ELSE 'indexed' END) AS lies_in,
coalesce(b.archives, ARRAY[]::text[]) AS archives
"""
_ARCHIVES = "SELECT array_agg(DISTINCT destination) AS archives FROM backup.archived_file WHERE state = 'written'"
_ALL_WITH_PLACES = f"""
SELECT {_FIELDS}, {_WHERE_IT_LIES} FROM (<files>) f LEFT JOIN ingest.absent_file a USING (file_id)
LEFT JOIN ({_ARCHIVES.replace("array_agg", "file_id, array_agg")} GROUP BY file_id) b USING (file_id)
"""
_EACH_WITH_PLACES = f"""
SELECT {_FIELDS}, {_WHERE_IT_LIES} FROM (<files>) f
LEFT JOIN LATERAL (SELECT since, state, reason FROM ingest.absent_file WHERE file_id = f.file_id OFFSET 0) a ON true
LEFT JOIN LATERAL ({_ARCHIVES} AND file_id = f.file_id) b ON true
"""
"""``OFFSET 0`` has each row looked up by an index, one at a time, whatever the planner thinks of their number."""
_FIRST = f"""
WITH <found>, first AS MATERIALIZED (SELECT f.file_id FROM (<frames>) f {_NEWEST})
SELECT {_FIELDS} FROM (
    SELECT {_FIELDS} FROM first CROSS JOIN LATERAL (
        SELECT {_FIELDS} FROM stats.files f WHERE f.file_id = first.file_id OFFSET 0) f
    <others>) f
ORDER BY {FILES_ORDER} LIMIT {{limit}}
"""
_NIGHTS = """
found AS MATERIALIZED (
    SELECT n.night, sum(n.files)::bigint AS files FROM stats.night_counts n WHERE <nights> GROUP BY n.night
), wanted AS MATERIALIZED (
    SELECT night FROM (
        SELECT night, sum(files) OVER (ORDER BY night DESC NULLS LAST) - files AS newer FROM found) AS counted
    WHERE newer < {limit}
)
"""
_OF_NIGHTS = f"""
SELECT {_KEY} FROM wanted w CROSS JOIN LATERAL (
    SELECT {_KEY} FROM stats.frames f WHERE f.night = w.night AND <frames> OFFSET 0) f
UNION ALL
SELECT {_KEY} FROM wanted w CROSS JOIN LATERAL (
    SELECT {_KEY} FROM stats.frames f WHERE w.night IS NULL AND f.night IS NULL AND <frames> OFFSET 0) f
"""
_NOT_SCANNED = f"""
UNION ALL
SELECT {_FIELDS} FROM (SELECT coalesce(sum(files), 0) AS files FROM found) scanned CROSS JOIN LATERAL (
    SELECT {_FIELDS} FROM stats.files f WHERE scanned.files < {{limit}} AND f.state <> 'scanned' OFFSET 0) f
"""
"""Files of which nothing is known come last: they are looked for only where the others are few."""
_OBJECTS = """
wanted AS MATERIALIZED (
    SELECT DISTINCT coalesce(o.catalog_id, o.object_name) AS name FROM stats.object_counts o WHERE <objects>
)
"""
_OF_OBJECTS = f"""
SELECT {_KEY} FROM wanted w CROSS JOIN LATERAL (
    SELECT {_KEY} FROM stats.frames f WHERE coalesce(f.catalog_id, f.object_name) = w.name AND <frames> {_NEWEST}) f
"""
_DOUBTFUL = f"doubtful AS (SELECT {_KEY} FROM stats.frames f WHERE <frames>)"
_OF_DOUBTFUL = f"SELECT {_KEY} FROM doubtful f"

CAPTURES_ORDER = "total_exposure_s DESC, catalog_id"
FILTERS_OF_CAPTURES = "SELECT DISTINCT filter FROM stats.capture_filters ORDER BY 1"
_CAPTURES = """
SELECT c.catalog_id, c.name, c.total_frames, c.total_exposure_s, c.total_sessions, c.first_captured_at,
       c.last_captured_at, c.best_fwhm_arcsec, c.best_star_count, c.status, c.updated_at, c.uncertain_frames,
       (SELECT jsonb_object_agg(f.filter, f.integration_s) FROM stats.capture_filters f
        WHERE f.catalog_id = c.catalog_id) AS exposure_s_by_filter, c.first_night, c.last_night
FROM stats.captures c WHERE {where}
"""
_OF_SESSIONS = """
SELECT t.catalog_id, coalesce(t.filter, '') AS filter, t.session_id, s.night, t.exposures AS frames,
       t.integration_s AS seconds, t.first_captured_at, t.last_captured_at, t.best_fwhm_arcsec, t.best_star_count,
       t.uncertain_frames
FROM stats.sessions s JOIN stats.session_targets t USING (session_id) WHERE t.catalog_id IS NOT NULL AND {where}
"""
_OF_DOUBT = """
SELECT f.catalog_id, coalesce(f.filter, '') AS filter, f.session_id, s.night, 1 AS frames,
       coalesce(f.exposure_s, 0) AS seconds, f.observed_at AS first_captured_at, f.observed_at AS last_captured_at,
       f.fwhm_arcsec AS best_fwhm_arcsec, f.star_count AS best_star_count, 1 AS uncertain_frames
FROM stats.files f JOIN stats.sessions s USING (session_id) WHERE f.counted AND f.catalog_id IS NOT NULL AND {where}
"""
_PAIRS_OF_SESSIONS = """
SELECT x.catalog_id, x.session_id FROM stats.sessions s JOIN stats.target_sessions x USING (session_id) WHERE {where}
"""
_PAIRS_OF_PARTS = "SELECT DISTINCT catalog_id, session_id FROM part"
_SUMMED = """
WITH part AS ({parts}), by_filter AS (
    SELECT catalog_id, filter, sum(frames) AS frames, sum(seconds) AS seconds,
           min(first_captured_at) AS first_captured_at, max(last_captured_at) AS last_captured_at,
           min(best_fwhm_arcsec) AS best_fwhm_arcsec, max(best_star_count) AS best_star_count,
           sum(uncertain_frames) AS uncertain_frames, min(night) AS first_night, max(night) AS last_night
    FROM part GROUP BY 1, 2
), in_sessions AS (
    SELECT catalog_id, count(*) AS sessions FROM ({pairs}) AS pairs GROUP BY 1
), found AS (
    SELECT catalog_id, sum(frames)::bigint AS total_frames,
           round(sum(seconds)::numeric, 3)::double precision AS total_exposure_s,
           min(first_captured_at) AS first_captured_at, max(last_captured_at) AS last_captured_at,
           min(best_fwhm_arcsec) AS best_fwhm_arcsec, max(best_star_count) AS best_star_count,
           sum(uncertain_frames)::bigint AS uncertain_frames, min(first_night) AS first_night,
           max(last_night) AS last_night,
           jsonb_object_agg(filter, round(seconds::numeric, 3)::double precision) AS exposure_s_by_filter
    FROM by_filter GROUP BY 1
)
SELECT c.catalog_id, c.name, f.total_frames, f.total_exposure_s, i.sessions AS total_sessions, f.first_captured_at,
       f.last_captured_at, f.best_fwhm_arcsec, f.best_star_count, c.status, c.updated_at, f.uncertain_frames,
       f.exposure_s_by_filter, f.first_night, f.last_night
FROM found f JOIN in_sessions i USING (catalog_id) JOIN stats.captures c USING (catalog_id) WHERE {where}
"""

SESSIONS_ORDER = "night DESC, rig, session_id"
TYPES_OF_SESSIONS = "SELECT DISTINCT frame_type FROM stats.session_types ORDER BY 1"
_SESSIONS = """
SELECT s.session_id, s.night, s.rig, s.camera, s.files, s.size_bytes, s.exposures, s.integration_s, s.state, s.revision,
       s.finished_at, s.ends_at, s.last_arrived_at, s.files_by_type, s.catalog_ids
FROM stats.sessions s WHERE {where}
"""


def files(filters: Filters, *, missing: bool = False) -> Query:
    """All files that are asked for; ``missing``: only those that can be read nowhere now."""
    where = filters.for_files()
    if missing:
        where.conditions.append("f.file_id IN (SELECT file_id FROM ingest.absent_file)")
    chosen = f"SELECT {_FIELDS} FROM stats.files f WHERE {where.sql}"
    return Query(_filled(_ALL_WITH_PLACES, files=chosen), where.parameters)


def first_files(filters: Filters) -> Query:
    """The first ``{limit}`` of them."""
    where = filters.for_files()
    also = Where(parameters=where.parameters)  # numbered on, since both are of one statement
    others = ""
    if filters.objects:
        filters.add_objects(also)
        found, frames = _filled(_OBJECTS, objects=also.sql), _OF_OBJECTS
    elif filters.uncertain:
        found, frames = _filled(_DOUBTFUL, frames=where.sql), _OF_DOUBTFUL
    else:
        filters.add_kinds(also, "n")
        found, frames = _filled(_NIGHTS, nights=also.sql), _OF_NIGHTS
        others = _NOT_SCANNED if filters.empty else ""
    first = _filled(_FIRST, found=found, frames=_filled(frames, frames=where.sql), others=others)
    return Query(_filled(_EACH_WITH_PLACES, files=first), also.parameters)


def _filled(text: str, **parts: str) -> str:
    """A text with its parts in the places of their names in angle brackets."""
    for name, part in parts.items():
        text = text.replace(f"<{name}>", part)
    return text


def count_of_files(filters: Filters) -> Query | None:
    """How many there are, where it is kept: of no filter, of objects, or of others than objects."""
    where = Where()
    if filters.empty:
        return Query("SELECT c.files FROM stats.counts c")
    if not filters.objects and not filters.uncertain:
        filters.add_kinds(where, "n")
        counts = "stats.night_counts n"
    elif not filters.any_of_frames:
        filters.add_objects(where)
        counts = "stats.object_counts o"
    else:
        return None
    return Query(f"SELECT coalesce(sum(files), 0)::bigint FROM {counts} WHERE {where.sql}", where.parameters)


def captures(filters: Filters) -> Query:
    """Totals of targets: the kept ones, or sums of what is kept of the sessions that are asked for."""
    if LIGHT in filters.types:  # as all exposures are
        filters = replace(filters, types=())
    if not filters.any_of_frames:
        where = filters.for_captures()
        return Query(_CAPTURES.format(where=where.sql), where.parameters)
    if filters.uncertain:
        where = filters.for_files(frames_only=True)
        parts, pairs = _OF_DOUBT.format(where=where.sql), _PAIRS_OF_PARTS
    else:
        where = filters.for_exposures()
        parts = _OF_SESSIONS.format(where=where.sql)
        # Which sessions have a filter only their exposures say; otherwise there is a row for each session and target.
        pairs = _PAIRS_OF_PARTS if filters.filters else _PAIRS_OF_SESSIONS.format(where=filters.of_sessions.sql)
    targets = Where(parameters=where.parameters)
    if filters.objects:
        targets.add(filters.target_condition, filters.target_patterns)
    return Query(_SUMMED.format(parts=parts, pairs=pairs, where=targets.sql), targets.parameters)


def sessions(filters: Filters) -> Query:
    """The sessions that are asked for."""
    where = filters.for_sessions()
    return Query(_SESSIONS.format(where=where.sql), where.parameters)
