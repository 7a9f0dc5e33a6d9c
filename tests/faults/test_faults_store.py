"""F13: the message store damaged in every known way, and parts that hang: mended without a person, and all is whole."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from services.descriptions import SERVICES
from services.standalone import keeper
from services.standalone.jetstream import kept_aside
from shared.bus.names import EVENTS
from shared.description import processes_of
from tests.faults.checker import check_all, fingerprint
from tests.faults.conftest import Say
from tests.faults.nemesis import Nemesis
from tests.faults.world import Captures, World, running, spent, until
from tests.store_damage import DAMAGES, EVENT_STREAM, each, one_byte

FILES = 60
FILLER_BYTES = 10_000
"""Of an event that nobody reads; many of them complete a block."""


@pytest.mark.parametrize("kind", DAMAGES)
async def test_a_store_damaged_in_the_night(folder: Path, seed: int, say: Say, kind: str) -> None:
    """NATS is killed and its store damaged while events are under way: no file is lost or counted twice.

    What was damaged is kept. Sessions that were told are told again.
    """
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES)
        await world.until_done(captures.count, timeout_s=120)
        await asyncio.to_thread(captures.land, FILES)
        await world.unsupervise()
        await world.stack.nats.stop()
        await asyncio.to_thread(DAMAGES[kind], world.stack.nats.store)
        await world.stack.nats.start()
        world.supervise()
        await asyncio.to_thread(captures.land, FILES)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=180, drained=False)
        await until(lambda: _is_told(world), 60)
        kept = kept_aside(world.stack.home.nats)
        assert kept or "block" in kind, "a few events fill no block that is compressed"
        figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"{kind}: {len(kept)} kept aside; whole {healed_s:.0f} s after NATS was back; {figures}")
    say(spent(started))


@pytest.mark.parametrize("kind", ["a stream's description emptied", "one byte of its checksum", "the consumers' state"])
async def test_a_damaged_store_does_not_keep_up_from_starting(folder: Path, seed: int, say: Say, kind: str) -> None:
    """Between two runs of `up` the store is damaged: the second comes up and goes on."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES)
        await world.until_done(captures.count, timeout_s=120)
    await asyncio.to_thread(DAMAGES[kind], world.stack.nats.store)
    await asyncio.to_thread(captures.land, FILES)
    async with running(folder / "home", captures.sources()) as world:
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        await until(lambda: _is_told(world), 60)
        assert len(kept_aside(world.stack.home.nats)) == 1
        figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"{kind}: whole {healed_s:.0f} s after the start; {figures}; {spent(started)}")


async def test_a_block_damaged_under_unread_events(folder: Path, seed: int, say: Say) -> None:
    """A compressed block that holds events which nobody has read is damaged: it is found, kept aside and told again."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources(), supervised=False) as world:
        stack = world.stack
        await stack.services["stats"].stop()
        await asyncio.to_thread(captures.land, FILES)
        await until(lambda: _is_scanned(world, FILES // 2), 60)
        async with world.jetstream() as js:
            while len(list((stack.nats.store / EVENT_STREAM / "msgs").glob("*.blk"))) < 2:
                fillers = [js.publish("product.arrived", os.urandom(FILLER_BYTES)) for _ in range(50)]
                await asyncio.gather(*fillers)
        await stack.nats.stop()
        await asyncio.to_thread(each(f"{EVENT_STREAM}/msgs/1.blk", one_byte), stack.nats.store)
        await stack.nats.start()
        await stack.services["stats"].start()
        world.supervise()
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=400)
        kept = kept_aside(stack.home.nats)
        assert kept, "the damage was never found: the test shows nothing"
        figures = await check_all(world, captures.folder, before, None, letters=False)
    say(f"a block: whole {healed_s:.0f} s after NATS was back; {figures}; {spent(started)}")


async def _is_scanned(world: World, files: int) -> bool:
    """Whether so many results of the scanner lie in the stream."""
    async with world.jetstream() as js:
        info = await js.stream_info(EVENTS, subjects_filter="file.scanned")
        return sum((info.state.subjects or {}).values()) >= files


@pytest.mark.parametrize("victim", ["nats", "postgres", *processes_of(SERVICES)])
async def test_a_part_that_is_stopped_is_started_again(
    folder: Path, seed: int, say: Say, victim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP in the middle of the work: the part is alive and does nothing, is ended and started again."""
    monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.5)
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        nemesis = Nemesis(world, seed)
        await asyncio.to_thread(captures.land, FILES)
        await nemesis.freeze(victim)
        await asyncio.to_thread(captures.land, FILES)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=240)
        figures = await check_all(world, captures.folder, before, None)
    say(f"{victim} stopped: whole {healed_s:.0f} s later; {figures}; {spent(started)}")


async def _is_told(world: World) -> bool:
    """Whether the stream of today has every finished session."""
    async with world.database() as connection:
        finished = await connection.fetchval("SELECT count(*) FROM stats.session WHERE NOT open")
    async with world.jetstream() as js:
        info = await js.stream_info(EVENTS, subjects_filter="session.finished")
        return bool(sum((info.state.subjects or {}).values()) >= finished)
