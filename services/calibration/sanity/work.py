"""Testing masters before they are used: each once its levels are known, and anew when it changes."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial

import asyncpg

from services.calibration.pixels.levels import Levels
from services.calibration.pixels.whereabouts import Place, path_at
from services.calibration.sanity.rules import Trial, refusal
from services.calibration.store import levels, master_tests, masters
from services.calibration.store.master_tests import DueTest, Tested
from services.calibration.store.places import places_of
from services.calibration.store.writers import lock
from shared.db.pool import connected, transaction
from shared.errors import Permanent, Transient
from shared.events.frame import FrameType
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)

PAGE = 20
_LIGHTS_TRIED = 3
"""Lights that are tried where one cannot be read."""
_TRIED_ON_LIGHTS = (FrameType.MASTER_BIAS, FrameType.MASTER_DARK)

Places = Mapping[str, Collection[Place]]


class Sanity:
    """Tests masters, and refuses those that would spoil lights."""

    def __init__(self, pool: asyncpg.Pool, refused: Callable[[], None] = lambda: None) -> None:
        """``refused`` is called when a refusal was written or withdrawn."""
        self._pool = pool
        self._refused = refused

    async def turn(self) -> None:
        """Test all masters that are due.

        Raises:
            Unavailable: Postgres is away.
        """
        await patiently(self._forget_gone)
        while page := await patiently(self._page):
            changed = [await self._test(one) for one in page]
            if not any(changed):
                return  # what they are tried on cannot be read now: at the next turn

    async def _page(self) -> list[DueTest]:
        async with connected(self._pool) as connection:
            return await master_tests.due(connection, PAGE)

    async def _forget_gone(self) -> None:
        async with transaction(self._pool) as connection:
            await lock(connection)
            await master_tests.forget_gone(connection)

    async def _test(self, one: DueTest) -> bool:
        """Test a master; whether that brought anything."""
        found, lights, places = await patiently(partial(self._known, one))
        if isinstance(found, str):
            tested: Tested | None = Tested(f"it cannot be read: {found}")
        else:
            tested = await asyncio.to_thread(_tested, one, found, lights, places)
        if tested is None:
            return False
        await patiently(partial(self._save, one, tested))
        self._refused()
        return True

    async def _known(self, one: DueTest) -> tuple[Levels | str, list[str], Places]:
        async with connected(self._pool) as connection:
            found = (await levels.levels_of(connection, [one.file_id]))[one.file_id]
            lights: list[str] = []
            if one.master_type in _TRIED_ON_LIGHTS:
                lights = await master_tests.lights_for(connection, one.file_id, _LIGHTS_TRIED)
            return found, lights, await places_of(connection, [one.file_id, *lights], also_missing=True)

    async def _save(self, one: DueTest, tested: Tested) -> None:
        async with transaction(self._pool) as connection:
            await lock(connection)
            await master_tests.save(connection, one, tested)
            if tested.refused is not None:
                log.warning("a master is refused", file_id=one.file_id, name=one.name, reason=tested.refused)
                await masters.refuse(connection, one.file_id, "sanity", tested.refused)
            else:
                await masters.allow(connection, one.file_id, "sanity")


def _tested(one: DueTest, found: Levels, lights: Collection[str], places: Places) -> Tested | None:
    """What the pixels say; None where there are lights to try it on, and none can be read now."""
    size = (one.properties.width_px, one.properties.height_px)
    if (reason := refusal(one.master_type, found, size=size)) is not None or not lights:
        return Tested(reason)
    for light in lights:
        try:
            trial = _trial(one, found, light, places)
        except Permanent as error:
            log.debug("a master cannot be tried on a light", file_id=one.file_id, light=light, reason=str(error))
        except (Transient, OSError) as error:
            log.debug("a light cannot be read now", file_id=light, reason=str(error))
        else:
            return Tested(refusal(one.master_type, found, trial, size), light, trial.negative_share)
    return None


def _trial(one: DueTest, found: Levels, light: str, places: Places) -> Trial:
    from services.calibration.pixels.measure import measure
    from services.calibration.pixels.strips import Scratch, open_strips
    from services.calibration.sanity.trial import try_on

    light_path = path_at(light, places.get(light, ()))
    master_path = path_at(one.file_id, places.get(one.file_id, ()))
    with Scratch() as scratch:
        of_light = open_strips(light_path, scratch)
        return try_on(of_light, measure(of_light), light_path.name, open_strips(master_path, scratch), found)
