"""Kill -9 amid distribution: masters that are replaced beside the lights of many nights, while services are killed."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import asyncpg

from shared.description import QUIET
from tests.faults.conftest import Say
from tests.faults.nemesis import Nemesis
from tests.faults.world import World, running, spent, until
from tests.integration.calibration.filesworld import DARK, FLAT, frame, lights

KILLS = 20
NIGHTS = [date(2026, 1, 3) + timedelta(days=number) for number in range(12)]
HURRY = {
    "NIGHTBUS_CALIBRATION__DISTRIBUTE": "reflink",
    "NIGHTBUS_CALIBRATION__MATCH_INTERVAL_S": "0.3",
    "NIGHTBUS_CALIBRATION__FLAT_NIGHTS": "0",
}
LIBRARY = "home/library"
DARKS = "_Dark Library/ZWO ASI2600MM Pro"


def sources(folder: Path) -> list[dict[str, object]]:
    """The settings of a rig's folder and of WBPP's."""
    for name in ("rig", "wbpp"):
        (folder / name).mkdir(parents=True)
    return [{"name": name, "path": str(folder / name), "walk_interval_s": 1} for name in ("rig", "wbpp")]


def contents(folder: Path) -> dict[str, str]:
    """What lies in the library but Nightbus' own things: SHA-256 by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".nightbus" not in path.parts
    }


def beside(found: Mapping[str, str], night: date) -> dict[str, list[str]]:
    """What lies beside the lights of a night: contents by kind."""
    place = f"rig/M 31/accept/DATE_{night}/"
    names = [path for path in found if path.startswith(place) and "/" not in path.removeprefix(place)]
    return {kind: [found[path] for path in names if kind in path] for kind in ("masterDark", "masterFlat")}


_PLACED = """
SELECT (SELECT count(*) FROM calibration.need WHERE master_file_id = $1),
       (SELECT count(*) FROM calibration.placement WHERE state = 'placed' AND file_id = $1),
       (SELECT count(*) FROM calibration.placement WHERE state <> 'placed'),
       (SELECT count(*) FROM calibration.placement)
"""


_UNDER_WAY = "SELECT count(*) FROM calibration.placement WHERE state IN ('wanted', 'leaving')"


async def until_under_way(world: World) -> None:
    """Wait until some of the placements are on their way."""

    async def under_way() -> bool:
        world.require_supervised()
        try:
            async with world.database() as connection:
                return bool(await connection.fetchval(_UNDER_WAY))
        except (OSError, asyncpg.PostgresError):
            return False

    await until(under_way, 180, pause_s=0.05)


async def until_settled(world: World, dark: str, timeout_s: float) -> None:
    """Wait until every session is matched with the dark, all is placed, and nothing else is known."""
    found: object = None

    async def settled() -> bool:
        nonlocal found
        try:
            async with world.database() as connection:
                (row,) = await connection.fetch(_PLACED, dark)
        except (OSError, asyncpg.PostgresError):
            return False
        found = tuple(row)
        return found == (len(NIGHTS), len(NIGHTS), 0, 2 * len(NIGHTS))

    try:
        await until(settled, timeout_s)
    except TimeoutError:
        raise AssertionError(f"not settled after {timeout_s:.0f} s: {found}; log {world.tail()}") from None


async def test_killed_amid_distribution_nothing_is_lost_or_doubled(folder: Path, seed: int, say: Say) -> None:
    """Twenty kills of calibration and ingest while darks are replaced beside twelve nights: each has one of them.

    The dark is the newest, every master is whole where it was filed, and the lights are as they were.
    """
    began = time.monotonic()
    watched = sources(folder)
    for number, night in enumerate(NIGHTS):
        lights(folder / "rig", 1, first=number, night=night.isoformat())
        frame(folder / f"wbpp/flat{number}.fits", "MASTER FLAT", 100 + number, night.isoformat(), **FLAT)
    darks: list[str] = []

    def another_dark() -> None:
        path = folder / f"wbpp/dark{len(darks)}.fits"
        frame(path, "MASTER DARK", 1000 + len(darks), (NIGHTS[-1] + timedelta(days=len(darks))).isoformat(), **DARK)
        darks.append(hashlib.sha256(path.read_bytes()).hexdigest())

    another_dark()
    async with running(folder / "home", watched, HURRY) as world:
        await until_settled(world, darks[-1], 180)
        say(f"all is placed after {time.monotonic() - began:.0f} s")
        nemesis = Nemesis(world, seed)
        before = await asyncio.to_thread(contents, folder / LIBRARY)
        originals = {path: what for path, what in before.items() if "DATE_" not in path or "FILTER_Ha_EXP" in path}
        for number in range(KILLS):
            another_dark()
            await until_under_way(world)
            await asyncio.sleep(nemesis.draw.uniform(0.0, 1.5))
            await nemesis.strike("ingest" if number % 3 == 2 else QUIET)
            now = await asyncio.to_thread(contents, folder / LIBRARY)
            assert {path: now.get(path) for path in originals} == originals, "an original is not where it was"
        await until_settled(world, darks[-1], 300)
        found = await asyncio.to_thread(contents, folder / LIBRARY)
        async with world.database() as connection:
            derived = await connection.fetch("SELECT path FROM ingest.derived_location")
            jobs = await connection.fetchval("SELECT count(*) FROM ingest.keeper_job WHERE state <> 'done'")
    assert {path: found[path] for path in originals} == originals
    assert sorted(what for path, what in found.items() if path.startswith(DARKS)) == sorted(darks)
    flats = {beside(found, night)["masterFlat"][0] for night in NIGHTS}
    assert len(flats) == len(NIGHTS), "each night has its own flat"
    assert [beside(found, night) for night in NIGHTS] == [
        {"masterDark": [darks[-1]], "masterFlat": beside(before, night)["masterFlat"]} for night in NIGHTS
    ]
    assert len({row["path"] for row in derived}) == len(derived) == 2 * len(NIGHTS)
    say(
        f"{dict(nemesis.kills)} killed; {len(darks)} darks in turn beside {len(NIGHTS)} nights; {jobs} commands refused"
    )
    say(spent(began))
