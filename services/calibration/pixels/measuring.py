"""Measuring what is new: each raw calibration frame and each master is read once, one after the other."""

import asyncio
from collections.abc import Collection
from functools import partial
from pathlib import Path

import asyncpg

from services.calibration.pixels.levels import Levels
from services.calibration.pixels.whereabouts import Place, path_at
from services.calibration.store import levels
from services.calibration.store.places import places_of
from services.calibration.store.writers import lock
from shared import inert
from shared.db.pool import connected, transaction
from shared.errors import NightbusError, Permanent, Transient
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

PAGE = 50
_UNREADABLE = (ArithmeticError, ValueError, MemoryError)
"""What numbers raise that nobody foresaw: it costs the frame, and no more."""


class Measuring:
    """Measures frames that were not measured yet."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def turn(self) -> int:
        """Measure all that is due; how many frames that were.

        Raises:
            Unavailable: Postgres is away.
        """
        count = 0
        while page := await patiently(self._page):
            places = await patiently(partial(self._places, page))
            for file_id in page:
                await self._measure(file_id, places.get(file_id, ()))
            count += len(page)
        return count

    async def _page(self) -> list[str]:
        async with connected(self._pool) as connection:
            return await levels.unmeasured(connection, PAGE)

    async def _places(self, file_ids: Collection[str]) -> dict[str, list[Place]]:
        async with connected(self._pool) as connection:
            return await places_of(connection, file_ids, also_missing=True)

    async def _measure(self, file_id: str, places: Collection[Place]) -> None:
        try:
            found = await asyncio.to_thread(_levels_at, file_id, places)
        except (NightbusError, *_UNREADABLE) as error:
            again = isinstance(error, Transient)
            reason = (
                str(error) if isinstance(error, NightbusError) else f"it cannot be measured: {inert.sentence(error)}"
            )
            say = log.debug if again else log.warning
            say("a calibration frame was not measured", file_id=file_id, reason=reason)
            await patiently(partial(self._failed, file_id, reason, again))
        else:
            await patiently(partial(self._save, file_id, found))

    async def _save(self, file_id: str, found: Levels) -> None:
        async with transaction(self._pool) as connection:
            await lock(connection)
            await levels.save(connection, file_id, found)

    async def _failed(self, file_id: str, reason: str, again: bool) -> None:
        async with transaction(self._pool) as connection:
            await lock(connection)
            await levels.failed(connection, file_id, reason, again=again)


def _levels_at(file_id: str, places: Collection[Place]) -> Levels:
    return levels_of_file(path_at(file_id, places))


def levels_of_file(path: Path) -> Levels:
    """The levels of a file.

    Raises:
        Permanent: it is nothing that can be measured.
        Transient: it cannot be read now.
    """
    from services.calibration.pixels.measure import measure
    from services.calibration.pixels.strips import Scratch, open_strips

    try:
        with Scratch() as scratch:
            found = measure(open_strips(path, scratch))
    except OSError as error:
        raise Transient(f"there is no room to unpack it: {error.strerror or error}") from error
    if found.nan_share == 1:
        raise Permanent("none of its pixels has a value")
    return found
