"""F6 and the full stream: consumers deleted, the stream deleted, the store wiped, no room left."""

import asyncio
import shutil
import time
from pathlib import Path

from nats.js.errors import NotFoundError

from shared.bus.names import DEAD_LETTERS, EVENTS
from tests.faults.checker import check_all, fingerprint
from tests.faults.conftest import Say
from tests.faults.world import Captures, World, running, spent, until

FILES = 150
SMALLEST_STREAM_BYTES = 1024**2


async def test_deleted_consumers_come_back(folder: Path, seed: int, say: Say) -> None:
    """The consumers of the scanner and of stats deleted underneath: the watchdog ends both, and all is delivered."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES // 2)
        await asyncio.sleep(1.0)
        async with world.jetstream() as js:
            for durable in ("scanner-file-arrived", "stats-file-scanned"):
                await js.delete_consumer(EVENTS, durable)
        await asyncio.to_thread(captures.land, FILES // 2)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await until(lambda: has_consumers(world), 60)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        figures = await check_all(world, captures.folder, before, None)
    say(f"2 consumers deleted; whole {healed_s:.0f} s after they were back; {figures}")
    say(spent(started))


async def test_a_deleted_stream_comes_back(folder: Path, seed: int, say: Say) -> None:
    """Both streams deleted with unread events in them: made anew, and the reconciler announces what was lost."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES // 2)
        await asyncio.sleep(1.5)
        async with world.jetstream() as js:
            for stream in (EVENTS, DEAD_LETTERS):
                await js.delete_stream(stream)
        await asyncio.to_thread(captures.land, FILES // 2)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await until(lambda: has_consumers(world), 60)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"streams deleted; whole {healed_s:.0f} s after they were back; {figures}")
    say(spent(started))


async def test_a_wiped_store_is_filled_again(folder: Path, seed: int, say: Say) -> None:
    """NATS comes back with an empty disk: provisioned anew, unread events are announced again, totals are right."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES // 2)
        await asyncio.sleep(1.5)
        await world.unsupervise()
        await world.stack.nats.stop()
        await asyncio.to_thread(shutil.rmtree, world.stack.nats.store)
        await world.stack.nats.start()
        world.supervise()
        await asyncio.to_thread(captures.land, FILES // 2)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await until(lambda: has_consumers(world), 60)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"store wiped; whole {healed_s:.0f} s after it was provisioned; {figures}")
    say(spent(started))


async def test_a_stream_at_its_limit_does_not_stop_the_night(folder: Path, seed: int, say: Say) -> None:
    """A stream of 1 MiB, a fraction of what 400 files need: relay and janitor take turns, and every file arrives."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), stream_max_bytes=SMALLEST_STREAM_BYTES) as world:
        await asyncio.to_thread(captures.land, 400)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=240)
        log = world.log.read_text(errors="replace")
        swept = log.count("purged what everyone has read")
        assert swept, "the stream was never full: the test shows nothing"
        figures = await check_all(world, captures.folder, before, None)
    say(f"limit 1 MiB, {swept} sweeps, {log.count('relay pauses')} pauses; whole after {healed_s:.0f} s; {figures}")
    say(spent(started))


async def test_a_stream_full_of_arrivals_makes_room_for_their_results(folder: Path, seed: int, say: Say) -> None:
    """Arrivals alone fill the stream while the scanner is stopped: their larger results still get through."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    patient = {"NIGHTBUS_INGEST__RECONCILE_AGE_S": "600"}
    async with running(
        folder / "home", captures.sources(), patient, supervised=False, stream_max_bytes=SMALLEST_STREAM_BYTES
    ) as world:
        await world.stack.services["scanner"].stop()
        await asyncio.to_thread(captures.land, 1500)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await until(lambda: is_full(world), 120)
        await world.stack.services["scanner"].start()
        healed_s = await world.until_done(captures.count, timeout_s=400)
        figures = await check_all(world, captures.folder, before, None)
    say(f"full of unread arrivals; whole {healed_s:.0f} s after the scanner started; {figures}")
    say(spent(started))


async def is_full(world: World) -> bool:
    """Whether the relay found the stream nearly full."""
    return "relay pauses" in world.log.read_text(errors="replace")


async def has_consumers(world: World) -> bool:
    """Whether all streams and consumers are there."""
    try:
        await world.undelivered()
    except NotFoundError:
        return False
    return True
