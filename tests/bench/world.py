"""The whole stack for benches: services, NATS and Postgres of one temporary home, driven as a user drives them."""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from nats.aio.client import Client

from services.descriptions import NAMES, SCHEMAS, SERVICES
from services.standalone.home import Home
from services.standalone.nats import USERS, EmbeddedNats
from services.standalone.readablelog import LOG_FILE, ReadableLog
from services.standalone.stack import DATABASE, Stack
from shared.bus.broker import connect
from shared.bus.provision import provision
from shared.db.migrate import migrate
from shared.errors import Transient
from shared.logging import configure_logging
from shared.settings import LogSettings, NatsSettings, PostgresSettings
from tests.stack import EVERYTHING, MEMORY

POLL_S = 0.05
PATIENCE_S = 900.0
NO_STARS = {"NIGHTBUS_SCANNER__MEASURE_STARS": "false"}
_SETTLED_AT_ONCE = {"NIGHTBUS_INGEST__SETTLE_S": "0"}
_COUNTED = "SELECT coalesce(sum(files), 0)::bigint FROM stats.session"
"""Committed in the transaction that writes the frames, and cheap in a library of any size."""
_IMPORT_S = "SELECT extract(epoch FROM finished_at - created_at) FROM ingest.import ORDER BY created_at DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Imported:
    """One `nightbus ingest`: its report, and how long the command, the import and the whole way took."""

    report: dict[str, Any]
    command_s: float
    committed_s: float

    @property
    def import_s(self) -> float:
        """Seconds that ingest worked, by the database's clock."""
        return float(self.report["import_s"])


class World:
    """A running stack."""

    def __init__(self, stack: Stack, home: Home, admin: asyncpg.Connection, ready_s: float) -> None:
        self.stack = stack
        self.home = home
        self.admin = admin
        self.ready_s = ready_s

    async def counted(self) -> int:
        """Files that stand in the totals."""
        found: int = await self.admin.fetchval(_COUNTED)
        return found

    async def until_counted(self, goal: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until that many files stand in the totals, or ``stop`` says that they never will.

        Raises:
            Transient: they do not within fifteen minutes.
        """
        started = time.perf_counter()
        while await self.counted() < goal:
            if stop() or time.perf_counter() - started > PATIENCE_S:
                raise Transient(f"{goal - await self.counted()} files were not counted")
            await asyncio.sleep(POLL_S)

    async def ingest(self, folder: Path, expected: int, mode: str = "index") -> Imported:
        """Run `nightbus ingest`, and wait until ``expected`` more files stand in committed totals.

        Raises:
            Transient: they do not within fifteen minutes.
        """
        goal = await self.counted() + expected
        started = time.perf_counter()
        command = asyncio.create_task(self._command("ingest", str(folder), "--mode", mode, "--json"))
        await self.until_counted(goal, lambda: command.done() and command.exception() is not None)
        committed_s = time.perf_counter() - started
        output = await command
        command_s = time.perf_counter() - started
        report = json.loads(output)
        return Imported(report | {"import_s": await self.admin.fetchval(_IMPORT_S)}, command_s, committed_s)

    def processes(self) -> dict[str, psutil.Process]:
        """The main process of every service, of Postgres and of NATS; the others are their children."""
        pids = {name: self.stack.services[name].pid for name in NAMES}
        pids |= {"postgres": self.stack.postgres.pid, "nats-server": self.stack.nats.pid}
        return {name: psutil.Process(pid) for name, pid in pids.items()}

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds used so far by each service and server, their children included."""
        return {
            name: sum(_cpu_s(one) for one in (process, *process.children(recursive=True)))
            for name, process in self.processes().items()
        }

    def memory_bytes(self) -> int:
        """Proportional set size of all of them together."""
        processes = self.processes().values()
        return sum(
            one.memory_full_info().pss for process in processes for one in (process, *process.children(recursive=True))
        )

    async def _command(self, *arguments: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli.main", *arguments, "--home", str(self.home.path),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        if process.returncode:
            raise Transient(f"nightbus {arguments[0]} ended with {process.returncode}: {errors.decode()[-500:]}")
        return output


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


@contextlib.asynccontextmanager
async def running(environment: Mapping[str, str] | None = None) -> AsyncIterator[World]:
    """A stack in a temporary home on disk, with settings under which a file at rest counts as settled at once."""
    configure_logging(LogSettings(level="error"), "bench")
    with folder() as place, Home.open(place / "home") as home:
        log = ReadableLog(home.log / LOG_FILE, terminal=False)
        library = {"NIGHTBUS_LIBRARY__PATH": str(home.path / "library"), "NIGHTBUS_LOG__LEVEL": "warning"}
        settings = _SETTLED_AT_ONCE | library | dict(environment or {})
        stack = Stack(home, extra_environment=settings, log_line=log.line)
        stack.nats = EmbeddedNats(home, users=(*USERS, EVERYTHING))
        started = time.perf_counter()
        try:
            await stack.start()
            ready_s = time.perf_counter() - started
            admin = await asyncpg.connect(stack.postgres.admin_dsn.rpartition("/")[0] + f"/{DATABASE}")
            try:
                yield World(stack, home, admin, ready_s)
            finally:
                await admin.close()
        finally:
            await stack.stop()


@dataclass(frozen=True, slots=True)
class Servers:
    """NATS and a migrated Postgres without services, and a client of the former."""

    client: Client
    nats: NatsSettings
    postgres: PostgresSettings
    home: Path


@contextlib.contextmanager
def servers(runner: asyncio.Runner) -> Iterator[Servers]:
    """Both servers in a temporary home, as `nightbus up` runs them: every write is synced."""
    configure_logging(LogSettings(level="error"), "bench")
    with folder() as place, Home.open(place / "home") as home:
        stack = Stack(home)
        stack.nats = EmbeddedNats(home, users=(*USERS, EVERYTHING))

        async def start() -> Servers:
            await asyncio.gather(stack.postgres.start(), stack.nats.start())
            admin = await asyncpg.connect(stack.postgres.admin_dsn)
            await admin.execute(f"CREATE DATABASE {DATABASE}")
            await admin.close()
            client = await connect(stack.nats_settings(), EVERYTHING.name)
            await migrate(stack.postgres_settings(), SCHEMAS)
            await provision(client.jetstream(), stack.nats_settings(), SERVICES)
            return Servers(client, stack.nats_settings(), stack.postgres_settings(), home.path)

        async def stop(started: Servers | None) -> None:
            if started is not None:
                await started.client.close()
            await asyncio.gather(stack.nats.stop(), stack.postgres.stop())

        started = None
        try:
            started = runner.run(start())
            yield started
        finally:
            runner.run(stop(started))


@contextlib.contextmanager
def folder(*, in_memory: bool = False) -> Iterator[Path]:
    """A temporary folder that the servers' unprivileged account may pass through, on disk or in memory."""
    where = MEMORY if in_memory and MEMORY.is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="nightbus-bench-", dir=where))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
