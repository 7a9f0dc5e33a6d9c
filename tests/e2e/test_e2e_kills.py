"""A small dose of `make faults`: every part of the real stack killed once under load, then NATS away for a while."""

import asyncio
import time

from tests.faults.checker import BUSY_PERCENT, check_all, fingerprint, processor_use, totals
from tests.faults.conftest import undisturbed
from tests.faults.nemesis import Nemesis
from tests.faults.world import Captures, running, spent
from tests.stack import open_folder

FILES = 150
LATE_FILES = 20
OUTAGE_S = 10.0
SEED = 20_240_301


async def test_nothing_is_lost_or_doubled_when_each_part_is_killed_once() -> None:
    """Ingest, scanner, a reader, stats, NATS and Postgres killed, NATS stopped 10 s: totals as if nothing happened."""
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
            # Messages of a killed service come again after ack_wait; the reconciler does not wait for them.
            healed_s = await world.until_done(FILES, timeout_s=90, drained=False)

            await world.unsupervise()
            await world.stack.nats.stop()
            await asyncio.to_thread(captures.land, LATE_FILES)
            before = await asyncio.to_thread(fingerprint, captures.folder)
            quiet_run = asyncio.create_task(undisturbed(folder / "second-home", captures))
            use = await processor_use(world, OUTAGE_S)
            await world.stack.nats.start()
            world.supervise()
            await world.until_done(captures.count, timeout_s=60, drained=False)
            async with world.database() as connection:
                found = await totals(connection)
            reference = await quiet_run
            figures = await check_all(world, captures.folder, before, None, rest_s=1.0)
    assert found == reference
    assert max(use.values()) < BUSY_PERCENT, f"spinning while NATS is away: {use}"
    print(f"seed {SEED}; killed {nemesis.figures}; whole {healed_s:.1f} s after the last kill; {figures}")
    print(f"NATS away {OUTAGE_S:.0f} s: at most {max(use.values()):.0f} % of a core; {spent(started)}")
