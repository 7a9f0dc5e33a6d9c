"""Room on the disks of all roots: measured now and again, with a forecast for how many nights it is enough."""

import time
from collections.abc import Callable
from functools import partial

import asyncpg

from services.ingest.forecast import RECENT_NIGHTS, mean_night_bytes, nights_left
from services.ingest.silent import Questions
from services.ingest.store import space
from services.ingest.store.roots import LIBRARY
from services.ingest.store.space import Space
from shared.db.pool import connected
from shared.errors import Away
from shared.library.room import Disk, disk_of
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 15.0
NIGHTS_INTERVAL_S = 900.0
"""Between two looks at what recent nights brought."""


class SpaceWatch:
    """Measures the disks of the roots that are there. Those of one that hangs are not known until it answers."""

    def __init__(
        self, pool: asyncpg.Pool, reserve_mb: int | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``reserve_mb``: what is never used of the library's disk, MiB; None for what suits the disk."""
        self._pool = pool
        self._reserve_mb = reserve_mb
        self._clock = clock
        self._disks: Questions[Disk | None] = Questions("the room of the root")
        self._nights, self._brought = 0, dict[str, int]()
        self._looked_at = float("-inf")

    async def turn(self) -> None:
        """Measure each root once, and write down what there is.

        Raises:
            Unavailable: the database is away.
        """
        async with connected(self._pool) as connection:
            there = await space.there(connection)
            if self._clock() - self._looked_at >= NIGHTS_INTERVAL_S:
                self._nights, self._brought = await space.brought(connection, RECENT_NIGHTS)
                self._looked_at = self._clock()
        found = []
        for name, path, kind in there:
            try:
                disk = await self._disks.ask(name, partial(disk_of, path, self._reserve_mb))
            except (Away, OSError) as error:
                log.debug("the room of a root cannot be measured", root=name, reason=str(error))
                continue
            if disk is not None:
                found.append(self._space(name, kind, disk))
        async with connected(self._pool) as connection:
            await space.save(connection, found)

    def _space(self, name: str, kind: str, disk: Disk) -> Space:
        per_night = mean_night_bytes(self._brought.get(name, 0), self._nights)
        reserve_bytes = disk.reserve_bytes if kind == LIBRARY else 0
        left = nights_left(disk.free_bytes, reserve_bytes, per_night)
        return Space(name, disk.free_bytes, disk.size_bytes, per_night, left)
