"""Kill -9 while masters are built: `BuildServer` works on builds, and on what ingest is asked, in children.

A child dies before the n-th step, a call that changes a file system or the database, or after a time, wherever it is
then: threads of the integration are in the middle of their strips.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, cast

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
from tests.keeping import WRITES
from tests.killing import STEPS

FILE_STEPS = (*STEPS, "pwrite", "replace", "ftruncate")
_OPEN = "SELECT count(*) FROM build WHERE state IN ('waiting', 'running')"


class BuildServer:
    """A process that works on all builds, in a child of its own each time, which it may kill."""

    def __init__(self, postgres: PostgresSettings, library: Path) -> None:
        said = json.dumps({"postgres": postgres.model_dump(mode="json"), "library": str(library)})
        command = [sys.executable, "-m", "tests.building", said]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=60)

    def work(self, *, die_before: int = 0, die_after_s: float = 0.0) -> bool:
        """Work on all builds; whether it was killed, before step ``die_before`` or after a time (0: never)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{die_before} {die_after_s}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the builder ended with {status}"
        return status != 0


def main(said: str) -> None:
    """Fork a child for each line of standard input; print how it ended."""
    given = json.loads(said)
    postgres = PostgresSettings.model_validate(given["postgres"])
    library = Path(given["library"])
    for line in sys.stdin:
        step, seconds = line.split()
        if not (child := os.fork()):
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
            _die(int(step), float(seconds))
            asyncio.run(_work(postgres, library))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


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


def _die(step: int, seconds: float) -> None:
    if seconds:
        threading.Thread(target=_die_later, args=(seconds,), daemon=True).start()
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

    for name in FILE_STEPS:
        setattr(os, name, counted(getattr(os, name)))
    for owner, name in cast(Any, WRITES):
        setattr(owner, name, counted_twice(getattr(owner, name)))


def _die_later(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
