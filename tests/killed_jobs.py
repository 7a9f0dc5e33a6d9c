"""Kill -9 of what works on jobs in a real database: `JobServer` has children work on them, which it may kill.

A child dies before the n-th step, a call that changes a file system, or one that changes the database, before it and
after it; or after a time, wherever it is then. The children are forked from a fresh interpreter that has no threads and
has loaded everything, so that a thousand of them take minutes.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Self

import asyncpg.transaction

from services.ingest.store import keeper as keeper_store
from shared.jobs.store import JobStore
from shared.settings import PostgresSettings
from tests.killing import STEPS, die_before

WRITES = (
    (asyncpg.transaction.Transaction, "commit"),
    (JobStore, "save"),
    (JobStore, "settle"),
    (keeper_store, "steps_done"),
)
"""Calls that change the database for good."""

Work = Callable[[PostgresSettings, Path], Coroutine[None, None, None]]


class JobServer:
    """A process that works on all jobs that wait, in a child of its own each time, which it may kill.

    ``module`` is run by its name, and calls `serve`.
    """

    def __init__(self, module: str, postgres: PostgresSettings, library: Path) -> None:
        said = json.dumps({"postgres": postgres.model_dump(mode="json"), "library": str(library)})
        command = [sys.executable, "-m", module, said]
        self._module = module
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=60)

    def work(self, *, die_before: int = 0, die_after_s: float = 0.0) -> bool:
        """Work on all jobs; whether it was killed, before step ``die_before`` or after a time (0: never)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{die_before} {die_after_s}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"{self._module} ended with {status}"
        return status != 0


def serve(said: str, work: Work, steps: Sequence[str] = STEPS) -> None:
    """Fork a child for each line of standard input, which does the work; print how it ended."""
    given = json.loads(said)
    postgres = PostgresSettings.model_validate(given["postgres"])
    library = Path(given["library"])
    for line in sys.stdin:
        step, seconds = line.split()
        if not (child := os.fork()):
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
            if float(seconds):
                threading.Thread(target=_die_after, args=(float(seconds),), daemon=True).start()
            die_before(int(step), [(os, name) for name in steps], WRITES)
            asyncio.run(work(postgres, library))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _die_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)
