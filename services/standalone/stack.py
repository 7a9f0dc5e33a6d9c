"""The whole stack under one home: servers, schema, streams, and the enabled services in supervised processes.

``services`` holds the processes by name: most are one service's, and quiet services share one.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import asyncpg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from services.descriptions import SCHEMAS, SERVICES
from services.standalone.home import LOOPBACK, Home
from services.standalone.keeper import keep
from services.standalone.logfile import LogFile
from services.standalone.logins import follow
from services.standalone.nats import EmbeddedNats
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from services.standalone.process import ProcessFailed
from services.standalone.room import Room
from services.standalone.service import ManagedService
from shared.bus.broker import connect
from shared.bus.names import PROVISION
from shared.bus.provision import ANSWER_S, provision
from shared.bus.rights import users_of
from shared.db.migrate import migrate
from shared.db.roles import OTHERS
from shared.description import ServiceDescription, processes_of
from shared.errors import UserError
from shared.logging import get_logger
from shared.settings import NatsSettings, PostgresSettings
from shared.tasks import restarted
from shared.waits import Waits

log = get_logger(__name__)

DATABASE = "nightbus"
STREAM_SHARE = 0.7
"""Share of the server's file store that the event stream may fill."""
READY_TIMEOUT_S = 60.0
STOP_GRACE_S = 25.0


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
        services: Sequence[ServiceDescription] = SERVICES,
        before_migration: Callable[[PostgresSettings], Awaitable[None]] | None = None,
    ) -> None:
        """``extra_environment`` goes to the services; ``log_line`` gets (name, line) of everything they print.

        ``before_migration`` is awaited with the database as it was.

        ``stream_max_bytes`` is the largest size of the event stream; without it the disk decides.
        """
        self.home = home
        self._extra = dict(extra_environment or {})
        self._log_line = log_line
        self._stream_max_bytes = stream_max_bytes
        self._enabled = services
        self._before_migration = before_migration
        self.postgres = EmbeddedPostgres(home, settings=postgres_settings)
        self.nats = EmbeddedNats(home, users=users_of(services))
        self.services: dict[str, ManagedService] = {}
        self._provisioning = asyncio.Lock()
        self.room = Room(home.path, Waits("up"))

    async def start(self) -> list[str]:
        """Start everything; returns when every service is ready, or as ready as it gets for now.

        On a full disk it waits until there is room.

        Returns:
            A sentence for each service that runs and is not ready yet.

        Raises:
            NightbusError: something did not come up and will not by itself; the sentence says what.
        """
        await self._bring_up_servers()
        self._make_services()
        reasons = await asyncio.gather(*(service.start_ready(READY_TIMEOUT_S) for service in self.services.values()))
        return [reason for reason in reasons if reason is not None]

    async def supervise(self) -> None:
        """Start again whatever ends, and whatever does not answer, with growing pauses; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.room.watch())
            tasks.create_task(keep("postgres", self.postgres, self.room))
            tasks.create_task(keep("nats", self.nats, self.room))
            logins = restarted(lambda: follow(self.home.secrets, self.nats), name="who may log in to nats")
            tasks.create_task(logins)
            for name, service in self.services.items():
                tasks.create_task(keep(name, service, self.room))

    async def stop(self) -> None:
        """Stop services, then servers; nothing is left running."""
        await asyncio.gather(*(process.stop((15, STOP_GRACE_S)) for process in self.services.values()))
        await asyncio.gather(self.nats.stop(), self.postgres.stop())

    def nats_settings(self) -> NatsSettings:
        """How to reach this home's NATS."""
        return NatsSettings(
            url=f"nats://{LOOPBACK}:{self.nats.port}",
            secrets_dir=self.home.secrets,
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
        make_role_passwords(self.home)
        return PostgresSettings(
            host=LOOPBACK,
            port=self.postgres.port,
            database=DATABASE,
            admin_role=SUPERUSER,
            secrets_dir=self.home.secrets,
        )

    def environment(self, process: str) -> dict[str, str]:
        """The environment that a process of services is started with."""
        nats, postgres = self.nats_settings(), self.postgres_settings()
        ours = {
            "NIGHTBUS_NATS__URL": nats.url,
            "NIGHTBUS_NATS__SECRETS_DIR": str(nats.secrets_dir),
            "NIGHTBUS_NATS__MAX_BYTES": str(nats.max_bytes),
            "NIGHTBUS_POSTGRES__HOST": postgres.host,
            "NIGHTBUS_POSTGRES__PORT": str(postgres.port),
            "NIGHTBUS_POSTGRES__DATABASE": postgres.database,
            "NIGHTBUS_POSTGRES__ADMIN_ROLE": postgres.admin_role,
            "NIGHTBUS_POSTGRES__SECRETS_DIR": str(postgres.secrets_dir),
            "NIGHTBUS_HEALTH__HOST": LOOPBACK,
            "NIGHTBUS_HEALTH__PORT": str(self.home.ports()[f"health_{process}"]),
            "NIGHTBUS_API__DEAD_LETTER_DIR": str(self.home.path / "dead-letters"),
            "NIGHTBUS_LOG__FORMAT": "console",
        }
        return {**os.environ, **ours, **self._extra}

    def _make_services(self) -> None:
        for name, services in processes_of(self._enabled).items():
            self.home.port(f"health_{name}")
            argv = [sys.executable, "-m", "services.cli.main", "run", *services]
            output = _sink(name, self._log_line) if self._log_line else LogFile(self.home.log / f"{name}.log")
            # The library is the user's, who may share it: its files follow the umask of who started us.
            service = ManagedService(name, argv, output, env=self.environment(name), cwd=Path.cwd(), private=False)
            service.health_url = f"http://{LOOPBACK}:{self.home.ports()[f'health_{name}']}"
            service.before_start = self._provision
            self.services[name] = service

    async def _bring_up_servers(self) -> None:
        """Start the servers and make what they are to hold. Whatever fails on a full disk is done again with room."""
        while True:
            try:
                await self._start_servers()
                await create_database(self.postgres_settings())
                if self._before_migration is not None:
                    await self._before_migration(self.postgres_settings())
                await asyncio.gather(migrate(self.postgres_settings(), SCHEMAS), self._provision())
            except Exception as error:
                if not self.room.look():
                    raise
                log.debug("the servers wait for room", reason=str(error))
            else:
                return
            await self.room.until_some()
            await self.nats.stop()  # it refuses to write after it once could not

    async def _start_servers(self) -> None:
        starts = [server.start() for server in (self.postgres, self.nats) if not server.running]
        failures = [found for found in await asyncio.gather(*starts, return_exceptions=True) if found is not None]
        if failures:
            raise failures[0]

    async def _provision(self) -> None:
        """Make the streams; again before each start of a service, since NATS may have lost them."""
        try:
            async with self._provisioning:
                client = await connect(self.nats_settings(), PROVISION, patient=False)
                try:
                    await provision(client.jetstream(timeout=ANSWER_S), self.nats_settings(), self._enabled)
                finally:
                    await client.close()
        except (NatsError, JetStreamError, TimeoutError, OSError) as error:
            reason = getattr(error, "description", None) or str(error) or type(error).__name__
            raise ProcessFailed(f"the streams of NATS could not be made: {reason}") from error


async def create_database(settings: PostgresSettings, *, anew: bool = False) -> None:
    """Make the database of a home, where it is not there yet; ``anew``: in place of one that is."""
    connection = await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        database="postgres",
        user=settings.admin_role,
        password=settings.password_of(settings.admin_role),
    )
    try:
        if anew:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
        # Every server has these two; in them nobody but the superuser has anything to do.
        await connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    finally:
        await connection.close()


def _sink(name: str, log_line: Callable[[str, str], None]) -> Callable[[str], None]:
    return lambda line: log_line(name, line)


def make_role_passwords(home: Home) -> None:
    """Make the passwords of the database's roles; a home of before a role was added has none for it."""
    for role in (*SCHEMAS, *OTHERS):
        home.secret(role)
