"""Kill -9 before each step of the library's keeper: `KeeperServer` works on its jobs in children."""

import asyncio
import sys
from pathlib import Path

from services.ingest.keeper.keeper import Keeper
from shared.db.pool import pool_of
from shared.library.roots import Root
from shared.settings import PostgresSettings
from tests.killed_jobs import JobServer, serve

_OPEN = "SELECT count(*) FROM keeper_job WHERE state IN ('waiting', 'running')"


class KeeperServer(JobServer):
    """A process that works on all jobs of the keeper."""

    def __init__(self, postgres: PostgresSettings, library: Path) -> None:
        super().__init__("tests.keeping", postgres, library)


async def _work(postgres: PostgresSettings, library: Path) -> None:
    async with pool_of(postgres, "ingest") as pool:
        keeper = Keeper(pool, lambda: None, library=Root("library", library, writable=True))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(keeper.changes.run())
            while await pool.fetchval(_OPEN):
                await asyncio.sleep(0.01)
            running.cancel()


if __name__ == "__main__":
    serve(sys.argv[1], _work)
