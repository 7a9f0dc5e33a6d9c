"""Sets kept up to date: new frames find their set, sets whose frames changed are judged."""

from functools import partial

import asyncpg

from services.calibration.sets.grouping import set_key, set_properties
from services.calibration.store import levels, raw_sets
from services.calibration.store.raw_sets import RawSet
from services.calibration.store.writers import lock
from shared.db.pool import connected, transaction
from shared.retry import patiently

PAGE = 1000
_SETS_PAGE = 100


class Sets:
    """Groups raw calibration frames, and judges them."""

    def __init__(self, pool: asyncpg.Pool, min_frames: int) -> None:
        self._pool = pool
        self._min_frames = min_frames

    async def turn(self) -> None:
        """Group and judge all that changed.

        Raises:
            Unavailable: Postgres is away.
        """
        await patiently(self._forget_gone)
        while await patiently(self._group) == PAGE:
            pass
        while found := await patiently(self._dirty):
            for one in found:
                await patiently(partial(self._judge, one))

    async def _forget_gone(self) -> None:
        async with transaction(self._pool) as connection:
            await lock(connection)
            await raw_sets.forget_gone(connection)
            await levels.forget_gone(connection)

    async def _group(self) -> int:
        async with transaction(self._pool) as connection:
            await lock(connection)
            frames = await raw_sets.moved(connection, PAGE)
            sets = {}
            for frame in frames:
                common = set_properties(frame.frame_type, frame.properties)
                sets[frame.file_id] = None if common is None else (set_key(frame.frame_type, common), common)
            if frames:
                await raw_sets.put(connection, frames, sets)
        return len(frames)

    async def _dirty(self) -> list[RawSet]:
        async with connected(self._pool) as connection:
            return await raw_sets.dirty(connection, self._min_frames, _SETS_PAGE)

    async def _judge(self, one: RawSet) -> None:
        from services.calibration.sets.judging import judge

        async with transaction(self._pool) as connection:
            await lock(connection)
            members = await raw_sets.members(connection, one.set_no)
            found = await levels.levels_of(connection, members)
            reasons = judge(one.frame_type, found, (one.common.width_px, one.common.height_px))
            await raw_sets.save_judged(connection, one.set_no, reasons, len(found), self._min_frames)
