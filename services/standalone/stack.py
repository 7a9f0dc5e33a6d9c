"""The whole stack under one home: servers, schema, streams, and every service as a supervised process."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import asyncpg
import httpx

from services.standalone.home import LOOPBACK, Home
from services.standalone.nats import USER as NATS_USER
from services.standalone.nats import EmbeddedNats
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from services.standalone.process import LogFile, ManagedProcess
from shared.bus.broker import connect
from shared.bus.provision import provision
from shared.db.migrate import SCHEMAS, migrate
from shared.db.pool import READER
from shared.errors import NightbusError, UserError
from shared.logging import get_logger
from shared.settings import NatsSettings, PostgresSettings

log = get_logger(__name__)

SERVICES = ("ingest", "scanner", "stats", "api")
DATABASE = "nightbus"
STREAM_SHARE = 0.7
"""Share of the server's file store that the event stream may fill."""
READY_TIMEOUT_S = 60.0
STOP_GRACE_S = 25.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STABLE_AFTER_S = 60.0


class Child(Protocol):
    """Anything the supervisor keeps running."""

    async def start(self) -> None:
        """Start it; returns when it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end."""
        ...


class Stack:
    """Servers and services of one home. ``start``, then ``supervise`` until cancelled, then ``stop``."""

    def __init__(
        self,
        home: Home,
        *,
        extra_environment: Mapping[str, str] | None = None,
        log_line: Callable[[str, str], None] | None = None,
        postgres_settings: Mapping[str, str] | None = None,
        stream_max_bytes: int | None = None,
    ) -> None:
        """``extra_environment`` goes to the services; ``log_line`` gets (name, line) of everything they print.

        ``stream_max_bytes`` is the largest size of the event stream; without it the disk decides.
        """
        self.home = home
        self._extra = dict(extra_environment or {})
        self._log_line = log_line
        self._stream_max_bytes = stream_max_bytes
        self.postgres = EmbeddedPostgres(home, settings=postgres_settings)
        self.nats = EmbeddedNats(home)
        self.services: dict[str, ManagedProcess] = {}

    async def start(self) -> None:
        """Start everything; returns when every service says that it is ready.

        Raises:
            NightbusError: something did not come up; the sentence says what.
        """
        await asyncio.gather(self.postgres.start(), self.nats.start())
        await self._create_database()
        client = await connect(self.nats_settings(), "nightbus-up")
        try:
            await asyncio.gather(migrate(self.postgres_settings()), provision(client.jetstream(), self.nats_settings()))
        finally:
            await client.close()
        self._make_services()
        await asyncio.gather(*(self._start_ready(name) for name in SERVICES))

    async def supervise(self) -> None:
        """Start again whatever ends, with growing pauses; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep("postgres", self.postgres, self.postgres.start))
            tasks.create_task(_keep("nats", self.nats, self.nats.start))
            for name, process in self.services.items():
                tasks.create_task(_keep(name, process, process.start))

    async def stop(self) -> None:
        """Stop services, then servers; nothing is left running."""
        await asyncio.gather(*(process.stop((15, STOP_GRACE_S)) for process in self.services.values()))
        await asyncio.gather(self.nats.stop(), self.postgres.stop())

    def nats_settings(self) -> NatsSettings:
        """How to reach this home's NATS."""
        return NatsSettings(
            url=f"nats://{LOOPBACK}:{self.nats.port}",
            user=NATS_USER,
            password_file=self.home.secrets / "nats",
            max_bytes=self._stream_bytes(),
        )

    def _stream_bytes(self) -> int:
        most = int(self.nats.max_file_store_bytes() * STREAM_SHARE)
        if self._stream_max_bytes is not None and self._stream_max_bytes > most:
            raise UserError(
                f"setting nats.max_bytes is {self._stream_max_bytes}, but the disk of {self.home.path} leaves NATS "
                f"{most} bytes for the stream: lower it, or remove the key and the disk decides"
            )
        return self._stream_max_bytes or most

    def postgres_settings(self) -> PostgresSettings:
        """How to reach this home's Postgres."""
        for role in (*SCHEMAS, READER):
            self.home.secret(role)
        return PostgresSettings(
            host=LOOPBACK,
            port=self.postgres.port,
            database=DATABASE,
            admin_role=SUPERUSER,
            secrets_dir=self.home.secrets,
        )

    def environment(self, service: str) -> dict[str, str]:
        """The environment that a service process is started with."""
        nats, postgres = self.nats_settings(), self.postgres_settings()
        ours = {
            "NIGHTBUS_NATS__URL": nats.url,
            "NIGHTBUS_NATS__USER": str(nats.user),
            "NIGHTBUS_NATS__PASSWORD_FILE": str(nats.password_file),
            "NIGHTBUS_NATS__MAX_BYTES": str(nats.max_bytes),
            "NIGHTBUS_POSTGRES__HOST": postgres.host,
            "NIGHTBUS_POSTGRES__PORT": str(postgres.port),
            "NIGHTBUS_POSTGRES__DATABASE": postgres.database,
            "NIGHTBUS_POSTGRES__ADMIN_ROLE": postgres.admin_role,
            "NIGHTBUS_POSTGRES__SECRETS_DIR": str(postgres.secrets_dir),
            "NIGHTBUS_HEALTH__HOST": LOOPBACK,
            "NIGHTBUS_HEALTH__PORT": str(self.home.ports()[f"health_{service}"]),
            "NIGHTBUS_API__DEAD_LETTER_DIR": str(self.home.path / "dead-letters"),
            "NIGHTBUS_LOG__FORMAT": "console",
        }
        return {**os.environ, **ours, **self._extra}

    def _make_services(self) -> None:
        for name in SERVICES:
            self.home.port(f"health_{name}")
            argv = [sys.executable, "-m", "services.cli.main", "run", name]
            output = _sink(name, self._log_line) if self._log_line else LogFile(self.home.log / f"{name}.log")
            # The library is the user's, who may share it: its files follow the umask of who started us.
            self.services[name] = ManagedProcess(
                name, argv, output, env=self.environment(name), cwd=Path.cwd(), private=False
            )

    async def _start_ready(self, name: str) -> None:
        process = self.services[name]
        url = f"http://{LOOPBACK}:{self.home.ports()[f'health_{name}']}/readyz"

        async def is_ready() -> bool:
            async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
                with contextlib.suppress(httpx.HTTPError):
                    response = await client.get(url)
                    return bool(response.status_code == httpx.codes.OK)
            return False

        await process.start()
        await process.wait_ready(is_ready, READY_TIMEOUT_S)

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self.postgres.admin_dsn)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()


def _sink(name: str, log_line: Callable[[str, str], None]) -> Callable[[str], None]:
    return lambda line: log_line(name, line)


async def _keep(name: str, child: Child, start: Callable[[], Awaitable[None]]) -> None:
    """Wait for a child's end and start it again, for ever."""
    pause_s = FIRST_PAUSE_S
    while True:
        started = time.monotonic()
        code = await child.wait()
        if time.monotonic() - started > STABLE_AFTER_S:
            pause_s = FIRST_PAUSE_S
        log.warning("ended, will be started again", name=name, exit_code=code, pause_s=pause_s)
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                await start()
            except (NightbusError, OSError) as error:
                # A server whose start failed is stopped again, so there is nothing to wait for: it is tried anew.
                log.error("did not start, will be tried again", name=name, reason=str(error), pause_s=pause_s)
            else:
                break
