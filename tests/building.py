"""Kill -9 while masters are built: `BuildServer` works on builds, and on what ingest is asked, in children.

A child that dies after a time does so wherever it is: threads of the integration are in the middle of their strips.
"""

import asyncio
import sys
from pathlib import Path

from services.calibration.integration.builder import JOBS, Builder
from services.calibration.ruling import Ruling
from services.calibration.settings import CalibrationKeys, CalibrationSettings
from services.ingest.keeper.keeper import Keeper
from services.settings import AllSettings
from shared.db.pool import pool_of
from shared.events.commands import KeeperCommand, PlaceFile
from shared.jobs.runner import Runner
from shared.library.roots import Root
from shared.settings import PostgresSettings
from tests.killed_jobs import JobServer, serve
from tests.killing import STEPS

_OPEN = "SELECT count(*) FROM build WHERE state IN ('waiting', 'running')"


class BuildServer(JobServer):
    """A process that works on all builds."""

    def __init__(self, postgres: PostgresSettings, library: Path) -> None:
        super().__init__("tests.building", postgres, library)


async def _work(postgres: PostgresSettings, library: Path) -> None:
    settings = AllSettings(postgres=postgres)
    assert isinstance(settings, CalibrationKeys)
    ruling, root = Ruling(settings), Root("library", library, writable=True)
    async with pool_of(postgres, "calibration") as pool, pool_of(postgres, "ingest") as ingest:
        keeper = Keeper(ingest, lambda: None, library=root)

        async def ask(command: KeeperCommand) -> bool:
            assert isinstance(command, PlaceFile)
            await keeper.place(command)
            return True

        builder = Builder(pool, root, CalibrationSettings(), ruling.of, ask, lambda: None)
        runner = Runner(pool, JOBS, builder.work, at_once=1)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(runner.run()), tasks.create_task(keeper.changes.run())]
            while await pool.fetchval(_OPEN):
                await asyncio.sleep(0.01)
            for task in running:
                task.cancel()


if __name__ == "__main__":
    serve(sys.argv[1], _work, (*STEPS, "pwrite", "replace", "ftruncate"))
