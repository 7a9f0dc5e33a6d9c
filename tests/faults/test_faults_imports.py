"""F10 for jobs: kill -9 of ingest while it holds an import; the next one takes it over, but not for ever."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from services.standalone.simulation import tiny_frames
from shared.bus.broker import connect
from shared.bus.names import CLI
from shared.bus.rpc import ask
from shared.errors import UserError
from shared.events.commands import ImportAccepted, ImportPaths
from shared.jobs.outcome import DIED, MOST_UNEXPECTED
from tests.faults.conftest import Say
from tests.faults.test_faults_ingest import kill_ingest, placed_files
from tests.faults.world import World, running, spent, until

FILES = 300
TAKEOVER_S = 90.0
"""The lease, and the pause after a second death."""


async def test_an_import_survives_kills_of_its_process(folder: Path, seed: int, say: Say) -> None:
    """Killed twice in the middle of an import, ingest ends it: each file is counted and brought home once."""
    captures = folder / "card"
    captures.mkdir()
    await asyncio.to_thread(tiny_frames, captures, FILES, seed)
    started = time.monotonic()
    async with running(folder / "home", [], supervised=False) as world:
        import_id = await ask_for_import(world, captures)
        taken: list[int] = []
        for number in range(MOST_UNEXPECTED - 1):
            before = taken[-1] if taken else 0
            await until(lambda: has_taken(world, before + 1), TAKEOVER_S, 0.01)  # noqa: B023 - awaited within the turn
            await kill_ingest(world)
            taken.append(len(placed_files(world.stack.home.path / "library")))
            row = await import_row(world, import_id)
            assert (row["state"], row["attempt"]) == ("running", number + 1), "it was not killed in the middle"
            await world.stack.services["ingest"].start()
        await until(lambda: is_in(world, import_id, "done"), TAKEOVER_S)
        row = await import_row(world, import_id)
        assert (row["found"], row["arrived"], row["failed"], row["attempt"]) == (FILES, FILES, 0, MOST_UNEXPECTED)
        assert len(placed_files(world.stack.home.path / "library")) == FILES
        await world.until_done(FILES, timeout_s=120)
    say(f"killed after {taken} of {FILES} files; done in attempt {row['attempt']}")
    say(spent(started))


async def test_an_import_that_kills_ingest_each_time_is_given_up(folder: Path, seed: int, say: Say) -> None:
    """Three deaths in a row make an import dead, with the reason; ingest goes on with the others."""
    poison, other = folder / "poison", folder / "other"
    for path, count in ((poison, 1), (other, 20)):
        path.mkdir()
        await asyncio.to_thread(tiny_frames, path, count, seed)
    cut = next(poison.rglob("*.fits"))
    cut.write_bytes(cut.read_bytes()[:-5000])  # it is waited for, so that the import is under way for long enough
    started = time.monotonic()
    patient = {"NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": "3600"}
    async with running(folder / "home", [], patient, supervised=False) as world:
        import_id = await ask_for_import(world, poison)
        for number in range(MOST_UNEXPECTED):
            await until(lambda: is_attempt(world, import_id, number + 1), TAKEOVER_S, 0.1)  # noqa: B023 - as above
            await kill_ingest(world)
            await world.stack.services["ingest"].start()
        await until(lambda: is_in(world, import_id, "dead"), TAKEOVER_S)
        row = await import_row(world, import_id)
        assert row["reason"] == f"{DIED} ({MOST_UNEXPECTED} times in a row)"
        whole = await ask_for_import(world, other)
        await until(lambda: is_in(world, whole, "done"), TAKEOVER_S)
        assert (await import_row(world, whole))["arrived"] == 20
        assert (await import_row(world, import_id))["attempt"] == MOST_UNEXPECTED
    say(f"given up after {MOST_UNEXPECTED} deaths: {row['reason']}")
    say(spent(started))


async def ask_for_import(world: World, folder: Path) -> UUID:
    """Ask ingest for an import, as the command line does."""
    client = await connect(world.stack.nats_settings(), CLI)
    answered: list[UUID] = []

    async def accepted() -> bool:
        try:
            answer = await ask(client, ImportPaths(paths=(str(folder),)), ImportAccepted)
        except UserError:
            return False  # it is not up yet
        assert answer.import_id is not None
        answered.append(answer.import_id)
        return True

    try:
        await until(accepted, 60)
    finally:
        await client.close()
    return answered[0]


async def import_row(world: World, import_id: UUID) -> dict[str, Any]:
    """What the contract says of an import."""
    async with world.database() as connection:
        row = await connection.fetchrow("SELECT * FROM ingest.import_progress WHERE import_id = $1", import_id)
    assert row is not None
    return dict(row)


async def is_in(world: World, import_id: UUID, state: str) -> bool:
    """Whether an import is in a state."""
    return bool((await import_row(world, import_id))["state"] == state)


async def is_attempt(world: World, import_id: UUID, attempt: int) -> bool:
    """Whether an import runs in this attempt."""
    row = await import_row(world, import_id)
    return (row["state"], row["attempt"]) == ("running", attempt)


async def has_taken(world: World, count: int) -> bool:
    """Whether so many files are in the library."""
    return len(placed_files(world.stack.home.path / "library")) >= count
