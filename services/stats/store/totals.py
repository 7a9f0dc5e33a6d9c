"""Totals: differences are added to what is kept, and rows that nothing stands behind are deleted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from services.stats.bests import Bests
from services.stats.store import rows
from services.stats.store.derived import KEPT_OF_MEASURED, OF_EXPOSURES
from services.stats.totals import TargetDelta, Totals
from shared.bus.transaction import Connection

Key = TypeVar("Key", bound=tuple[str, ...])
_NO_BESTS = Bests()

_SESSIONS = """
INSERT INTO session AS s (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at,
                          last_arrived_at, revision, finished_at, told_at)
SELECT g.session_id, g.night, g.rig, g.sky_files, g.files, g.size_bytes, g.exposures, g.integration_ms, g.ends_at,
       g.last_arrived_at, coalesce(t.revision, 0), t.told_at, t.told_at
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::timestamptz[], $10::timestamptz[])
    AS g (session_id, night, rig, sky_files, files, size_bytes, exposures, integration_ms, ends_at, last_arrived_at)
LEFT JOIN told t ON t.key = g.session_id
ON CONFLICT (session_id) DO UPDATE SET
    sky_files = s.sky_files + excluded.sky_files,
    files = s.files + excluded.files,
    size_bytes = s.size_bytes + excluded.size_bytes,
    exposures = s.exposures + excluded.exposures,
    integration_ms = s.integration_ms + excluded.integration_ms,
    ends_at = greatest(s.ends_at, excluded.ends_at),
    last_arrived_at = greatest(s.last_arrived_at, excluded.last_arrived_at),
    open = true,
    untold = NULL
"""
"""A session that was told and lost its row goes on from the revision that was told."""
_SESSION_CAMERAS = """
INSERT INTO session_camera AS c (night, camera, session_id, rig, files, sky_files)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
ON CONFLICT (night, camera, session_id) DO UPDATE SET
    files = c.files + excluded.files, sky_files = c.sky_files + excluded.sky_files
"""
_SESSION_TYPES = """
INSERT INTO session_type AS y (session_id, frame_type, files)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (session_id, frame_type) DO UPDATE SET files = y.files + excluded.files
"""
_NIGHT_COUNTS = """
INSERT INTO night_count AS n (night, rig, camera, filter, frame_type, files)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
ON CONFLICT (night, names) DO UPDATE SET files = n.files + excluded.files
"""
_OBJECT_COUNTS = """
INSERT INTO object_count AS o (catalog_id, object_name, files)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (catalog_id, object_name) DO UPDATE SET files = o.files + excluded.files
"""
_BETTER = """
    exposures = x.exposures + excluded.exposures,
    integration_ms = x.integration_ms + excluded.integration_ms,
    uncertain_frames = x.uncertain_frames + excluded.uncertain_frames,
    first_captured_at = least(x.first_captured_at, excluded.first_captured_at),
    last_captured_at = greatest(x.last_captured_at, excluded.last_captured_at),
    best_fwhm_arcsec = least(x.best_fwhm_arcsec, excluded.best_fwhm_arcsec),
    best_star_count = greatest(x.best_star_count, excluded.best_star_count)
"""
_BESTS = "first_captured_at, last_captured_at, best_fwhm_arcsec, best_star_count"
_WERE_BEST = """
g.first_captured_at <= x.first_captured_at OR g.last_captured_at >= x.last_captured_at
OR g.best_fwhm_arcsec <= x.best_fwhm_arcsec OR g.best_star_count >= x.best_star_count
"""
"""What went away (g) is nowhere worse than what is best now (x), and may be that."""
_SESSION_TARGETS = f"""
INSERT INTO session_target AS x (session_id, catalog_id, filter, exposures, integration_ms, uncertain_frames, {_BESTS},
                                 {", ".join(KEPT_OF_MEASURED)})
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::timestamptz[], $8::timestamptz[], $9::real[], $10::int[],
                     {", ".join(f"${number}::bigint[]" for number, _ in enumerate(KEPT_OF_MEASURED, 11))})
ON CONFLICT (session_id, catalog_id, filter) DO UPDATE SET {_BETTER.rstrip()},
    {", ".join(f"{name} = x.{name} + excluded.{name}" for name in KEPT_OF_MEASURED)}
"""
_SESSION_BESTS = f"""
WITH given (session_id, catalog_id, filter, {_BESTS}) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::real[],
                         $7::int[])
), doubted AS (
    SELECT DISTINCT session_id FROM given g JOIN session_target x USING (session_id, catalog_id, filter)
    WHERE {_WERE_BEST}
)
UPDATE session_target x SET ({_BESTS})
    = ROW (m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT session_id, coalesce(catalog_id, '') AS catalog_id, coalesce(filter, '') AS filter, {OF_EXPOSURES}
    FROM doubted JOIN frame USING (session_id) WHERE counted AND frame_type = 'LIGHT' GROUP BY 1, 2, 3) m
WHERE (x.session_id, x.catalog_id, x.filter) = (m.session_id, m.catalog_id, m.filter)
"""
"""Looks for the bests of a session anew where one of them may have gone."""
_TARGET_FILTERS = f"""
INSERT INTO target_filter AS x (catalog_id, filter, exposures, integration_ms, uncertain_frames, {_BESTS})
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::timestamptz[], $7::timestamptz[], $8::real[], $9::int[])
ON CONFLICT (catalog_id, filter) DO UPDATE SET {_BETTER}
"""
_FILTER_BESTS = f"""
WITH given (catalog_id, filter, {_BESTS}) AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::int[])
), doubted AS (
    SELECT catalog_id, filter FROM given g JOIN target_filter x USING (catalog_id, filter) WHERE {_WERE_BEST}
)
UPDATE target_filter x SET ({_BESTS})
    = ROW (m.first_captured_at, m.last_captured_at, m.best_fwhm_arcsec, m.best_star_count)
FROM (
    SELECT d.catalog_id, d.filter, min(t.first_captured_at) AS first_captured_at,
           max(t.last_captured_at) AS last_captured_at, min(t.best_fwhm_arcsec) AS best_fwhm_arcsec,
           max(t.best_star_count) AS best_star_count
    FROM doubted d JOIN target_session s ON s.catalog_id = d.catalog_id
    JOIN session_target t ON (t.session_id, t.catalog_id, t.filter) = (s.session_id, d.catalog_id, d.filter)
    WHERE t.exposures > 0 GROUP BY 1, 2) m
WHERE (x.catalog_id, x.filter) = (m.catalog_id, m.filter)
"""
"""The same for a target, out of what is kept of its sessions."""
_TARGETS = """
WITH given (catalog_id, session_id, delta) AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
), upserted AS (
    INSERT INTO target_session AS t (catalog_id, session_id, exposures) SELECT catalog_id, session_id, delta FROM given
    ON CONFLICT (catalog_id, session_id) DO UPDATE SET exposures = t.exposures + excluded.exposures
    RETURNING catalog_id, session_id, exposures
), appeared AS (
    SELECT catalog_id, sum((exposures > 0)::int - (exposures - delta > 0)::int) AS sessions
    FROM given JOIN upserted USING (catalog_id, session_id) GROUP BY catalog_id
)
INSERT INTO target AS t (catalog_id, name, exposures, integration_ms, sessions, revision, published_revision,
                         published_at)
SELECT catalog_id, name, exposures, integration_ms, coalesce(sessions, 0), coalesce(revision, 0) + 1,
       coalesce(revision, 0), told_at
FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bigint[]) AS d (catalog_id, name, exposures, integration_ms)
LEFT JOIN appeared USING (catalog_id)
LEFT JOIN told ON key = catalog_id
ORDER BY catalog_id
ON CONFLICT (catalog_id) DO UPDATE SET
    name = least(t.name, excluded.name),
    exposures = t.exposures + excluded.exposures,
    integration_ms = t.integration_ms + excluded.integration_ms,
    sessions = t.sessions + excluded.sessions,
    revision = t.revision + 1,
    updated_at = clock_timestamp()
"""
_SESSIONS_AGAIN = """
UPDATE session s SET ends_at = m.ends_at, last_arrived_at = m.last_arrived_at
FROM (SELECT session_id,
             coalesce(max(night_ends_at) FILTER (WHERE own_session_id = session_id), max(night_ends_at)) AS ends_at,
             max(arrived_at) AS last_arrived_at
      FROM frame WHERE session_id = ANY($1::text[]) GROUP BY session_id) m
WHERE s.session_id = m.session_id
"""
"""The latest of a session's times, after files left it."""
_EMPTY = (
    "DELETE FROM session_camera WHERE night = ANY($2::date[]) AND session_id = ANY($1::text[]) AND files = 0",
    "DELETE FROM session_type WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND files = 0",
    "DELETE FROM session_target WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND exposures = 0",
    "DELETE FROM session WHERE session_id = ANY($1::text[]) AND $2::date[] IS NOT NULL AND files = 0 AND revision = 0",
)
"""A row of zeros is the same as none, and stays none: which of the two must not depend on the order of events."""
_EMPTY_NIGHTS = "DELETE FROM night_count WHERE night = ANY($1::date[]) AND files = 0"
_EMPTY_OBJECTS = "DELETE FROM object_count WHERE catalog_id = ANY($1::text[]) AND files = 0"
_EMPTY_TARGETS = (
    "DELETE FROM target_session WHERE catalog_id = ANY($1::text[]) AND exposures = 0",
    "DELETE FROM target_filter WHERE catalog_id = ANY($1::text[]) AND exposures = 0",
    """DELETE FROM target WHERE catalog_id = ANY($1::text[])
       AND exposures = 0 AND published_revision = 0 AND status IS NULL""",
)


async def write_totals(connection: Connection, totals: Totals, names: dict[str, str | None]) -> None:
    """Add differences to the totals. ``names``: display names of targets."""
    changed = totals.changed_sessions()
    await rows.write(
        connection,
        _SESSIONS,
        (
            (*key, d.sky_files, d.files, d.size_bytes, d.exposures, d.integration_ms, d.ends_at, d.last_arrived_at)
            for key, d in sorted(totals.sessions.items(), key=lambda item: item[0])
            if key.session_id in changed
        ),
    )
    await rows.write(
        connection,
        _SESSION_CAMERAS,
        (
            (session.night, camera, session.session_id, session.rig, *counts)
            for (session, camera), counts in sorted(totals.cameras.items())
            if any(counts)
        ),
    )
    await rows.write(
        connection, _SESSION_TYPES, ((*key, files) for key, files in sorted(totals.types.items()) if files)
    )
    await rows.write(
        connection,
        _NIGHT_COUNTS,
        ((*key, files) for key, files in sorted(totals.nights.items()) if files),
    )
    await rows.write(
        connection, _OBJECT_COUNTS, ((*key, files) for key, files in sorted(totals.objects.items()) if files)
    )
    await rows.write(connection, _SESSION_TARGETS, _of_targets(totals.targets, measured=True))
    await rows.write(connection, _SESSION_BESTS, _of_gone(totals.went))
    await _write_targets(connection, totals, names)
    if totals.left:
        await _clear(connection, totals)


async def _write_targets(connection: Connection, totals: Totals, names: dict[str, str | None]) -> None:
    filters, sessions = totals.target_filters(), totals.target_sessions()
    await rows.write(connection, _TARGET_FILTERS, _of_targets(filters))
    changes: dict[str, list[int]] = {catalog_id: [0, 0] for catalog_id, _ in sessions}
    for (catalog_id, _), delta in filters.items():
        if delta.counts:
            change = changes.setdefault(catalog_id, [0, 0])
            change[0] += delta.exposures
            change[1] += delta.integration_ms
    if changes:
        await connection.execute(
            _TARGETS,
            *rows.columns(((*key, delta) for key, delta in sorted(sessions.items())), 3),
            *rows.columns(((key, names.get(key), *change) for key, change in sorted(changes.items())), 4),
        )
    await rows.write(connection, _FILTER_BESTS, _of_gone(totals.gone_of_filters()))


async def _clear(connection: Connection, totals: Totals) -> None:
    """Look for the latest times of sessions that files left, and delete rows that nothing stands behind any more."""
    await connection.execute(_SESSIONS_AGAIN, sorted(totals.left))
    touched = sorted(session.session_id for session in totals.sessions)
    nights = sorted({session.night for session in totals.sessions})
    for statement in _EMPTY:
        await connection.execute(statement, touched, nights)
    await connection.execute(_EMPTY_NIGHTS, sorted({night for night, *_ in totals.nights}))
    await connection.execute(_EMPTY_OBJECTS, sorted({catalog_id for catalog_id, _ in totals.objects}))
    targets = sorted({catalog_id for _, catalog_id, _ in totals.targets})
    for statement in _EMPTY_TARGETS:
        await connection.execute(statement, targets)


def _of_targets(deltas: Mapping[Key, TargetDelta], *, measured: bool = False) -> Iterator[Sequence[Any]]:
    """Rows of changes that change anything, sorted by key; what is only exchanged may still be better than before.

    ``measured``: with the sums of what was measured.
    """
    for key in sorted(deltas):
        delta = deltas[key]
        if delta.counts or delta.uncertain or delta.measured or delta.came != _NO_BESTS:
            sums = delta.measured.values if measured else ()
            yield (*key, delta.exposures, delta.integration_ms, delta.uncertain, *delta.came.values, *sums)


def _of_gone(bests: Mapping[Key, Bests]) -> Iterator[Sequence[Any]]:
    """Rows of the bests that were taken away, sorted by key."""
    return ((*key, *bests[key].values) for key in sorted(bests))
