"""F1, F4, F8: kill -9 of services, NATS and Postgres at random moments while 1,500 files arrive."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from services.descriptions import NAMES, SERVICES
from shared.description import QUIET
from tests.faults.checker import check_all, fingerprint, totals
from tests.faults.conftest import Say, undisturbed
from tests.faults.nemesis import Nemesis
from tests.faults.world import Captures, running, spent

FILES = 1500
SERVICE_KILLS = 60
SERVER_KILLS = {"nats": 8, "postgres": 7}


async def test_many_files_survive_random_kills(folder: Path, seed: int, say: Say) -> None:
    """1,500 files, 75 kills (60 services, 8 times NATS, 7 times Postgres): all totals as in an undisturbed run."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        nemesis = Nemesis(world, seed)
        plan = nemesis.plan(NAMES, SERVICE_KILLS, SERVER_KILLS)
        landed = 0
        for number, victim in enumerate(plan, 1):
            share = FILES * number // len(plan) - landed
            await asyncio.to_thread(captures.land, share)
            landed += share
            await asyncio.sleep(nemesis.draw.uniform(0.3, 2.5))
            if number % 5 == 0:
                await nemesis.strike_reader()
            await (nemesis.strike_any(NAMES) if victim == "any" else nemesis.strike(victim))
        killed_s = time.monotonic() - started
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(FILES, timeout_s=300)
        async with world.database() as connection:
            found = await totals(connection)
        figures = await check_all(world, captures.folder, before, None)
    say(f"killed {nemesis.figures} in {killed_s:.0f} s; whole and drained {healed_s:.0f} s after the last kill")
    say(figures)
    reference = await undisturbed(folder / "second-home", captures)
    assert found == reference
    say(f"totals equal those of an undisturbed run: {sum(map(len, found.values()))} rows; {spent(started)}")


async def test_services_that_share_a_process_survive_its_kills(folder: Path, seed: int, say: Say) -> None:
    """600 files, 30 kills, most of the process in which ingest, stats and api run: totals as undisturbed."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    grouped = tuple(replace(service, quiet=service.name != "scanner") for service in SERVICES)
    async with running(folder / "home", captures.sources(), services=grouped) as world:
        assert set(world.stack.services) == {QUIET, "scanner"}
        nemesis = Nemesis(world, seed)
        plan = nemesis.plan((QUIET,), 22, {"scanner": 4, "nats": 2, "postgres": 2})
        for number, victim in enumerate(plan, 1):
            await asyncio.to_thread(captures.land, 600 * number // len(plan) - captures.count)
            await asyncio.sleep(nemesis.draw.uniform(0.3, 2.5))
            await nemesis.strike(QUIET if victim == "any" else victim)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(600, timeout_s=300)
        async with world.database() as connection:
            found = await totals(connection)
        figures = await check_all(world, captures.folder, before, None)
    say(f"killed {nemesis.figures}; whole and drained {healed_s:.0f} s after the last kill; {figures}")
    assert found == await undisturbed(folder / "second-home", captures)
    say(f"totals equal those of an undisturbed run; {spent(started)}")


async def test_postgres_restarts_under_load(folder: Path, seed: int, say: Say) -> None:
    """Postgres shut down in order three times while files arrive: services wait in place and nothing is lost."""
    captures = Captures(folder / "captures", seed)
    started = time.monotonic()
    async with running(folder / "home", captures.sources()) as world:
        pids = {name: world.pid_of(name) for name in NAMES}
        for _ in range(3):
            await asyncio.to_thread(captures.land, 60)
            await asyncio.sleep(1.5)
            await world.unsupervise()
            await world.stack.postgres.stop()
            await asyncio.sleep(2)
            await world.stack.postgres.start()
        await asyncio.to_thread(captures.land, 20)
        before = await asyncio.to_thread(fingerprint, captures.folder)
        healed_s = await world.until_done(captures.count, timeout_s=120)
        assert {name: world.pid_of(name) for name in NAMES} == pids, "a service ended instead of waiting"
        figures = await check_all(world, captures.folder, before, None)
    say(f"3 restarts of Postgres, no service ended; whole {healed_s:.0f} s after the last; {figures}")
    say(spent(started))
