"""Masters of the library, and the place in the folders for masters that each got."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.calibration.properties import Properties
from services.calibration.store import columns
from shared.bus.transaction import Connection
from shared.events.frame import FrameType

_SEEN = "md5(f.frame_type || f.digest || f.scanned::text || f.supplied::text)"
"""What is known of a frame: a master that stays is looked at again once this is another."""
_UNFILED = f"""
WITH master AS (
    SELECT f.file_id, f.frame_type, {columns.names("f.")},
           {_SEEN} AS seen
    FROM frame f LEFT JOIN filing g USING (file_id)
    WHERE f.frame_type LIKE 'MASTER!_%' ESCAPE '!' AND f.file_id > $1
      AND (g.file_id IS NULL OR (g.state = 'stays' AND g.seen <> {_SEEN}))
      AND EXISTS (SELECT FROM ingest.file_location l
                  WHERE l.file_id = f.file_id AND l.root = 'library' AND l.missing_since IS NULL)
    ORDER BY f.file_id LIMIT $2
)
SELECT m.file_id, m.frame_type, {columns.names("m.")}, m.seen, coalesce(l.paths, ARRAY[]::text[]) AS paths,
       s.focal_length_mm, s.file_id IS NOT NULL AS is_known
FROM master m
CROSS JOIN LATERAL (SELECT array_agg(l.path ORDER BY l.path) FILTER (WHERE l.root = 'library') AS paths
                    FROM ingest.file_location l WHERE l.file_id = m.file_id AND l.missing_since IS NULL) l
LEFT JOIN LATERAL (SELECT s.file_id, s.focal_length_mm FROM stats.files s
                   WHERE s.file_id = m.file_id AND s.state = 'scanned' OFFSET 0) s ON true
ORDER BY m.file_id
"""
_WRITE = """
INSERT INTO filing AS g (file_id, state, from_path, path, attempt, command_id, reason, seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (file_id) DO UPDATE SET state = excluded.state, from_path = excluded.from_path, path = excluded.path,
    attempt = excluded.attempt, command_id = excluded.command_id, reason = excluded.reason, seen = excluded.seen,
    changed_at = clock_timestamp()
"""
_ASKED = """
SELECT file_id, from_path, path, attempt, command_id, seen FROM filing WHERE state = 'asked' ORDER BY file_id LIMIT $1
"""
_SETTLE = "UPDATE filing SET state = $2, reason = $3, changed_at = clock_timestamp() WHERE file_id = $1"
_TAKEN = """
SELECT l.path FROM unnest($1::text[]) AS t(path) JOIN LATERAL (
    SELECT path FROM ingest.file_location WHERE root = 'library' AND path = t.path
    UNION ALL SELECT path FROM ingest.derived_location WHERE root = 'library' AND path = t.path
    UNION ALL SELECT path FROM filing WHERE state = 'asked' AND path = t.path LIMIT 1) l ON true
"""
_PLACES = """
SELECT path FROM ingest.file_location WHERE root = 'library' AND file_id = $1 AND missing_since IS NULL ORDER BY path
"""
_IS_SETTLED = "SELECT true FROM filing WHERE file_id = $1 AND state IN ('filed', 'stays')"
_GONE = "DELETE FROM filing g WHERE NOT EXISTS (SELECT FROM frame f WHERE f.file_id = g.file_id)"


class Unfiled(NamedTuple):
    """A master that has no place yet."""

    file_id: str
    master_type: FrameType
    known: Properties
    focal_length_mm: float | None
    is_known: bool
    """Whether stats knows the file, which has its focal length."""
    paths: Sequence[str]
    """Where it lies in the library."""
    seen: str


class Filing(NamedTuple):
    """A move that ingest was asked for."""

    file_id: str
    from_path: str
    path: str
    attempt: int
    command_id: UUID
    seen: str


async def unfiled(connection: Connection, after: str, most: int) -> list[Unfiled]:
    """The next masters that have no place yet, by their ids."""
    rows = await connection.fetch(_UNFILED, after, most)
    return [
        Unfiled(
            row["file_id"], FrameType(row["frame_type"]), columns.read(row), row["focal_length_mm"], row["is_known"],
            row["paths"], row["seen"],
        )
        for row in rows
    ]  # fmt: skip


async def taken(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Those of the paths of the library that are known as places."""
    return {row["path"] for row in await connection.fetch(_TAKEN, paths)}


async def ask(connection: Connection, filing: Filing) -> None:
    """Write down that a master is to be moved."""
    values: tuple[Any, ...] = (filing.attempt, filing.command_id, None, filing.seen)
    await connection.execute(_WRITE, filing.file_id, "asked", filing.from_path, filing.path, *values)


async def filed(connection: Connection, one: Unfiled, path: str) -> None:
    """Write down that a master lies in its folder."""
    await connection.execute(_WRITE, one.file_id, "filed", None, path, 1, None, None, one.seen)


async def stays(connection: Connection, one: Unfiled, why: str) -> None:
    """Write down that a master is left where it is, until more is known of it."""
    await connection.execute(_WRITE, one.file_id, "stays", None, None, 1, None, why, one.seen)


async def asked(connection: Connection, most: int) -> list[Filing]:
    """Moves that were asked for."""
    return [Filing(*row) for row in await connection.fetch(_ASKED, most)]


async def places(connection: Connection, file_id: str) -> list[str]:
    """Where a file lies in the library."""
    rows = await connection.fetch(_PLACES, file_id)
    return [row["path"] for row in rows]


async def is_settled(connection: Connection, file_id: str) -> bool:
    """Whether a master was filed, or stays where it is."""
    return bool(await connection.fetchval(_IS_SETTLED, file_id))


async def drop(connection: Connection, file_id: str) -> None:
    """Take a row away, so that its master is looked at as if it came now."""
    await connection.execute("DELETE FROM filing WHERE file_id = $1", file_id)


async def settle(connection: Connection, file_id: str, state: str, reason: str | None = None) -> None:
    """Write what came of a move."""
    await connection.execute(_SETTLE, file_id, state, reason)


async def forget_gone(connection: Connection) -> None:
    """Forget masters that are known no more."""
    await connection.execute(_GONE)
