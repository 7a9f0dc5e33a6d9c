"""Frames: what is read of known ones, and how new ones are written with their events."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import date

import asyncpg

from services.stats.frames import COLUMNS, NewFrame, row_of
from services.stats.sessions import Session, SkySessions, session_of
from services.stats.store.derived import MILLIONTHS
from services.stats.store.files import settle
from services.stats.totals import Entry
from shared.bus.transaction import Connection
from shared.events.file import Reading

_ENTRY = f"""
SELECT f.file_id, f.scan_revision, f.decisions_revision, f.digest, f.frame_type,
       coalesce(f.rig, f.camera, 'unknown') AS label,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.read_at)) AS read_at,
       greatest('0001-01-01', least('9999-12-31', f.session_night)) AS session_night,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.night_ends_at)) AS night_ends_at,
       greatest('1000-01-01 00:00Z', least('8999-12-31 00:00Z', f.arrived_at)) AS arrived_at,
       coalesce(f.camera, '') AS camera, f.stem, f.stem_key, f.exposure_key,
       coalesce(f.exposure_ms, 0) AS exposure_ms, f.size_bytes, coalesce(f.catalog_id, '') AS catalog_id,
       coalesce(f.filter, '') AS filter, f.counted, f.session_id, f.location_revision,
       CASE WHEN f.night BETWEEN '1000-01-01' AND '8999-12-31' THEN f.night ELSE '-infinity' END AS frame_night,
       coalesce(f.rig, '') AS frame_rig, coalesce(f.object_name, '') AS object_name,
       CASE WHEN f.observed_at >= '1000-01-01 00:00Z' AND f.observed_at < '9000-01-01 00:00Z' THEN f.observed_at END
           AS observed_at,
       f.fwhm_arcsec, f.star_count, f.target_uncertain, ARRAY[{", ".join(MILLIONTHS.values())}] AS measured,
       greatest('0001-01-01', least('9999-12-31', coalesce(s.night, f.session_night))) AS night,
       coalesce(s.rig, f.rig, f.camera, 'unknown') AS rig
FROM frame f LEFT JOIN session s USING (session_id)
"""
"""Times and dates are kept within what Python can hold and compare, and a session's row may be missing: a row that was
spoilt, or stored by a version that took more, must not stop the frames beside it."""
_RELATED = (
    _ENTRY + "WHERE f.file_id = ANY($1::text[]) OR f.stem_key = ANY($2::bigint[]) OR f.exposure_key = ANY($3::text[])"
)
_CALIBRATION = (
    _ENTRY
    + """
WHERE f.session_night = ANY($1::date[]) AND f.frame_type IN
    ('DARK', 'FLAT', 'BIAS', 'DARKFLAT', 'MASTER_DARK', 'MASTER_FLAT', 'MASTER_BIAS', 'MASTER_DARKFLAT')
"""
)
_SKY = """
SELECT camera, session_id, night, rig, sky_files FROM session_camera WHERE night = ANY($1::date[]) AND sky_files > 0
"""
_NUMBERS = "SELECT max(nextval('event_no')) FROM generate_series(1, $1::int)"
"""The last of so many numbers in a row: under the lock nobody else takes any, and their order is that of commits."""
_REPLACED = """
WITH gone AS (DELETE FROM frame WHERE file_id = ANY($1::text[]) RETURNING event_no)
DELETE FROM event e USING gone g WHERE e.event_no = g.event_no
"""
_MOVED = """
UPDATE frame f SET session_id = m.session_id, counted = m.counted
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS m (file_id, session_id, counted) WHERE f.file_id = m.file_id
"""
_RENAMED = """
UPDATE frame f SET stem = m.stem, stem_key = m.stem_key, location_revision = m.location_revision
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[]) AS m (file_id, stem, stem_key, location_revision)
WHERE f.file_id = m.file_id
"""
_OF_SESSIONS = "SELECT file_id FROM frame WHERE session_id = ANY($1::text[]) ORDER BY file_id LIMIT $2"
_IN_TIME = "BETWEEN '1000-01-01 00:00Z' AND '8999-12-31 00:00Z'"
_IN_DAYS = "BETWEEN '1000-01-01' AND '8999-12-31'"
_READABLE = f"""
night_ends_at {_IN_TIME} AND arrived_at {_IN_TIME} AND coalesce(observed_at {_IN_TIME}, true)
AND session_night {_IN_DAYS} AND coalesce(night {_IN_DAYS}, true)
"""
_ROWS = f"""
SELECT file_id, frame_type, session_night, own_session_id, night, arrived_at, rig, camera, observed_at, exposure_ms,
       filter, exposure_key, stem, stem_key, night_ends_at, site_latitude_deg, site_longitude_deg
FROM frame WHERE {_READABLE}
"""
_UNREADABLE = f"SELECT file_id FROM frame WHERE NOT ({_READABLE})"
"""Frames with times that no event may carry: spoilt, or stored by a version that took more."""


async def related(connection: Connection, entries: Collection[Entry]) -> list[Entry]:
    """Known frames with the file id, the stem or the exposure of any of the entries."""
    return _entries(
        await connection.fetch(
            _RELATED,
            [entry.file_id for entry in entries],
            list({entry.stem_key for entry in entries}),
            list({entry.exposure_key for entry in entries if entry.exposure_key is not None}),
        )
    )


async def of_files(connection: Connection, file_ids: Collection[str]) -> list[Entry]:
    """Known frames by their file ids."""
    return _entries(await connection.fetch(_RELATED, list(file_ids), [], []))


async def calibration_frames(connection: Connection, nights: Collection[date]) -> list[Entry]:
    """Known calibration frames of some nights."""
    return _entries(await connection.fetch(_CALIBRATION, list(nights)))


async def sky_sessions(connection: Connection, nights: Collection[date]) -> SkySessions:
    """The sessions with sky files of some nights."""
    rows = await connection.fetch(_SKY, list(nights))
    return SkySessions((row[0], Session(row[1], row[2], row[3]), row[4]) for row in rows)


async def count(connection: Connection) -> int:
    """How many frames there are."""
    frames: int = await connection.fetchval("SELECT count(*) FROM frame")
    return frames


async def of_sessions(connection: Connection, session_ids: Sequence[str], most: int) -> list[str]:
    """The ids of the frames of sessions, in order and at most ``most``."""
    return [row["file_id"] for row in await connection.fetch(_OF_SESSIONS, session_ids, most)]


async def unreadable(connection: Connection) -> list[str]:
    """The ids of frames with times that cannot be."""
    return [row["file_id"] for row in await connection.fetch(_UNREADABLE)]


async def pages(connection: Connection, most: int) -> AsyncIterator[list[asyncpg.Record]]:
    """All other frames, ``most`` at a time, by the columns that ``spoilt.contradiction`` looks at."""
    cursor = await connection.cursor(_ROWS)
    while page := await cursor.fetch(most):
        yield page


async def write_frames(
    connection: Connection,
    fresh: Sequence[NewFrame],
    packed: Sequence[bytes],
    replaced: Sequence[Entry],
    moved: Sequence[Entry],
) -> None:
    """Write new frames, those that replace an earlier revision, and the places of known ones.

    ``packed``: the event of each new frame, as it is kept.
    """
    if replaced:
        await connection.execute(_REPLACED, [entry.file_id for entry in replaced])
    if moved:
        await connection.execute(
            _MOVED,
            [entry.file_id for entry in moved],
            [entry.session.session_id for entry in moved],
            [entry.counted for entry in moved],
        )
    if fresh:
        last: int = await connection.fetchval(_NUMBERS, len(fresh))
        numbers = range(last - len(fresh) + 1, last + 1)
        events = zip(numbers, packed, strict=True)
        await connection.copy_records_to_table("event", records=events, columns=("event_no", "packed"))
        await connection.copy_records_to_table("frame", records=map(row_of, fresh, numbers), columns=COLUMNS)
        await settle(connection, fresh)


async def write_stems(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write the stems of frames that were moved."""
    await connection.execute(
        _RENAMED,
        [entry.file_id for entry in entries],
        [entry.stem for entry in entries],
        [entry.stem_key for entry in entries],
        [entry.location_revision for entry in entries],
    )


def _entries(rows: Iterable[asyncpg.Record]) -> list[Entry]:
    return [
        Entry(
            row["file_id"],
            Reading(row["scan_revision"], row["decisions_revision"], row["read_at"], row["digest"]),
            row["frame_type"],
            session_of(row["session_night"], row["label"]),
            row["night_ends_at"],
            row["arrived_at"],
            row["camera"],
            row["stem"],
            row["stem_key"],
            row["exposure_key"],
            row["exposure_ms"],
            row["size_bytes"],
            row["catalog_id"],
            row["filter"],
            row["frame_night"],
            row["frame_rig"],
            row["object_name"],
            row["observed_at"],
            row["fwhm_arcsec"],
            row["star_count"],
            row["target_uncertain"],
            Session(row["session_id"], row["night"], row["rig"]),
            row["counted"],
            row["location_revision"],
            tuple(row["measured"]),
        )
        for row in rows
    ]
