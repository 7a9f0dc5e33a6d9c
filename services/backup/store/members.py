"""What is to be in each archive, and is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.backup.archive.model import Written
from services.backup.store.missing import HELD
from shared.bus.transaction import Connection

_PLACE = """
SELECT k.file_id, l.root, l.path, k.size_bytes, k.arrived_at FROM {files}
JOIN LATERAL (
    SELECT f.root, f.path FROM ingest.file_location f JOIN ingest.root_state r USING (root)
    WHERE f.file_id = k.file_id ORDER BY r.state = 'offline', f.root, f.path LIMIT 1) l ON true
WHERE k.readable AND {chosen}
"""
_OF_SESSION = _PLACE.format(files="stats.frames f JOIN ingest.known_file k USING (file_id)", chosen="f.session_id = $2")
_OF_DAY = _PLACE.format(
    files="ingest.known_file k",
    chosen="""k.arrived_at >= $2 AND k.arrived_at < $3 AND NOT EXISTS (
        SELECT FROM stats.frames f JOIN stats.sessions s USING (session_id)
        WHERE f.file_id = k.file_id AND s.state = 'finished')""",
)
_NEW = f" AND NOT EXISTS ({HELD.format(file='k.file_id', destination='$1')}) ORDER BY l.root, l.path, k.file_id"
_OPEN = """
SELECT count(*) FROM stats.frames f JOIN member m USING (file_id) JOIN archive a USING (archive_id)
WHERE f.session_id = $2 AND a.destination = $1 AND a.archive_id <> $3 AND m.state IN ('planned', 'written')
  AND a.phase IN ('planned', 'stored') AND a.state IN ('waiting', 'running')
"""
_COLUMNS = ("archive_id", "position", "file_id", "root", "path", "size_bytes", "arrived_at", "name")
_ALL = """
SELECT m.position, m.file_id, m.root, m.path, m.name, m.size_bytes, m.arrived_at, m.state, m.reason, m.tries,
       m.stored_offset, m.stored_bytes, m.frame_sizes, m.header_sha256, r.path AS root_path
FROM member m LEFT JOIN ingest.root_state r USING (root) WHERE archive_id = $1 ORDER BY position
"""
_NAMES = """
SELECT m.name FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND a.collection_id = $2 AND m.state <> 'left_out'
"""
_WHOLE = """
SELECT DISTINCT ON (m.file_id) m.name AS member, m.root, m.path, m.file_id, m.size_bytes, a.key AS archive,
       m.stored_offset, m.stored_bytes, m.frame_sizes, m.header_sha256
FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND m.state = 'written' AND (a.phase = 'verified' OR a.archive_id = $3)
  AND (a.collection_id = $2 OR m.file_id IN (SELECT f.file_id FROM stats.frames f WHERE f.session_id = $2))
ORDER BY m.file_id, a.archive_id = $3 DESC, a.collection_id = $2 DESC, a.verified_at DESC
"""
_WHOLE_LEFT_OUT = """
SELECT DISTINCT ON (m.file_id) m.name AS member, m.root, m.path, m.file_id, m.size_bytes, m.reason
FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND a.collection_id = $2 AND m.state = 'left_out'
ORDER BY m.file_id, a.created_at DESC
"""
_WRITTEN = """
UPDATE member m SET state = 'written', reason = NULL, stored_offset = w.stored_offset, stored_bytes = w.stored_bytes,
    frame_sizes = ARRAY(SELECT s::integer FROM unnest(string_to_array(w.frame_sizes, ',')) AS s),
    header_sha256 = w.header_sha256
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS w(position, stored_offset, stored_bytes, frame_sizes, header_sha256)
WHERE m.archive_id = $1 AND m.position = w.position AND m.state IN ('planned', 'written')
"""
_UNWRITTEN = """
UPDATE member SET state = 'planned', stored_offset = NULL, stored_bytes = NULL, frame_sizes = NULL, header_sha256 = NULL
WHERE archive_id = $1 AND state = 'written' AND stored_offset + stored_bytes > $2
"""
_FAILED = """
UPDATE member SET tries = tries + 1, reason = $3, state = CASE WHEN tries + 1 >= $4 THEN 'left_out' ELSE state END
WHERE archive_id = $1 AND position = $2 RETURNING state = 'left_out'
"""
_READ_BACK = "UPDATE member SET read_back_at = clock_timestamp() WHERE archive_id = $1 AND state = 'written'"
_FORGET = """
UPDATE member m SET state = 'forgotten' FROM archive a
WHERE m.file_id = ANY($1::text[]) AND a.archive_id = m.archive_id AND a.phase IN ('verified', 'nothing_new')
  AND m.state <> 'forgotten'
"""
_OTHER_PLACES = """
SELECT l.root, l.path, l.root_path FROM ingest.file_location l WHERE l.file_id = $1 ORDER BY l.root, l.path
"""
_OF_SESSION_THERE = """
SELECT count(*) AS files, coalesce(sum(k.size_bytes), 0)::bigint AS size_bytes
FROM stats.frames f JOIN ingest.known_file k USING (file_id)
WHERE f.session_id = $2 AND EXISTS (
    SELECT FROM member m JOIN archive a USING (archive_id)
    WHERE m.file_id = f.file_id AND a.destination = $1 AND m.state = 'written' AND a.phase = 'verified')
"""
_OF_SESSION_LACKING = """
SELECT count(*) FROM stats.frames f WHERE f.session_id = $2 AND NOT EXISTS (
    SELECT FROM member m JOIN archive a USING (archive_id)
    WHERE m.file_id = f.file_id AND a.destination = $1 AND m.state = 'written' AND a.phase = 'verified')
"""


class Planned(NamedTuple):
    """A file that goes into an archive."""

    file_id: str
    root: str
    path: str
    size_bytes: int
    arrived_at: datetime


class Place(NamedTuple):
    """Where a content lies."""

    root: str
    path: str
    root_path: str


async def new_of_session(connection: Connection, destination: str, session_id: str) -> list[Planned]:
    """The readable files of a session that no archive at a destination has or is about to have, by root and path."""
    return [Planned(*row) for row in await connection.fetch(_OF_SESSION + _NEW, destination, session_id)]


async def new_of_day(connection: Connection, destination: str, day: datetime, before: datetime) -> list[Planned]:
    """As before, of files that arrived on a day (UTC), before a moment of it, and are of no finished session."""
    end = min(day + timedelta(days=1), before)
    return [Planned(*row) for row in await connection.fetch(_OF_DAY + _NEW, destination, day.astimezone(UTC), end)]


async def open_elsewhere(connection: Connection, destination: str, session_id: str, archive_id: UUID) -> int:
    """How many files of a session other archives at the destination are about to have."""
    count: int = await connection.fetchval(_OPEN, destination, session_id, archive_id)
    return count


async def names_of(connection: Connection, destination: str, collection_id: str) -> set[str]:
    """Names that members of a collection's archives at a destination have."""
    return {row[0] for row in await connection.fetch(_NAMES, destination, collection_id)}


async def plan(connection: Connection, archive_id: UUID, files: Sequence[Planned], names: Sequence[str]) -> None:
    """Fix the members of an archive, in their order; ``names`` are theirs in it."""
    rows = [(archive_id, n, *file, name) for n, (file, name) in enumerate(zip(files, names, strict=True))]
    await connection.copy_records_to_table("member", records=rows, columns=_COLUMNS)


async def of_archive(connection: Connection, archive_id: UUID) -> list[asyncpg.Record]:
    """All members of an archive, in their order."""
    return await connection.fetch(_ALL, archive_id)


async def save_written(connection: Connection, archive_id: UUID, written: Sequence[Written]) -> None:
    """Write that members are wholly in what was sent."""
    if written:
        await connection.execute(
            _WRITTEN,
            archive_id,
            [one.position for one in written],
            [one.stored_offset for one in written],
            [one.stored_bytes for one in written],
            [",".join(map(str, one.frame_sizes)) for one in written],
            [one.header_sha256 for one in written],
        )


async def unwrite(connection: Connection, archive_id: UUID, after_bytes: int) -> None:
    """Take back that members are in the archive that end after its first bytes."""
    await connection.execute(_UNWRITTEN, archive_id, after_bytes)


async def save_failed(connection: Connection, archive_id: UUID, position: int, reason: str, most_tries: int) -> bool:
    """Write that a member could not be read; whether the archive goes on without it."""
    return bool(await connection.fetchval(_FAILED, archive_id, position, reason, most_tries))


async def save_read_back(connection: Connection, archive_id: UUID) -> None:
    """Write that all bytes of an archive were read from its destination and agreed."""
    await connection.execute(_READ_BACK, archive_id)


async def forget(connection: Connection, file_ids: Sequence[str]) -> None:
    """Mark what archives hold of files that a person asked to forget."""
    await connection.execute(_FORGET, file_ids)


async def places_of(connection: Connection, file_id: str) -> list[Place]:
    """All places of a content, with the folders of their roots on this host."""
    return [Place(*row) for row in await connection.fetch(_OTHER_PLACES, file_id)]


async def of_session_there(connection: Connection, destination: str, session_id: str) -> tuple[int, int, int]:
    """Of the files of a session: how many a destination has, their size (bytes), and how many it has not."""
    (row,) = await connection.fetch(_OF_SESSION_THERE, destination, session_id)
    lacking: int = await connection.fetchval(_OF_SESSION_LACKING, destination, session_id)
    return row["files"], row["size_bytes"], lacking


async def whole(
    connection: Connection, destination: str, collection_id: str, archive_id: UUID
) -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
    """A collection as it lies at a destination with an archive that is being finished; and what was left out of it."""
    files = await connection.fetch(_WHOLE, destination, collection_id, archive_id)
    return files, await connection.fetch(_WHOLE_LEFT_OUT, destination, collection_id)
