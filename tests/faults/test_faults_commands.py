"""Commands of the library's keeper while services, NATS and Postgres are killed: each is carried out wholly, and once.

The model is simple: each command is about files that no other one names, so that what must be true in the end follows
from what was asked, whatever was killed in between.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from services.descriptions import NAMES
from services.standalone.simulation import tiny_frames
from shared.bus.broker import connect
from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.commands import (
    FileMove,
    ForgetFiles,
    KeeperAccepted,
    KeeperCommand,
    MoveFiles,
    RemoveFiles,
    StoredFile,
    WalkLibrary,
)
from shared.events.file import Location
from tests.faults.checker import check_quiet, check_untouched, fingerprint
from tests.faults.conftest import Say
from tests.faults.nemesis import Nemesis
from tests.faults.world import World, running, spent, until
from tests.stack import EVERYTHING

FILES, FIRST = 400, 200
"""Files in all, and those that are there before the first kill."""
KILLS = 40
SERVER_KILLS = {"nats": 4, "postgres": 4}
DELIVERED_S = 600.0
"""Ingest that was killed again and again is started after pauses of up to 30 seconds."""
LIBRARY = "library"
_THERE = f"""
SELECT l.file_id, l.path FROM ingest.location l JOIN stats.frame USING (file_id)
WHERE l.root = '{LIBRARY}' AND l.missing_since IS NULL ORDER BY l.path
"""
_JOBS = "SELECT state, reason FROM ingest.keeper_job_progress WHERE job_id = ANY($1::uuid[])"


@dataclass(slots=True)
class Asked:
    """What was asked of the keeper; each file is in one of these at most."""

    moved: dict[str, str] = field(default_factory=dict)
    """Where a file must be in the end, by its id."""
    removed: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    commands: list[KeeperCommand] = field(default_factory=list)

    def knows(self, file_id: str) -> bool:
        """Whether a command is about this file."""
        return file_id in self.moved or file_id in self.removed or file_id in self.forgotten

    def next(self, nemesis: Nemesis, there: dict[str, str]) -> KeeperCommand:
        """Draw a command about files that are in the library and that no other command names."""
        free = sorted(file_id for file_id in there if not self.knows(file_id))
        chosen = nemesis.draw.sample(free, min(len(free), nemesis.draw.randint(1, 6)))
        kind = nemesis.draw.choice(("move", "move", "remove", "forget", "walk")) if chosen else "walk"
        number = len(self.commands)
        command: KeeperCommand
        if kind == "move":
            places = {file_id: f"moved/{number:03}/{there[file_id].rpartition('/')[2]}" for file_id in chosen}
            self.moved |= places
            command = MoveFiles(
                moves=tuple(
                    FileMove(
                        file_id=file_id,
                        from_location=Location(root=LIBRARY, path=there[file_id]),
                        to_location=Location(root=LIBRARY, path=path),
                    )
                    for file_id, path in places.items()
                )
            )
        elif kind == "remove":
            self.removed |= set(chosen)
            files = tuple(
                StoredFile(file_id=file_id, location=Location(root=LIBRARY, path=there[file_id])) for file_id in chosen
            )
            command = RemoveFiles(files=files, reason="the nemesis asks for it")
        elif kind == "forget":
            self.forgotten |= set(chosen)
            command = ForgetFiles(file_ids=tuple(chosen), reason="the nemesis asks for it", delete_files=True)
        else:
            command = WalkLibrary()
        self.commands.append(command)
        return command


async def deliver(world: World, command: KeeperCommand) -> None:
    """Send a command, under the same id again and again, until ingest has committed it."""

    async def is_committed() -> bool:
        world.require_supervised()
        with contextlib.suppress(UserError, OSError, TimeoutError):
            client = await connect(world.stack.nats_settings(), EVERYTHING.name)
            try:
                await ask(client, command, KeeperAccepted, timeout_s=5)
            finally:
                await client.close()
            return True
        return False

    await until(is_committed, DELIVERED_S)


async def in_the_library(world: World) -> dict[str, str]:
    """Scanned files of the library by their ids, as soon as Postgres answers."""
    found: dict[str, str] = {}

    async def is_told() -> bool:
        try:
            async with world.database() as connection:
                found.update({row["file_id"]: row["path"] for row in await connection.fetch(_THERE)})
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    await until(is_told, 90)
    return found


async def until_carried_out(world: World, asked: Asked, files: int) -> None:
    """Wait until all jobs have ended, all files are counted and all is told."""
    seen: object = None

    async def is_done() -> bool:
        nonlocal seen
        world.require_supervised()
        try:
            async with world.database() as connection:
                jobs = await connection.fetch(_JOBS, [command.command_id for command in asked.commands])
                counts = await connection.fetchrow("SELECT files, waiting, outbox_waiting FROM stats.counts")
                unsent = await connection.fetchval("SELECT outbox_waiting FROM ingest.counts")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        assert counts is not None
        states = Counter(row["state"] for row in jobs)
        seen = (states, tuple(counts), unsent)
        return states == {"done": len(asked.commands)} and tuple(counts) == (files, 0, 0) and unsent == 0

    try:
        await until(is_done, 240)
    except TimeoutError:
        raise AssertionError(f"not carried out: {seen}; log {world.tail()}") from None


async def check_carried_out(world: World, asked: Asked, contents: set[str]) -> None:
    """All that was asked is true, and of all other files what was true before."""
    library = world.stack.home.path / LIBRARY
    here = {
        path: item.sha256
        for path, item in (await asyncio.to_thread(fingerprint, library)).items()
        if not path.startswith(".nightbus/")
    }
    async with world.database() as connection:
        places = {
            row["file_id"]: row["path"]
            for row in await connection.fetch(
                "SELECT file_id, path FROM ingest.location WHERE root = $1 AND missing_since IS NULL", LIBRARY
            )
        }
        told = "SELECT file_id, path FROM stats.frame JOIN stats.file USING (file_id)"
        frames = {row["file_id"]: row["path"] for row in await connection.fetch(told)}
        missing = {row[0] for row in await connection.fetch("SELECT file_id FROM ingest.missing_file")}
        tombstones = {row[0] for row in await connection.fetch("SELECT file_id FROM ingest.forgotten_file")}
    assert len(here) == len(set(here.values())), "a content lies in the library twice"
    assert {digest: path for path, digest in here.items()} == places, "library and locations differ"
    assert places.keys() == contents - asked.removed - asked.forgotten
    assert {file_id: places[file_id] for file_id in asked.moved} == asked.moved, "a move was done in part"
    assert missing == asked.removed
    assert tombstones == asked.forgotten
    assert frames.keys() == contents - asked.forgotten, "only what was forgotten is counted no more"
    assert {file_id: frames[file_id] for file_id in places} == places, "stats has another path than ingest"


@pytest.mark.timeout(1200)
async def test_commands_of_the_keeper_survive_random_kills(folder: Path, seed: int, say: Say) -> None:
    """400 files arrive, 48 kills, a command after each: moves, removals, forgotten files and walks, whole and once."""
    captures = folder / "captures"
    captures.mkdir()
    sources = [{"name": "rig", "path": str(captures), "mode": "copy", "walk_interval_s": 3}]
    started, landed = time.monotonic(), FIRST
    async with running(folder / "home", sources) as world:
        nemesis, asked = Nemesis(world, seed), Asked()
        await asyncio.to_thread(tiny_frames, captures, landed, seed)
        await world.until_done(landed, timeout_s=120)
        plan = nemesis.plan(NAMES, KILLS, SERVER_KILLS)
        deliveries: list[asyncio.Task[None]] = []
        for number, victim in enumerate(plan, 1):
            share = (FILES - FIRST) * number // len(plan) + FIRST - landed
            await asyncio.to_thread(tiny_frames, captures, share, seed, start_index=landed)
            landed += share
            command = asked.next(nemesis, await in_the_library(world))
            deliveries.append(asyncio.create_task(deliver(world, command)))
            await asyncio.sleep(nemesis.draw.uniform(0.0, 1.5))
            await (nemesis.strike_any(NAMES) if victim == "any" else nemesis.strike(victim))
        before = await asyncio.to_thread(fingerprint, captures)
        await asyncio.gather(*deliveries)
        await until_carried_out(world, asked, FILES - len(asked.forgotten))
        await check_carried_out(world, asked, {item.sha256 for item in before.values()})
        check_untouched(before, captures)
        await check_quiet(world, 4.0)
    kinds = json.dumps(Counter(command.subject.rpartition(".")[2] for command in asked.commands))
    say(f"killed {nemesis.figures} during {kinds}; {len(asked.moved)} files moved, {len(asked.removed)} removed,")
    say(f"{len(asked.forgotten)} forgotten, all of {FILES} accounted for; {spent(started)}")
