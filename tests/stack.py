"""The real servers that tests run on: NATS and Postgres, embedded by default, in containers where asked for.

``NIGHTBUS_TEST_STACK=containers`` uses testcontainers, ``NIGHTBUS_TEST_STACK=postgresql-15`` the installed Postgres of
that version in place of the embedded one; the tests do not know which. One Postgres serves the whole run and each test
gets a database of its own, cloned from a migrated template; each test gets a NATS of its own (embedded), or an emptied
one (containers).
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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

from services.descriptions import SCHEMAS
from services.standalone.accounts import service_account
from services.standalone.home import Home
from services.standalone.nats import USERS, EmbeddedNats
from services.standalone.postgres import SUPERUSER, EmbeddedPostgres
from shared.bus.broker import connect
from shared.bus.rights import EVERYTHING
from shared.db.migrate import migrate
from shared.db.roles import OTHERS
from shared.settings import NatsSettings, PostgresSettings

TEMPLATE = "template_nightbus"
NAPPY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Tests that do not kill Postgres need no durable disk."""
POSTGRES_IMAGE, NATS_IMAGE = "postgres:18", "nats:2"
PLAIN_ADMIN = "postgres"
CONTAINER_INITDB = "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
"""As `nightbus up` makes its own: what a listing's order is does not depend on the image."""
SERVER_START_S = 60.0


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
        for role in (*SCHEMAS, *OTHERS):
            self.home.secret(role)
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
        with _installed_postgres(folder, INSTALLED_POSTGRES / version / "bin") as server:
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
def _installed_postgres(folder: Path, programs: Path) -> Iterator[PostgresServer]:
    passwords = _passwords(folder)
    data = folder / "data"
    data.mkdir()
    account = service_account()
    user, group = (account.uid, account.gid) if account else (None, None)
    groups: list[int] | None = [] if account else None
    password = folder / "initdb-password"
    password.write_text((passwords / PLAIN_ADMIN).read_text())
    if account is not None:
        for path in (data, password):
            shutil.chown(path, account.uid, account.gid)
    words = f"-D {data} -U {PLAIN_ADMIN} --pwfile={password} -A scram-sha-256 -E UTF8 --locale=C.UTF-8 -N"
    initdb = [str(programs / "initdb"), *words.split()]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", user=user, group=group, extra_groups=groups)
    port = free_port()
    options = {**NAPPY_SETTINGS, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [word for item in options.items() for word in ("-c", "=".join(item))]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd="/", user=user, group=group, extra_groups=groups
        )
    try:
        wait_for_port(port, process)
        yield PlainServer("127.0.0.1", port, passwords)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _passwords(folder: Path) -> Path:
    """A folder with a new password for every role."""
    passwords = folder / "secrets"
    passwords.mkdir(mode=0o700)
    for role in (PLAIN_ADMIN, *SCHEMAS, *OTHERS):
        (passwords / role).write_text(secrets.token_urlsafe(16))
    return passwords


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    connection = await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        database=database,
        user=settings.admin_role,
        password=settings.password_of(settings.admin_role),
    )
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fresh_database(server: PostgresServer) -> PostgresSettings:
    """A migrated, empty database of its own."""
    name = f"test_{secrets.token_hex(6)}"
    paths = "; ".join(f"ALTER ROLE {schema} IN DATABASE {name} SET search_path = {schema}" for schema in SCHEMAS)
    # Copied as files: quicker than through the write-ahead log, where nothing waits for the disk.
    await admin_execute(server, [f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", paths])
    return server.settings(name)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that the servers' unprivileged account can enter (pytest's own are closed to it)."""
    with tempfile.TemporaryDirectory(prefix="nightbus-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@dataclass
class NatsServer:
    """A running NATS that a test may stop, kill and start again (embedded only)."""

    settings: NatsSettings
    embedded: EmbeddedNats | None = None
    home: Home | None = None


async def embedded_nats(folder: Path) -> NatsServer:
    """A NATS of its own for one test."""
    home = Home.open(folder / "nats-home")
    server = EmbeddedNats(home, users=(*USERS, EVERYTHING))
    await server.start()
    settings = NatsSettings(
        url=f"nats://127.0.0.1:{server.port}",
        user=EVERYTHING.name,
        password_file=home.secrets / f"nats-{EVERYTHING.name}",
        max_bytes=64 * 1024**2,
    )
    return NatsServer(settings, server, home)


@contextmanager
def container_nats() -> Iterator[NatsServer]:
    """A NATS with JetStream in a container, for the whole test run; ``empty_nats`` makes it new for each test."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    container = DockerContainer(NATS_IMAGE).with_command(["-js"]).with_exposed_ports(4222)
    ready = LogMessageWaitStrategy("Server is ready").with_startup_timeout(int(SERVER_START_S))
    with container.waiting_for(ready):
        host, port = container.get_container_host_ip(), container.get_exposed_port(4222)
        yield NatsServer(NatsSettings(url=f"nats://{host}:{port}", unencrypted=True, max_bytes=64 * 1024**2))


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
