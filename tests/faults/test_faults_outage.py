"""F5: NATS away for a long time. Services stay up, do not spin, and go on by themselves."""

import asyncio
import os
import time
from pathlib import Path

from services.descriptions import NAMES
from tests.faults.checker import BUSY_PERCENT, check_all, fingerprint, processor_use
from tests.faults.conftest import Say
from tests.faults.world import Captures, World, running

OUTAGE_VARIABLE = "NIGHTBUS_FAULT_OUTAGE_S"
OUTAGE_S = 600.0
"""Longer than the two minutes after which nats-py would give up by default, and than its reconnect buffer lasts."""
LOOK_S = 10.0
FILES = 120


async def test_nats_may_be_away_for_ten_minutes(folder: Path, seed: int, say: Say) -> None:
    """Files that arrive in an outage wait in the outbox, no service spins or ends, and all is told afterwards."""
    seconds = float(os.environ.get(OUTAGE_VARIABLE, OUTAGE_S))
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False) as world:
        pids = {name: world.pid_of(name) for name in NAMES}
        await asyncio.to_thread(captures.land, FILES)
        await asyncio.sleep(2.0)  # so that events are under way
        await world.stack.nats.stop()
        await asyncio.to_thread(captures.land, FILES)
        most = await most_used(world, seconds)
        shown = ", ".join(f"{name} {percent:.0f} %" for name, percent in sorted(most.items()))
        say(f"NATS away {seconds:.0f} s; busiest {LOOK_S:.0f} s of each: {shown}")
        async with world.database() as connection:
            unsent = await connection.fetchval("SELECT count(*) FROM ingest.outbox")
        assert unsent <= captures.count, f"{unsent} announcements of {captures.count} files pile up in the outbox"
        assert max(most.values()) < BUSY_PERCENT, f"spinning: {most}"
        await world.stack.nats.start()
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=180)
        assert {name: world.pid_of(name) for name in NAMES} == pids, "a service ended instead of waiting"
        figures = await check_all(world, captures.folder, before, None)
    say(f"whole {healed_s:.0f} s after its return; {figures}; {time.monotonic() - started:.0f} s")


async def most_used(world: World, seconds: float) -> dict[str, float]:
    """The busiest stretch of each service while some seconds pass, percent of one core.

    The first look is not counted: the files that land are still being copied and hashed.
    """
    ends = time.monotonic() + seconds
    most: dict[str, float] = dict.fromkeys(NAMES, 0.0)
    first = True
    while first or time.monotonic() < ends:
        use = await processor_use(world, min(LOOK_S, seconds / 2))
        if not first:
            most = {name: max(most[name], use[name]) for name in NAMES}
        first = False
    return most
