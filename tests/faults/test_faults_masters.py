"""Kill -9 while masters are integrated: at every step, and in the middle of the strips."""

import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.calibration.settings import CalibrationSettings
from services.settings import AllSettings
from shared.events.calibration_builds import BuildMasters
from shared.frames.pixels import load_image
from shared.frames.read import read_frame
from shared.library.hashing import sha256_file
from shared.library.stage import clean_temporaries
from shared.settings import PostgresSettings
from tests.building import BuildServer
from tests.faults.conftest import Say
from tests.integration.calibration.rawworld import RawWorld, raw_world
from tests.integration.ingest.world import unfinished_copies
from tests.raw_frames import scene

TIMES = 20
MOST_STEPS = 200
LARGE = (1200, 900)


@dataclass
class Killed:
    """A set of raw frames, of which a master is built again and again, and killed on the way."""

    world: RawWorld
    server: BuildServer
    raws: dict[Path, str]
    built: list[str] = field(default_factory=list)

    async def build(self, kill: Callable[[BuildServer], bool]) -> bool:
        """Build a master with one kill, let another process go on, and compare; whether it was killed."""
        number = await self.world.set_no("DARK")
        (build_id,) = (await self.world.builds.ask(BuildMasters(set_nos=(number,)))).build_ids
        was_killed = kill(self.server)
        self._require_sound()
        clean_temporaries(self.world.root, older_than_hours=0.0)  # as ingest does once a day
        for pool, table in ((self.world.pool, "build"), (self.world.ingest, "keeper_job")):
            await pool.execute(f"UPDATE {table} SET leased_until = now() - interval '1 minute' WHERE state = 'running'")
            await pool.execute(f"UPDATE {table} SET next_try_at = now() WHERE state = 'waiting'")
        assert not self.server.work()
        row = await self.world.build(build_id)
        assert (row["state"], row["phase"]) == ("done", "built"), row["reason"]
        await self._require_one(row["file_id"])
        return was_killed

    def _require_sound(self) -> None:
        """Right after a kill: every file with a master's name is whole, and no raw frame was touched."""
        for path in self.world.masters():
            facts, problems = read_frame(path), list[str]()
            assert facts.image is not None
            load_image(path, facts.image, problems=problems)
            assert (facts.problems, problems) == ((), [])
        assert {path: sha256_file(path).file_id for path in self.raws} == self.raws

    async def _require_one(self, file_id: str) -> None:
        """In the end: one more master, told once, and nothing left of what was begun."""
        await self.world.builder.clear()
        assert self.world.handed_over() == []
        assert unfinished_copies(self.world.root.path) == []
        self.built.append(file_id)
        assert len(set(self.built)) == len(self.built)
        (master,) = self.world.masters()
        assert sha256_file(master).file_id == file_id
        assert [event["file_id"] for event in await self.world.told()] == self.built
        places = await self.world.ingest.fetch("DELETE FROM location WHERE file_id = $1 RETURNING path", file_id)
        assert [row["path"] for row in places] == [str(master.relative_to(self.world.root.path))]
        master.unlink()  # so that the next one gets its name in as many steps


@pytest.fixture
async def world(database: PostgresSettings, tmp_path: Path) -> AsyncIterator[RawWorld]:
    """An empty library."""
    own = CalibrationSettings(min_frames=5)
    settings = AllSettings(postgres=database).model_copy(update={"calibration": own})
    async with raw_world(settings, database, tmp_path) as made:
        yield made


async def killing(world: RawWorld, server: BuildServer, width: int, height: int) -> Killed:
    """A set of darks of this size, ready for a master."""
    await world.raws("DARK", 6, scene(1, width=width, height=height), EXPTIME=300.0)
    await world.work.turn()
    raws = {path: sha256_file(path).file_id for path in world.root.path.glob("raw/**/*.fits")}
    return Killed(world, server, raws)


async def test_a_build_killed_at_every_step(world: RawWorld, say: Say) -> None:
    """Killed -9 before any step of a build, the next process makes its one master: none lost, none twice, no stray."""
    began = time.monotonic()
    with BuildServer(world.settings.postgres, world.root.path) as server:
        killed = await killing(world, server, 96, 64)
        for step in range(1, MOST_STEPS):

            def kill(one: BuildServer, before: int = step) -> bool:
                return one.work(die_before=before)

            if not await killed.build(kill):
                break
    say(f"{len(killed.built) - 1} kills, one at each step, in {time.monotonic() - began:.0f} s")
    assert TIMES < len(killed.built) < MOST_STEPS - 1


async def test_a_build_killed_in_the_middle_of_the_pixels(world: RawWorld, say: Say) -> None:
    """Killed -9 at twenty random moments while strips are combined and placed, each master is there once and whole."""
    began, drawn, kills = time.monotonic(), random.Random(14), 0
    with BuildServer(world.settings.postgres, world.root.path) as server:
        killed = await killing(world, server, *LARGE)
        for _turn in range(10 * TIMES):
            if kills == TIMES:
                break

            def kill(one: BuildServer, seconds: float = drawn.uniform(0.02, 0.5)) -> bool:
                return one.work(die_after_s=seconds)

            kills += await killed.build(kill)
    say(f"{kills} kills in {len(killed.built)} builds, in {time.monotonic() - began:.0f} s")
    assert kills == TIMES
