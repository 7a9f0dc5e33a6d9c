"""Kill -9 before each step of the library's keeper, on a real database: `KeeperServer` works on jobs in children.

A step is a call that changes a file system, or one that changes the database, before it and after it. The children are
forked from a fresh interpreter that has no threads and has loaded everything, so that a thousand of them take minutes.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, cast

import asyncpg.transaction

from services.ingest.keeper.keeper import Keeper
from services.ingest.store import keeper as keeper_store
from shared.db.pool import pool_of
from shared.jobs.store import JobStore
from shared.library.roots import Root
from shared.settings import PostgresSettings
from tests.killing import STEPS

WRITES = (
    (asyncpg.transaction.Transaction, "commit"),
    (JobStore, "save"),
    (JobStore, "settle"),
    (keeper_store, "steps_done"),
)
"""Calls that change the database for good."""
_OPEN = "SELECT count(*) FROM keeper_job WHERE state IN ('waiting', 'running')"


class KeeperServer:
    """A process that works on all jobs that wait, in a child of its own each time, which it may kill at a step."""

    def __init__(self, postgres: PostgresSettings, library: Path) -> None:
        said = json.dumps({"postgres": postgres.model_dump(mode="json"), "library": str(library)})
        command = [sys.executable, "-m", "tests.keeping", said]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=60)

    def work(self, *, die_before: int = 0) -> bool:
        """Work on all jobs; whether it was killed before step ``die_before`` (0: never)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{die_before}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the keeper ended with {status}"
        return status != 0


def main(said: str) -> None:
    """Fork a child for each line of standard input; print how it ended."""
    given = json.loads(said)
    postgres = PostgresSettings.model_validate(given["postgres"])
    library = Path(given["library"])
    for line in sys.stdin:
        if not (child := os.fork()):
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
            _die_before(int(line))
            asyncio.run(_work(postgres, library))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


async def _work(postgres: PostgresSettings, library: Path) -> None:
    async with pool_of(postgres, "ingest") as pool:
        keeper = Keeper(pool, lambda: None, library=Root("library", library, writable=True))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(keeper.changes.run())
            while await pool.fetchval(_OPEN):
                await asyncio.sleep(0.01)
            running.cancel()


def _die_before(step: int) -> None:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **options: Any) -> Any:
            count()
            return call(*args, **options)

        return counting

    def counted_twice(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counting(*args: Any, **options: Any) -> Any:
            count()
            result = await call(*args, **options)
            count()
            return result

        return counting

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    for owner, name in cast(Any, WRITES):
        setattr(owner, name, counted_twice(getattr(owner, name)))


if __name__ == "__main__":
    main(sys.argv[1])
