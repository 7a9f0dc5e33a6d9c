"""Everything stopped and killed at once, again and again, while files are copied and moved: nothing is lost."""

import asyncio
import hashlib
import time
from collections import Counter
from pathlib import Path

from tests.faults.checker import check_delivered, check_quiet, check_single, check_told, fingerprint
from tests.faults.conftest import Say
from tests.faults.nemesis import Nemesis
from tests.faults.world import Captures, World, running, spent, until

COLLAPSES = 20
FILES_EACH = 40


def _contents(*folders: Path) -> Counter[str]:
    """How often each content lies below some folders, without unfinished copies."""
    return Counter(
        item.sha256
        for folder in folders
        for path, item in fingerprint(folder).items()
        if not path.startswith(".nightbus/")
    )


async def test_everything_killed_at_once_while_files_are_copied_and_moved(folder: Path, seed: int, say: Say) -> None:
    """After each of 20 collapses every content is in its source or in the library; in the end all are home, once."""
    captures = Captures(folder / "captures", seed, ("copy", "move"))
    library = folder / "home" / "library"
    landed: dict[str, str] = {}
    kills: Counter[str] = Counter()
    processes = 0
    started = time.monotonic()
    for number in range(COLLAPSES):
        async with running(folder / "home", captures.sources(), supervised=False) as world:
            nemesis = Nemesis(world, seed + number)
            paths = await asyncio.to_thread(captures.land, FILES_EACH)
            for path in paths:
                landed[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
            await asyncio.sleep(nemesis.draw.uniform(0.2, 3.0))
            processes += await nemesis.collapse()
            kills += nemesis.kills
        there = await asyncio.to_thread(_contents, captures.folder, library)
        lost = [path for path, digest in landed.items() if digest and digest not in there]
        assert not lost, f"after collapse {number + 1} no copy exists of {lost[:3]}"
    say(f"{sum(kills.values())} collapses of {processes} processes; after each every content existed")
    async with running(folder / "home", captures.sources()) as world:
        healed_s = await world.until_done(captures.count, timeout_s=300)
        await _until_moved(world, captures)
        async with world.database() as connection:
            await check_single(connection, library)
            letters = await check_told(connection, world.log)
            async with world.jetstream() as js:
                messages = await check_delivered(connection, js)
        await check_quiet(world, 4.0)
    home = await asyncio.to_thread(_contents, library)
    kept = await asyncio.to_thread(_contents, captures.folder / "copy")
    assert set(home) >= {digest for digest in landed.values() if digest}
    assert (len(home), set(home.values())) == (captures.count, {1})
    assert len(kept) == captures.count // 2
    say(f"{captures.count} files, {len(home)} contents home; whole {healed_s:.0f} s after; {messages} messages, "
        f"{letters} dead letters; {spent(started)}")  # fmt: skip


async def _until_moved(world: World, captures: Captures) -> None:
    """Wait until the sources of all moved files are deleted."""

    async def empty() -> bool:
        world.require_supervised()
        return not any(path.is_file() for path in (captures.folder / "move").rglob("*"))

    await until(empty, 120)
