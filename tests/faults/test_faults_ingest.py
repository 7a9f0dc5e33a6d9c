"""F10 for ingest: killed between placing a file in the library and the commit that tells of it."""

import asyncio
import os
import signal
import time
from pathlib import Path

from tests.faults.checker import check_all, fingerprint
from tests.faults.conftest import Say
from tests.faults.world import Captures, World, running, spent, until

FILES = 60
_BLOCK = "LOCK TABLE ingest.file IN ACCESS EXCLUSIVE MODE"


async def test_a_file_placed_but_not_committed_is_adopted(folder: Path, seed: int, say: Say) -> None:
    """Killed while the commit waits for a lock: placed files are adopted, not doubled; leftovers are no captures."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False) as world:
        library = world.stack.home.path / "library"
        await world.stack.services["ingest"].stop()
        await asyncio.to_thread(captures.land, FILES)
        async with world.database() as blocker:
            transaction = blocker.transaction()
            await transaction.start()
            await blocker.execute(_BLOCK)
            await asyncio.sleep(1.0)  # all have settled: they make one page
            await world.stack.services["ingest"].start()
            await until(lambda: has_placed(library), 60, 0.05)
            await asyncio.sleep(1.0)  # the page is placed, its commit waits for the lock
            await kill_ingest(world)
            placed = set(placed_files(library))
            await transaction.rollback()
        assert await committed(world) == 0, "the commit came through: the crash was not between placing and commit"
        await world.stack.services["ingest"].start()
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        after = set(placed_files(library))
        assert placed <= after, "a placed file was lost"
        assert len(after) == FILES // 2, "placed files were doubled"
        figures = await check_all(world, captures.folder, before, None)
    say(f"killed with {len(placed)} files placed and none committed; whole after {healed_s:.0f} s; {figures}")
    say(spent(started))


async def test_ingest_killed_at_every_stage_of_its_work(folder: Path, seed: int, say: Say) -> None:
    """Twelve kills while files are staged, placed and committed: each content is in the library exactly once."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False) as world:
        library = world.stack.home.path / "library"
        for number in range(12):
            await asyncio.to_thread(captures.land, 20)
            already = len(placed_files(library)) + len(temporaries(library))
            await until(lambda: has_more(library, already), 30, 0.005)  # noqa: B023 - awaited within the turn
            await asyncio.sleep(0.01 * number)
            await kill_ingest(world)
            await world.stack.services["ingest"].start()
        before = await asyncio.to_thread(fingerprint, captures.folder)
        left = len(temporaries(library))
        healed_s = await world.until_done(captures.count, timeout_s=120)
        figures = await check_all(world, captures.folder, before, None)
    say(f"12 kills of ingest, {left} unfinished copies left in .nightbus/tmp; whole after {healed_s:.0f} s; {figures}")
    say(spent(started))


async def kill_ingest(world: World) -> None:
    """Kill -9 of ingest; returns when it is gone."""
    pid = world.pid_of("ingest")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await world.stack.services["ingest"].wait()


async def committed(world: World) -> int:
    """Files that ingest has committed."""
    async with world.database() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM ingest.file WHERE source = 'copy-rig'"))


def placed_files(library: Path) -> list[str]:
    """Files that have their name in the library."""
    return [
        path.relative_to(library).as_posix()
        for path in library.rglob("*.fits")
        if ".nightbus" not in path.relative_to(library).parts
    ]


def temporaries(library: Path) -> list[Path]:
    """Copies without a name yet."""
    return list((library / ".nightbus" / "tmp").glob("*.tmp"))


async def has_placed(library: Path) -> bool:
    """Whether a file has its name."""
    return bool(placed_files(library))


async def has_more(library: Path, already: int) -> bool:
    """Whether ingest has begun with something new."""
    return len(placed_files(library)) + len(temporaries(library)) > already
