"""F12: disks that are full under library, home and Postgres in turn: nothing is lost, and it goes on by itself."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.standalone.home import Home
from tests.disks import CannotMount, fill, free_bytes, small_disk
from tests.faults.checker import check_all, fingerprint
from tests.faults.conftest import Say
from tests.faults.world import Captures, World, running, spent, until

MB = 1024**2
FILES = 300
RESERVE_MB = 16


@contextlib.contextmanager
def _disk(place: Path, size_bytes: int) -> Iterator[Path]:
    try:
        with small_disk(place, size_bytes) as disk:
            yield disk
    except CannotMount as error:
        pytest.skip(f"no disk can be mounted here: {error}")


async def _all_home(world: World, captures: Captures, say: Say, what: str, started: float) -> None:
    before = await asyncio.to_thread(fingerprint, captures.folder)
    healed_s = await world.until_done(captures.count, timeout_s=300)
    figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"{what}: whole {healed_s:.0f} s after there was room; {figures}; {spent(started)}")


async def test_a_full_library_disk(folder: Path, seed: int, say: Say) -> None:
    """Ingest stops above the reserve, says so, and takes the rest as soon as there is room; sources are untouched."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    (folder / "home").mkdir()
    with _disk(folder / "disk", 64 * MB) as disk:
        library = disk / "library"
        extra = {"NIGHTBUS_LIBRARY__PATH": str(library), "NIGHTBUS_LIBRARY__RESERVE_MB": str(RESERVE_MB)}
        async with running(folder / "home", captures.sources(), extra) as world:
            filler = fill(disk, leave_bytes=(RESERVE_MB + 8) * MB)
            await asyncio.to_thread(captures.land, FILES)

            async def full() -> bool:
                world.require_supervised()
                return "room in the library" in world.log.read_text(errors="replace")

            await until(full, 90)
            await asyncio.sleep(5)
            assert free_bytes(disk) >= (RESERVE_MB - 1) * MB, "the reserve was touched"
            said = world.log.read_text(errors="replace").count("room in the library")
            assert said < FILES / 4, f"{said} lines say that there is no room"
            filler.unlink()
            before = await asyncio.to_thread(fingerprint, captures.folder)
            healed_s = await world.until_done(captures.count, timeout_s=180)
            assert await asyncio.to_thread(fingerprint, captures.folder) == before
    say(f"full library: {said} lines; whole {healed_s:.0f} s after there was room; {spent(started)}")


@pytest.mark.parametrize("part", ["", "postgres", "nats"])
async def test_a_full_disk_below_the_home_or_postgres(folder: Path, seed: int, say: Say, part: str) -> None:
    """While nothing can be written, nothing is lost; with room again everything goes on without a person."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    home = folder / "home"
    if part:
        Home.open(home).close()  # a home is known by its lock, and the disk lies within it
    with _disk(home / part, 1024 * MB) as disk:
        async with running(home, captures.sources()) as world:
            await asyncio.to_thread(captures.land, FILES // 3)
            await world.until_done(captures.count, timeout_s=120)
            filler = fill(disk, leave_bytes=64 * 1024)
            await asyncio.to_thread(captures.land, FILES)
            await asyncio.sleep(20)
            filler.unlink()
            await _all_home(world, captures, say, f"full {part or 'home'}", started)


@pytest.mark.parametrize("part", ["", "postgres", "nats"])
async def test_a_disk_that_is_full_at_the_start(folder: Path, seed: int, say: Say, part: str) -> None:
    """`up` says once that it waits for room, and comes up by itself when there is some."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    home = folder / "home"
    if part:
        Home.open(home).close()
    with _disk(home / part, 1024 * MB) as disk:
        async with running(home, captures.sources()) as world:
            await asyncio.to_thread(captures.land, FILES // 3)
            await world.until_done(captures.count, timeout_s=120)
        filler = fill(disk, leave_bytes=0)
        await asyncio.to_thread(captures.land, FILES // 3)
        with capture_logs() as logs:
            coming = contextlib.AsyncExitStack()
            start = asyncio.create_task(coming.enter_async_context(running(home, captures.sources())))

            async def said() -> bool:
                return any(line["event"] == "waits" for line in logs)

            await until(said, 60)
            await asyncio.sleep(15)
            assert not start.done()
            filler.unlink()
            async with coming:
                await _all_home(await start, captures, say, f"full {part or 'home'} at the start", started)
        assert [line["event"] for line in logs if line["event"] in ("waits", "goes on")] == ["waits", "goes on"]
