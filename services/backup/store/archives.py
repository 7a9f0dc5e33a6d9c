"""Archives, and the jobs that make them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.backup.plan import Part
from shared.bus.transaction import Connection

_ASK = """
INSERT INTO archive (archive_id, destination, collection_id, night, session_revision)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::date[], $5::int[])
ON CONFLICT DO NOTHING RETURNING archive_id
"""
_ASK_FOUND = """
INSERT INTO archive (archive_id, destination, collection_id, night, session_revision, arrived_before)
SELECT CASE WHEN known THEN found_id ELSE revision_id END, destination, collection_id, night,
       CASE WHEN NOT known THEN revision END, arrived_before
FROM (
    SELECT w.found_id, w.revision_id, w.destination, w.collection_id, w.night, w.revision, w.arrived_before,
           w.revision IS NULL OR EXISTS (
        SELECT FROM archive r WHERE (r.destination, r.collection_id, r.session_revision)
            = (w.destination, w.collection_id, w.revision)) AS known
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::date[], $6::int[], $7::timestamptz[])
        AS w(found_id, revision_id, destination, collection_id, night, revision, arrived_before)
    WHERE NOT EXISTS (
        SELECT FROM archive o WHERE o.destination = w.destination AND o.collection_id = w.collection_id
            AND o.phase IN ('asked', 'planned', 'stored') AND o.state <> 'done')
) wanted
ON CONFLICT DO NOTHING RETURNING archive_id
"""
_ARRIVED_BEFORE = """
UPDATE archive a SET arrived_before = w.arrived_before
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS w(destination, collection_id, arrived_before)
WHERE (a.destination, a.collection_id) = (w.destination, w.collection_id) AND a.phase = 'asked'
  AND a.arrived_before < w.arrived_before
"""
_PARTS_OF_DAYS = """
SELECT destination, night, collection_id,
       bool_or(phase IN ('asked', 'planned', 'stored') AND state <> 'done') AS is_open,
       coalesce(sum(files + left_out) FILTER (WHERE phase <> 'gone'), 0)::bigint AS files,
       coalesce(sum(size_bytes) FILTER (WHERE phase <> 'gone'), 0)::bigint AS size_bytes
FROM archive WHERE night = ANY($1::date[]) AND session_revision IS NULL AND starts_with(collection_id, $2)
GROUP BY 1, 2, 3 ORDER BY 1, 2, min(created_at)
"""
_UNTOLD = """
SELECT d.name AS destination, s.session_id, s.night, s.revision
FROM stats.sessions s CROSS JOIN unnest($1::text[]) AS d(name)
WHERE s.state = 'finished' AND s.night IS NOT NULL AND NOT EXISTS (
    SELECT FROM archive a
    WHERE (a.destination, a.collection_id, a.session_revision) = (d.name, s.session_id, s.revision))
ORDER BY s.session_id, d.name LIMIT $2
"""
_READ = """
SELECT archive_id, destination, collection_id, night, session_revision, number, phase, packing, part_bytes, key,
       manifest_key, upload_id, files, size_bytes, sent_bytes, stored_bytes, left_out, etag
FROM archive WHERE archive_id = $1
"""
_OLDER = """
SELECT o.archive_id FROM archive o JOIN archive a ON a.archive_id = $1
WHERE o.destination = a.destination AND o.collection_id = a.collection_id AND o.state IN ('waiting', 'running')
  AND (o.created_at, o.archive_id) < (a.created_at, a.archive_id) LIMIT 1
"""
_LOCK = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
_LOCK_KEY = 0x6E62626B
_NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM archive WHERE destination = $1 AND collection_id = $2"
_COUNT_MEMBERS = """
UPDATE archive SET (files, size_bytes, left_out) = (
    SELECT count(*) FILTER (WHERE m.state <> 'left_out'),
           coalesce(sum(m.size_bytes) FILTER (WHERE m.state <> 'left_out'), 0),
           count(*) FILTER (WHERE m.state = 'left_out')
    FROM member m WHERE m.archive_id = $1)
WHERE archive_id = $1
"""
_ALL_SENT = """
UPDATE archive SET stored_bytes = (SELECT sum(size_bytes) FROM part WHERE archive_id = $1) WHERE archive_id = $1
"""
_WAKE = """
UPDATE archive SET next_try_at = clock_timestamp() WHERE state = 'waiting' AND next_try_at > clock_timestamp()
  AND ($1::text IS NULL OR destination = $1)
  AND ($2::text IS NULL OR collection_id = $2 OR phase IN ('nothing_new', 'verified'))
"""
_RETRY = """
UPDATE archive SET state = 'waiting', reason = NULL, finished_at = NULL, next_try_at = clock_timestamp(), postponed = 0,
    unexpected = 0, cancel_requested_at = NULL
WHERE state IN ('waiting', 'failed', 'cancelled', 'dead') AND phase IN ('asked', 'planned', 'stored')
RETURNING archive_id
"""
_SESSIONS = """
SELECT session_id, night, revision, state = 'finished' AS finished FROM stats.sessions
WHERE session_id = ANY($1::text[]) ORDER BY session_id
"""
_OF_YEAR = """
SELECT session_id, night, revision, true AS finished FROM stats.sessions
WHERE state = 'finished' AND night >= make_date($1, 1, 1) AND night < make_date($1 + 1, 1, 1) ORDER BY session_id
"""
_UNDER_WAY = """
SELECT count(*) FROM archive
WHERE state IN ('waiting', 'running') AND ($1::text[] IS NULL OR collection_id = ANY($1::text[]))
"""
_LAST_VERIFIED = "SELECT destination, max(verified_at) FROM archive WHERE verified_at IS NOT NULL GROUP BY 1"
_UPLOADS = "SELECT upload_id FROM archive WHERE destination = $1 AND upload_id IS NOT NULL AND state <> 'cancelled'"
_LAST_LIST = """
SELECT archive_id, manifest_key, manifest_sha256 FROM archive
WHERE destination = $1 AND collection_id = $2 AND phase IN ('verified', 'nothing_new') AND manifest_key IS NOT NULL
ORDER BY number DESC LIMIT 1
"""
_LAST_OF_SESSION = """
SELECT a.archive_id, a.collection_id, a.key FROM archive a
WHERE a.destination = $1 AND a.phase = 'verified' AND (a.collection_id = $2 OR a.archive_id IN (
    SELECT m.archive_id FROM stats.frames f JOIN member m USING (file_id)
    WHERE f.session_id = $2 AND m.state = 'written'))
ORDER BY a.collection_id = $2 DESC, a.number DESC, a.stored_at DESC, a.archive_id LIMIT 1
"""


async def ask(connection: Connection, wanted: Sequence[tuple[UUID, str, str, date, int | None]]) -> int:
    """Commit archives: id, destination, collection, night, revision; those that are known stay. How many are new."""
    rows = await connection.fetch(_ASK, *map(list, zip(*wanted, strict=True))) if wanted else []
    return len(rows)


class FoundFiles(NamedTuple):
    """A collection of which files were found that a destination lacks."""

    found_id: UUID
    """Of the archive, where one for this revision was asked for before."""
    revision_id: UUID
    destination: str
    collection_id: str
    night: date
    revision: int | None
    arrived_before: datetime | None = None
    """Of a day of arrivals: only files that arrived before that."""


async def ask_found(connection: Connection, found: Sequence[FoundFiles]) -> int:
    """Commit archives of what was found, but not of collections of which one is under way or has failed. How many.

    One that is not planned yet takes the files that this one would have had.
    """
    days = [one for one in found if one.arrived_before is not None]
    await connection.execute(
        _ARRIVED_BEFORE,
        [one.destination for one in days],
        [one.collection_id for one in days],
        [one.arrived_before for one in days],
    )
    rows = await connection.fetch(_ASK_FOUND, *map(list, zip(*found, strict=True))) if found else []
    return len(rows)


async def parts_of_days(
    connection: Connection, days: Sequence[date], begins: str
) -> dict[tuple[str, date], list[Part]]:
    """The collections of arrivals, whose names begin so, of some days; by destination and day."""
    found: dict[tuple[str, date], list[Part]] = {}
    for destination, day, *part in await connection.fetch(_PARTS_OF_DAYS, days, begins):
        found.setdefault((destination, day), []).append(Part(*part))
    return found


async def untold(connection: Connection, destinations: Sequence[str], most: int) -> list[asyncpg.Record]:
    """Finished sessions of whose revision a destination was never asked: destination, session_id, night, revision."""
    return await connection.fetch(_UNTOLD, destinations, most)


async def has_older(connection: Connection, archive_id: UUID) -> bool:
    """Whether an archive of the same collection and destination that was asked for before is not made yet."""
    return await connection.fetchval(_OLDER, archive_id) is not None


async def lock_plans(connection: Connection, destination: str) -> None:
    """Wait until nobody else plans what goes to a destination; until the transaction ends."""
    await connection.execute(_LOCK, _LOCK_KEY, destination)


async def next_number(connection: Connection, destination: str, collection_id: str) -> int:
    """The number of the next archive of a collection at a destination."""
    number: int = await connection.fetchval(_NEXT_NUMBER, destination, collection_id)
    return number


async def save(connection: Connection, archive_id: UUID, columns: Mapping[str, Any]) -> None:
    """Write columns of an archive."""
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 2))
    await connection.execute(f"UPDATE archive SET {assignments} WHERE archive_id = $1", archive_id, *columns.values())


async def read(connection: Connection, archive_id: UUID) -> asyncpg.Record:
    """The row of an archive."""
    (row,) = await connection.fetch(_READ, archive_id)
    return row


async def count_members(connection: Connection, archive_id: UUID) -> None:
    """Write how many members there are, how large, and how many are left out."""
    await connection.execute(_COUNT_MEMBERS, archive_id)


async def save_all_sent(connection: Connection, archive_id: UUID) -> None:
    """Write how long the archive is, whose last part was sent."""
    await connection.execute(_ALL_SENT, archive_id)


async def wake(connection: Connection, *, destination: str | None = None, collection_id: str | None = None) -> None:
    """Have what waits be tried now: all of it, that of a destination, or what waits for the archive of a collection.

    The last is the collection's own, and what has only to be told yet: its files may be in archives of any collection.
    """
    await connection.execute(_WAKE, destination, collection_id)


async def retry(connection: Connection) -> int:
    """Have everything that waits or has ended without an archive be tried now; how many that are."""
    return len(await connection.fetch(_RETRY))


async def sessions(connection: Connection, session_ids: Sequence[str]) -> list[asyncpg.Record]:
    """Night, revision and whether they are finished, of sessions that are known."""
    return await connection.fetch(_SESSIONS, session_ids)


async def sessions_of_year(connection: Connection, year: int) -> list[asyncpg.Record]:
    """As ``sessions``: the finished ones of the nights of a year."""
    return await connection.fetch(_OF_YEAR, year)


async def under_way(connection: Connection, collection_ids: Sequence[str] | None) -> int:
    """How many archives are asked for and not made yet: of collections, or (None) of all."""
    count: int = await connection.fetchval(_UNDER_WAY, collection_ids)
    return count


async def last_verified(connection: Connection) -> dict[str, datetime]:
    """When an archive was last verified, by destination."""
    return {row[0]: row[1] for row in await connection.fetch(_LAST_VERIFIED)}


async def known_uploads(connection: Connection, destination: str) -> set[str]:
    """Ids of the uploads at a destination that archives go on with."""
    return {row[0] for row in await connection.fetch(_UPLOADS, destination)}


async def last_list(connection: Connection, destination: str, collection_id: str) -> asyncpg.Record | None:
    """The latest row of a collection at a destination that has a manifest: archive_id, its key, its SHA-256."""
    rows = await connection.fetch(_LAST_LIST, destination, collection_id)
    return rows[0] if rows else None


async def last_of_session(connection: Connection, destination: str, session_id: str) -> asyncpg.Record | None:
    """The latest verified archive of a session at a destination; where it has none, one that holds files of it."""
    rows = await connection.fetch(_LAST_OF_SESSION, destination, session_id)
    return rows[0] if rows else None
