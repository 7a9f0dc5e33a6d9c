"""The SQL of looking after the library: which places there are, what has gone, and what lies aside."""

from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg

from services.ingest.store import LIBRARY
from shared.db.errors import translated
from shared.db.pool import transaction
from shared.library.hashing import Digest
from shared.library.mend import Kept


class Places:
    """The places of the library. Raises Unavailable while the database is away."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def count(self) -> tuple[int, int]:
        """How many places there are, and how many of them are known to be missing."""
        with translated():
            (row,) = await self._pool.fetch(
                "SELECT count(*) AS places, count(missing_since) AS missing FROM location WHERE root = $1", LIBRARY
            )
        return row["places"], row["missing"]

    async def page(self, after: str, count: int) -> list[tuple[str, bool]]:
        """The next places in the order of their paths: path, and whether it is known to be missing."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT path, missing_since IS NOT NULL FROM location WHERE root = $1 AND path > $2"
                " ORDER BY path LIMIT $3",
                LIBRARY,
                after,
                count,
            )
        return [(row[0], row[1]) for row in rows]

    async def record_check(self, files: int, gone: Sequence[str], back: Sequence[str], problem: str | None) -> None:
        """Write the result of a look at all places: those that are gone now, and those that are there again."""
        async with transaction(self._pool) as connection:
            await connection.execute(
                "UPDATE location SET missing_since = clock_timestamp()"
                " WHERE root = $1 AND path = ANY($2::text[]) AND missing_since IS NULL",
                LIBRARY,
                gone,
            )
            await connection.execute(
                "UPDATE location SET missing_since = NULL WHERE root = $1 AND path = ANY($2::text[])", LIBRARY, back
            )
            await connection.execute(
                "INSERT INTO library_check (root, files, problem) VALUES ($1, $2, $3) ON CONFLICT (root) DO UPDATE"
                " SET files = excluded.files, problem = excluded.problem, checked_at = excluded.checked_at",
                LIBRARY,
                files,
                problem,
            )

    async def unrecorded(self, kept_as: Sequence[str]) -> list[str]:
        """Those of the files that lie aside of which no row tells."""
        with translated():
            rows = await self._pool.fetch(
                "SELECT kept_as FROM unnest($2::text[]) AS k(kept_as)"
                " WHERE NOT EXISTS (SELECT FROM damage d WHERE d.root = $1 AND d.kept_as = k.kept_as) ORDER BY kept_as",
                LIBRARY,
                kept_as,
            )
        return [row["kept_as"] for row in rows]

    async def content_at(self, path: str) -> tuple[Digest, int | None] | None:
        """What a place should hold, and the mtime at which it was whole, where that is known."""
        with translated():
            row = await self._pool.fetchrow(
                "SELECT file_id, size_bytes, mtime_ns FROM location JOIN file USING (file_id)"
                " WHERE root = $1 AND path = $2",
                LIBRARY,
                path,
            )
        return (Digest(row["file_id"], row["size_bytes"]), row["mtime_ns"]) if row is not None else None

    async def record_kept(self, kept: Kept, content: Digest | None) -> None:
        """Write a damaged copy down that should have held ``content``, where that is known."""
        with translated():
            await self._pool.execute(
                "INSERT INTO damage (root, kept_as, path, file_id, size_bytes, found_at)"
                " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                LIBRARY,
                kept.kept_as,
                kept.path,
                content.file_id if content is not None else None,
                kept.size_bytes,
                datetime.fromtimestamp(kept.kept_at_s, UTC),
            )
