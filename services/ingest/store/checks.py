"""Checks of the library: its places page by page, and what a walk through it found."""

from collections.abc import Sequence
from uuid import UUID

from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection

_COUNT = """
SELECT count(*) AS places, count(missing_since) AS missing FROM location WHERE root = $1 AND kind = 'library'
"""
_PAGE = """
SELECT path, missing_since IS NOT NULL FROM location WHERE root = $1 AND path > $2 AND links_to IS NULL
ORDER BY path LIMIT $3
"""
"""No walk follows a symbolic link, nor looks whether it is there."""
_BEGIN = "DELETE FROM walk_absent WHERE walk_id = $1 OR since < clock_timestamp() - interval '7 days'"
_ABSENT = """
INSERT INTO walk_absent (walk_id, path) SELECT $1, path FROM unnest($2::text[]) AS t(path) ON CONFLICT DO NOTHING
"""
_GONE = """
FROM walk_absent a JOIN location l ON l.root = $2 AND l.path = a.path
WHERE a.walk_id = $1 AND l.missing_since IS NULL
"""
_COUNT_GONE = f"SELECT count(*) AS files, min(a.path) AS example {_GONE} AND l.kind = 'library'"
_SELECT_GONE = f"SELECT a.path {_GONE} ORDER BY a.path"
_MARK = """
UPDATE location SET missing_since = clock_timestamp()
WHERE root = $1 AND path = ANY($2::text[]) AND missing_since IS NULL
"""
_BACK = """
UPDATE location l SET missing_since = NULL, removed_reason = NULL WHERE root = $1 AND path = ANY($2::text[])
  AND NOT EXISTS (SELECT FROM keeper_job j JOIN keeper_step s USING (job_id)
                  WHERE j.finished_at IS NULL AND NOT s.done AND (s.root, s.path) = (l.root, l.path))
"""
"""What is being removed is there until its turn comes."""
_CHECKED = """
INSERT INTO library_check (root, files, problem) VALUES ($1, $2, $3) ON CONFLICT (root) DO UPDATE
SET files = excluded.files, problem = excluded.problem, checked_at = excluded.checked_at
"""


async def count(connection: Connection) -> tuple[int, int]:
    """How many places of originals there are, and how many of them are known to be missing."""
    (row,) = await connection.fetch(_COUNT, LIBRARY)
    return row["places"], row["missing"]


async def page(connection: Connection, after: str, places: int) -> list[tuple[str, bool]]:
    """The next places in the order of their paths: path, and whether it is known to be missing."""
    return [(row[0], row[1]) for row in await connection.fetch(_PAGE, LIBRARY, after, places)]


async def begin(connection: Connection, walk_id: UUID) -> None:
    """Begin a walk: what walks of days ago left behind goes."""
    await connection.execute(_BEGIN, walk_id)


async def add_absent(connection: Connection, walk_id: UUID, paths: Sequence[str]) -> None:
    """Note places at which a walk found no file."""
    await connection.execute(_ABSENT, walk_id, paths)


async def count_gone(connection: Connection, walk_id: UUID) -> tuple[int, str]:
    """How many originals a walk found to have gone that were not missing before, and the first of their places."""
    (row,) = await connection.fetch(_COUNT_GONE, walk_id, LIBRARY)
    return row["files"], row["example"] or ""


async def gone(connection: Connection, walk_id: UUID) -> list[str]:
    """The places of these, and of derived files that have gone."""
    return [row["path"] for row in await connection.fetch(_SELECT_GONE, walk_id, LIBRARY)]


async def save(
    connection: Connection, walk_id: UUID, files: int, gone: Sequence[str], back: Sequence[str], problem: str | None
) -> None:
    """Write the result of a walk: places that are gone now, and those that are there again; and end it."""
    await connection.execute(_MARK, LIBRARY, gone)
    await connection.execute(_BACK, LIBRARY, back)
    await connection.execute(_CHECKED, LIBRARY, files, problem)
    await begin(connection, walk_id)
