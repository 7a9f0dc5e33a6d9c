"""A small dose of `make faults`: the real stack, every part of it killed once under load."""

import asyncio
import time

from tests.faults.checker import check_all, fingerprint, totals
from tests.faults.nemesis import Nemesis
from tests.faults.world import Captures, running
from tests.stack import open_folder

FILES = 150
SEED = 20_240_301


async def test_nothing_is_lost_or_doubled_when_each_part_is_killed_once() -> None:
    """150 files with ingest, scanner, a reader, stats, NATS and Postgres killed: totals as in an undisturbed run."""
    started = time.monotonic()
    with open_folder() as folder:
        captures = Captures(folder / "captures", SEED)
        async with running(folder / "home", captures.sources()) as world:
            nemesis = Nemesis(world, SEED)
            victims = ["ingest", "scanner", "stats", "nats", "postgres"]
            nemesis.draw.shuffle(victims)
            for victim in victims:
                await asyncio.to_thread(captures.land, FILES // len(victims))
                await asyncio.sleep(nemesis.draw.uniform(0.5, 1.5))
                await nemesis.strike_reader()
                await nemesis.strike(victim)
            before = await asyncio.to_thread(fingerprint, captures.folder)
            # Messages of a killed service come again after ack_wait; the reconciler does not wait for them.
            seconds = await world.until_done(FILES, timeout_s=90, drained=False)
            async with world.database() as connection:
                found = await totals(connection)
            figures = await check_all(world, captures.folder, before, None)
        async with running(folder / "second-home", captures.sources()) as world:
            await world.until_done(FILES, timeout_s=60, drained=False)
            async with world.database() as connection:
                reference = await totals(connection)
    assert found == reference
    print(f"seed {SEED}; killed {nemesis.figures}; whole {seconds:.1f} s after the last kill; {figures}")
    print(f"{time.monotonic() - started:.1f} s in all")
