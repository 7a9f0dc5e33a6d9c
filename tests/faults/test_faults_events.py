"""F11 and F3: events told again, in any order, and a service that wakes from a long sleep."""

import asyncio
import os
import random
import signal
import time
from itertools import islice
from pathlib import Path

from nats.js import JetStreamContext

from services.descriptions import described
from shared.bus.names import EVENTS
from shared.events.envelope import MESSAGE_ID
from tests.faults.checker import check_all, fingerprint, stream_messages, totals
from tests.faults.conftest import Say
from tests.faults.world import Captures, World, running, until

FILES = 200
EVENTS_AGAIN = 10_000
IN_FLIGHT = 200
_SUBJECTS = frozenset({"file.arrived", "file.scanned", "file.quarantined"})

Message = tuple[str, dict[str, str], bytes]


async def test_ten_thousand_repeated_events_change_nothing(folder: Path, seed: int, say: Say) -> None:
    """Every event told again many times, shuffled, under new message ids: not one number changes."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await world.until_done(FILES, timeout_s=120)
        async with world.database() as connection:
            reference = await totals(connection)
        async with world.jetstream() as js:
            told = [item[:3] for item in await stream_messages(js) if item[0] in _SUBJECTS]
            again = repeated(told, EVENTS_AGAIN, random.Random(seed))
            publishing = time.monotonic()
            await publish(js, again)
            published_s = time.monotonic() - publishing
        healed_s = await world.until_done(FILES, timeout_s=300)
        figures = await check_all(world, captures.folder, before, reference)
    say(f"{len(again)} copies of {len(told)} events in {published_s:.0f} s, applied {healed_s:.0f} s later")
    say(f"nothing changed; {figures}; {time.monotonic() - started:.0f} s")


async def test_a_scanner_that_wakes_late_does_no_harm(folder: Path, seed: int, say: Say) -> None:
    """SIGSTOP for longer than ack_wait, then SIGCONT: its late answers and acknowledgements double nothing."""
    captures = Captures(folder / "captures", seed)
    asleep_s = 1.5 * described("scanner").consumer("file.arrived").ack_wait_s  # at twice, `up` takes it for hung
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        await asyncio.to_thread(captures.land, FILES)
        await until(lambda: has_unread(world), 60, 0.02)
        pid = world.pid_of("scanner")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        await asyncio.sleep(asleep_s)
        waiting = (await world.undelivered()).get("scanner-file-arrived", 0)
        os.kill(pid, signal.SIGCONT)
        healed_s = await world.until_done(FILES, timeout_s=180)
        assert world.pid_of("scanner") == pid, "the scanner ended instead of going on"
        figures = await check_all(world, captures.folder, before, None)
    assert waiting, "the scanner was done before it was stopped: the test shows nothing"
    say(f"scanner stopped {asleep_s:.0f} s with {waiting} events waiting; whole {healed_s:.0f} s after; {figures}")
    say(f"{time.monotonic() - started:.0f} s")


async def has_unread(world: World) -> bool:
    """Whether the scanner has arrivals in hand or before it."""
    return "scanner-file-arrived" in await world.undelivered()


def repeated(told: list[Message], count: int, draw: random.Random) -> list[Message]:
    """``count`` copies of events in random order, each under a message id of its own and outside of any batch."""
    copies = [told[index % len(told)] for index in range(count)]
    draw.shuffle(copies)
    return [
        (
            subject,
            {name: value for name, value in headers.items() if not name.startswith("Nats-Batch-")}
            | {MESSAGE_ID: f"{headers['ce-id']}/again/{index}"},
            payload,
        )
        for index, (subject, headers, payload) in enumerate(copies)
    ]


async def publish(js: JetStreamContext, messages: list[Message]) -> None:
    """Publish messages, some at a time, and wait until each is stored."""
    rest = iter(messages)
    while chunk := list(islice(rest, IN_FLIGHT)):
        stored = [
            await js.publish_async(subject, payload, headers=headers, stream=EVENTS)
            for subject, headers, payload in chunk
        ]
        await asyncio.gather(*stored)
