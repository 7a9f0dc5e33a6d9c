"""Files that had gone when they were to be read: looked for again, and announced when they are there or elsewhere."""

import asyncio

import asyncpg

from services.ingest.arrived import arrived, raise_revisions
from services.ingest.store import SERVICE
from shared.bus.outbox import OutboxRelay, enqueue
from shared.db.errors import translated
from shared.events.file import GONE
from shared.library.presence import are_there
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 300.0
MOST_FILES = 1000

_PLACES = """
SELECT g.file_id, l.root, l.path, r.path AS root_path FROM (
    SELECT q.file_id FROM stats.quarantined q JOIN file f ON f.file_id = q.file_id AND f.scan_revision = q.attempt
    WHERE q.error = $1 AND q.dismissed_at IS NULL ORDER BY random() LIMIT $2) g
JOIN location l USING (file_id) JOIN root r ON r.name = l.root
"""
_MARK = """
UPDATE location l SET missing_since = CASE WHEN there THEN NULL ELSE coalesce(l.missing_since, clock_timestamp()) END
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS seen(root, path, there)
WHERE l.root = seen.root AND l.path = seen.path AND (l.missing_since IS NULL) <> there
"""


class GoneFiles:
    """Looks for files that the scanner did not find."""

    def __init__(self, pool: asyncpg.Pool, relay: OutboxRelay) -> None:
        self._pool = pool
        self._relay = relay

    async def look(self) -> int:
        """Look once; returns how many files are there after all and are read anew."""
        with translated():
            places = await self._pool.fetch(_PLACES, GONE, MOST_FILES)
            if not places:
                return 0
            there = await asyncio.to_thread(are_there, [(row["root_path"], row["path"]) for row in places])
            known = [(row, is_there) for row, is_there in zip(places, there, strict=True) if is_there is not None]
            back = sorted({row["file_id"] for row, is_there in known if is_there})
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    _MARK,
                    [row["root"] for row, _ in known],
                    [row["path"] for row, _ in known],
                    [is_there for _, is_there in known],
                )
                await raise_revisions(connection, back)
                await enqueue(connection, SERVICE, await arrived(connection, back))
        self._relay.wake()
        if back:
            log.info("files that had gone are there again, or elsewhere, and are read", files=len(back))
        return len(back)
