"""Deleting the sources of moved files: after the commit, and only what the library is seen to hold at that moment."""

import asyncio
from pathlib import Path

import asyncpg

from services.ingest.shelf import Shelf
from shared.bus.delivery import patiently
from shared.db.errors import translated
from shared.errors import NightbusError, Transient
from shared.library.hashing import Digest
from shared.logging import get_logger

log = get_logger(__name__)

POLL_S = 2.0
BATCH = 50
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10, 3600
"""Before a source that could not be deleted is hashed and tried again; each pause is twice the one before."""

_TAKE = """
SELECT d.source, d.folder, d.name, d.file_id, d.size_bytes, r.path AS source_path
FROM deletion d JOIN root r ON r.name = d.source
WHERE d.state = 'waiting' AND d.next_try_at <= clock_timestamp()
ORDER BY d.next_try_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED
"""
_KEPT = f"""
UPDATE deletion SET attempts = attempts + 1, reason = $4, next_try_at = clock_timestamp()
    + least({LONGEST_PAUSE_S}, {FIRST_PAUSE_S} * 2.0 ^ least(attempts, 30)) * interval '1 second'
WHERE source = $1 AND folder = $2 AND name = $3 RETURNING attempts
"""
_DONE = "DELETE FROM deletion WHERE source = $1 AND folder = $2 AND name = $3"
_REFUSED = "UPDATE deletion SET state = 'refused', reason = $4 WHERE source = $1 AND folder = $2 AND name = $3"


class SourceDeleter:
    """Works through ``ingest.deletion``."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf) -> None:
        self._pool = pool
        self._shelf = shelf

    async def run(self) -> None:
        """Delete for ever."""
        while True:
            if await patiently(self.delete_some) < BATCH:
                await asyncio.sleep(POLL_S)

    async def delete_some(self) -> int:
        """Delete up to a batch of sources that are due. A copy that rotted is mended from its source first.

        One that changed is refused and kept. One that cannot be deleted now, as in a folder that only others may write
        to, or whose copy is missing, waits for its next try and holds back no other.
        """
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(_TAKE, BATCH)
                for row in rows:
                    key = (row["source"], row["folder"], row["name"])
                    try:
                        source = Path(row["source_path"]) / row["folder"] / row["name"]
                        await self._shelf.remove_source(source, Digest(row["file_id"], row["size_bytes"]))
                    except Transient as error:
                        attempts = await connection.fetchval(_KEPT, *key, str(error))
                        say = log.warning if attempts == 1 else log.debug
                        say("source kept for now", source=row["source"], name=row["name"], reason=str(error))
                    except NightbusError as error:
                        log.error("source kept", source=row["source"], name=row["name"], reason=str(error))
                        await connection.execute(_REFUSED, *key, str(error))
                    else:
                        await connection.execute(_DONE, *key)
        return len(rows)
