"""What is to be in each archive, and is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from services.backup.archive.model import Written
from services.backup.plan import Held, listed_bytes
from services.backup.reading import Place
from services.backup.store.missing import HELD
from shared.bus.transaction import Connection

ELSEWHERE = """
SELECT m.root, m.path FROM member m JOIN archive a USING (archive_id)
WHERE m.file_id = {file} AND a.destination <> {destination} AND a.destination = ANY({others}::text[])
  AND m.state = 'written' AND a.phase = 'verified'
"""
"""SQL for the sound copies of a file in archives at some other destinations."""
_PLACE = f"""
SELECT k.file_id, coalesce(e.root, l.root), coalesce(e.path, l.path), k.size_bytes, k.arrived_at, e.root IS NOT NULL
FROM {{files}}
LEFT JOIN LATERAL (
    SELECT f.root, f.path FROM ingest.file_location f JOIN ingest.root_state r USING (root)
    WHERE f.file_id = k.file_id ORDER BY r.state = 'offline', f.root, f.path LIMIT 1) l ON true
LEFT JOIN LATERAL (
    {ELSEWHERE.format(file="k.file_id", destination="$1", others="{others}")}
      AND EXISTS (SELECT FROM (SELECT 1 FROM ingest.absent_file b WHERE b.file_id = k.file_id OFFSET 0) x)
    ORDER BY a.verified_at DESC LIMIT 1) e ON true
WHERE ((k.readable AND l.root IS NOT NULL) OR e.root IS NOT NULL) AND {{chosen}}
  AND NOT EXISTS ({HELD.format(file="k.file_id", destination="$1")})
ORDER BY
"""
_OF_SESSION = (
    _PLACE.format(
        files="stats.frames f JOIN ingest.known_file k USING (file_id)", chosen="f.session_id = $2", others="$3"
    )
    + "2, 3, 1"
)
_OF_DAY = (
    _PLACE.format(
        files="ingest.known_file k",
        chosen="""k.arrived_at >= $2 AND k.arrived_at < $3 AND NOT EXISTS (
        SELECT FROM stats.frames f JOIN stats.sessions s USING (session_id)
        WHERE f.file_id = k.file_id AND s.state = 'finished')""",
        others="$4",
    )
    + "k.arrived_at, 1 LIMIT $5"
)
_OPEN = """
SELECT count(*) FROM stats.frames f JOIN member m USING (file_id) JOIN archive a USING (archive_id)
WHERE f.session_id = $2 AND a.destination = $1 AND a.archive_id <> $3 AND m.state IN ('planned', 'written')
  AND a.phase IN ('planned', 'stored') AND a.state IN ('waiting', 'running')
"""
_COLUMNS = ("archive_id", "position", "file_id", "root", "path", "size_bytes", "arrived_at", "elsewhere", "name")
_ALL = """
SELECT m.position, m.file_id, m.root, m.path, m.name, m.size_bytes, m.arrived_at, m.state, m.reason, m.tries,
       m.stored_offset, m.stored_bytes, m.frame_sizes, m.header_sha256, m.elsewhere, r.path AS root_path
FROM member m LEFT JOIN ingest.root_state r USING (root) WHERE archive_id = $1 ORDER BY position
"""
_NAMES = """
SELECT m.name FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND a.collection_id = $2 AND m.state <> 'left_out'
"""
_HELD = """
SELECT m.name, m.path, m.size_bytes FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND a.collection_id = $2 AND a.phase <> 'gone'
"""
_WHOLE = """
SELECT DISTINCT ON (m.file_id) m.name AS member, m.root, m.path, m.file_id, m.size_bytes, a.key AS archive,
       m.stored_offset, m.stored_bytes, m.frame_sizes, m.header_sha256, m.elsewhere
FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND m.state = 'written' AND (a.phase = 'verified' OR a.archive_id = $3)
  AND (a.collection_id = $2 OR m.file_id IN (SELECT f.file_id FROM stats.frames f WHERE f.session_id = $2))
ORDER BY m.file_id, a.archive_id = $3 DESC, a.collection_id = $2 DESC, a.verified_at DESC
"""
_WHOLE_LEFT_OUT = """
SELECT DISTINCT ON (m.file_id) m.name AS member, m.root, m.path, m.file_id, m.size_bytes, m.reason
FROM member m JOIN archive a USING (archive_id)
WHERE a.destination = $1 AND m.state = 'left_out'
  AND ((a.collection_id = $2 AND NOT EXISTS (
            SELECT FROM stats.frames f WHERE f.file_id = m.file_id AND f.session_id <> $2))
       OR m.file_id IN (SELECT f.file_id FROM stats.frames f WHERE f.session_id = $2))
ORDER BY m.file_id, a.created_at DESC
"""
_WRITTEN = """
UPDATE member m SET state = 'written', reason = NULL, stored_offset = w.stored_offset, stored_bytes = w.stored_bytes,
    frame_sizes = ARRAY(SELECT s::integer FROM unnest(string_to_array(w.frame_sizes, ',')) AS s),
    header_sha256 = w.header_sha256, not_read_at = CASE WHEN m.elsewhere THEN m.not_read_at END,
    not_read_reason = CASE WHEN m.elsewhere THEN m.not_read_reason END
FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS w(position, stored_offset, stored_bytes, frame_sizes, header_sha256)
WHERE m.archive_id = $1 AND m.position = w.position AND m.state IN ('planned', 'written')
"""
_UNWRITTEN = """
UPDATE member SET state = 'planned', stored_offset = NULL, stored_bytes = NULL, frame_sizes = NULL, header_sha256 = NULL
WHERE archive_id = $1 AND state = 'written' AND stored_offset + stored_bytes > $2
"""
_FAILED = f"""
UPDATE member f SET tries = f.tries + 1, reason = $3,
    not_read_at = CASE WHEN f.elsewhere THEN f.not_read_at ELSE clock_timestamp() END,
    not_read_reason = CASE WHEN f.elsewhere THEN f.not_read_reason ELSE $3 END,
    elsewhere = f.elsewhere OR EXISTS ({ELSEWHERE.format(file="f.file_id", destination="$5", others="$6")}),
    state = CASE WHEN f.tries + 1 >= $4 OR NOT EXISTS (SELECT FROM ingest.known_file k WHERE k.file_id = f.file_id)
                 THEN 'left_out' ELSE f.state END
FROM (SELECT elsewhere FROM member WHERE archive_id = $1 AND position = $2) before
WHERE f.archive_id = $1 AND f.position = $2
RETURNING CASE WHEN f.state = 'left_out' THEN 'left_out' WHEN f.elsewhere AND NOT before.elsewhere THEN 'elsewhere'
               ELSE 'again' END
"""
_READ_BACK = "UPDATE member SET read_back_at = clock_timestamp() WHERE archive_id = $1 AND state = 'written'"
_BEING_MADE = """
SELECT FROM archive a WHERE a.state = 'running' AND a.phase IN ('planned', 'stored') AND EXISTS (
    SELECT FROM member m WHERE m.archive_id = a.archive_id AND m.file_id = ANY($1::text[]))
ORDER BY a.archive_id FOR SHARE
"""
"""Waits for one that is becoming verified this moment; those that become so later see what is forgotten by then."""
_FORGET = """
UPDATE member m SET state = 'forgotten' FROM archive a
WHERE m.file_id = ANY($1::text[]) AND a.archive_id = m.archive_id AND a.phase NOT IN ('asked', 'planned', 'stored')
  AND m.state <> 'forgotten'
"""
_FORGOTTEN_MEANWHILE = """
UPDATE member m SET state = 'forgotten'
WHERE m.archive_id = $1 AND m.state <> 'forgotten'
  AND NOT EXISTS (SELECT FROM ingest.known_file k WHERE k.file_id = m.file_id)
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
AND (EXISTS (SELECT FROM ingest.absent_file b WHERE b.file_id = f.file_id) OR EXISTS (
    SELECT FROM member m JOIN archive a USING (archive_id)
    WHERE m.file_id = f.file_id AND a.destination = $1 AND m.state = 'left_out'))
"""
"""What came since the archive was planned can be read, and was left out of nothing: the next revision has it."""


Next = Literal["left_out", "elsewhere", "again"]
"""How an archive goes on whose member cannot be read: without it, from another destination, or with another try."""


class Planned(NamedTuple):
    """A file that goes into an archive."""

    file_id: str
    root: str
    path: str
    size_bytes: int
    arrived_at: datetime
    elsewhere: bool
    """It cannot be read here, and is taken from another destination; root and path are those that it had."""


async def new_of_session(
    connection: Connection, destination: str, session_id: str, others: Sequence[str]
) -> list[Planned]:
    """The files of a session that no archive at a destination has or is about to have, by root and path.

    Those that can be read, here or at ``others``: destinations that may be read for it.
    """
    return [Planned(*row) for row in await connection.fetch(_OF_SESSION, destination, session_id, others)]


async def new_of_day(
    connection: Connection, destination: str, day: datetime, before: datetime, others: Sequence[str], most: int
) -> list[Planned]:
    """As before, of files that arrived on a day (UTC), before a moment, and are of no finished session.

    Of more than ``most`` those that arrived first.
    """
    end = min(day + timedelta(days=1), before)
    rows = await connection.fetch(_OF_DAY, destination, day.astimezone(UTC), end, others, most)
    return sorted((Planned(*row) for row in rows), key=lambda one: (one.root, one.path, one.file_id))


async def held(connection: Connection, destination: str, collection_id: str) -> Held:
    """What the archives of a collection at a destination have, or are about to have."""
    rows = await connection.fetch(_HELD, destination, collection_id)
    return Held(len(rows), sum(row[2] for row in rows), sum(listed_bytes(*row) for row in rows))


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


async def save_failed(
    connection: Connection,
    archive_id: UUID,
    position: int,
    reason: str,
    *,
    most_tries: int,
    destination: str,
    others: Sequence[str],
) -> Next:
    """Write that a member could not be read; how the archive goes on. What was forgotten is not tried again."""
    found: Next = await connection.fetchval(_FAILED, archive_id, position, reason, most_tries, destination, others)
    return found


async def save_read_back(connection: Connection, archive_id: UUID) -> None:
    """Write that all bytes of an archive were read from its destination and agreed."""
    await connection.execute(_READ_BACK, archive_id)


async def forget(connection: Connection, file_ids: Sequence[str]) -> None:
    """Mark what archives hold of files that a person asked to forget; those that are being made do so at their end."""
    await connection.execute(_BEING_MADE, file_ids)
    await connection.execute(_FORGET, file_ids)


async def forgotten_meanwhile(connection: Connection, archive_id: UUID) -> None:
    """Mark what a person asked to forget since it was planned; once it is written that the archive is made."""
    await connection.execute(_FORGOTTEN_MEANWHILE, archive_id)


async def places_of(connection: Connection, file_id: str) -> list[Place]:
    """All places of a content, with the folders of their roots on this host."""
    return [Place(*row) for row in await connection.fetch(_OTHER_PLACES, file_id)]


async def of_session_there(connection: Connection, destination: str, session_id: str) -> tuple[int, int, int]:
    """Of the files of a session: how many a destination has, their size (bytes), and how many cannot be had."""
    (row,) = await connection.fetch(_OF_SESSION_THERE, destination, session_id)
    lacking: int = await connection.fetchval(_OF_SESSION_LACKING, destination, session_id)
    return row["files"], row["size_bytes"], lacking


async def whole(
    connection: Connection, destination: str, collection_id: str, archive_id: UUID
) -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
    """A collection as it lies at a destination with an archive that is being finished; and what was left out of it."""
    files = await connection.fetch(_WHOLE, destination, collection_id, archive_id)
    return files, await connection.fetch(_WHOLE_LEFT_OUT, destination, collection_id)
