"""Uploads that were begun at a destination and that no archive goes on with, as after a restored database."""

from collections.abc import Mapping
from datetime import timedelta

import asyncpg

from services.backup.destinations.port import Destination
from services.backup.store import archives
from shared.db.pool import connected
from shared.errors import Transient
from shared.events.base import utc_now
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 6 * 3600.0
STALE_AFTER = timedelta(days=1)


class Strays:
    """Aborts such uploads once they are older than a day; all of them are ours, by their prefix."""

    def __init__(self, pool: asyncpg.Pool, opened: Mapping[str, Destination]) -> None:
        self._pool = pool
        self._opened = opened

    async def turn(self) -> None:
        """Look at every destination once; one that is not there is looked at next time."""
        for name, destination in self._opened.items():
            try:
                aborted = await self._abort(name, destination)
            except Transient as error:
                log.debug("uploads not looked at", destination=name, reason=str(error))
                continue
            if aborted:
                log.info("aborted stale uploads", destination=name, uploads=aborted)

    async def _abort(self, name: str, destination: Destination) -> int:
        aborted = 0
        async for upload in destination.uploads(""):
            if upload.begun_at is None or upload.begun_at > utc_now() - STALE_AFTER:
                continue
            async with connected(self._pool) as connection:
                known = await archives.known_uploads(connection, name)
            if upload.upload_id not in known:
                await destination.abort(upload)
                aborted += 1
        return aborted
