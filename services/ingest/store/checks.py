"""Checks of the library: its places page by page, and what a look at all of them found."""

from collections.abc import Sequence

from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection

_COUNT = "SELECT count(*) AS places, count(missing_since) AS missing FROM location WHERE root = $1"
_PAGE = """
SELECT path, missing_since IS NOT NULL FROM location WHERE root = $1 AND path > $2 ORDER BY path LIMIT $3
"""
_GONE = """
UPDATE location SET missing_since = clock_timestamp()
WHERE root = $1 AND path = ANY($2::text[]) AND missing_since IS NULL
"""
_BACK = "UPDATE location SET missing_since = NULL WHERE root = $1 AND path = ANY($2::text[])"
_CHECKED = """
INSERT INTO library_check (root, files, problem) VALUES ($1, $2, $3) ON CONFLICT (root) DO UPDATE
SET files = excluded.files, problem = excluded.problem, checked_at = excluded.checked_at
"""


async def count(connection: Connection) -> tuple[int, int]:
    """How many places there are, and how many of them are known to be missing."""
    (row,) = await connection.fetch(_COUNT, LIBRARY)
    return row["places"], row["missing"]


async def page(connection: Connection, after: str, places: int) -> list[tuple[str, bool]]:
    """The next places in the order of their paths: path, and whether it is known to be missing."""
    return [(row[0], row[1]) for row in await connection.fetch(_PAGE, LIBRARY, after, places)]


async def save(
    connection: Connection, files: int, gone: Sequence[str], back: Sequence[str], problem: str | None
) -> None:
    """Write the result of a look at all places: those that are gone now, and those that are there again."""
    await connection.execute(_GONE, LIBRARY, gone)
    await connection.execute(_BACK, LIBRARY, back)
    await connection.execute(_CHECKED, LIBRARY, files, problem)
