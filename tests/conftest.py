"""Fixtures for all tests: the real stack, a database and a NATS per test, the corpus."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.bus.broker import connect
from shared.settings import PostgresSettings, Settings
from tests.stack import NatsServer, PostgresServer, embedded_nats, fresh_database, open_folder, postgres_server

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One Postgres for the run."""
    with asyncio.Runner() as runner, open_folder() as folder, postgres_server(folder, runner) as server:
        yield server


@pytest.fixture
async def database(postgres: PostgresServer) -> PostgresSettings:
    """A migrated, empty database."""
    return await fresh_database(postgres)


@pytest.fixture
async def nats_server() -> AsyncIterator[NatsServer]:
    """An empty NATS with JetStream."""
    if os.environ.get("NIGHTBUS_TEST_STACK") == "containers":
        async for server in _container_nats():
            yield server
        return
    with open_folder() as folder:
        server = await embedded_nats(folder)
        assert server.embedded is not None
        assert server.home is not None
        yield server
        await server.embedded.stop()
        server.home.close()


async def _container_nats() -> AsyncIterator[NatsServer]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    from shared.settings import NatsSettings

    container = DockerContainer("nats:2").with_command("-js").with_exposed_ports(4222)
    with container.waiting_for(LogMessageWaitStrategy("Server is ready")):
        host, port = container.get_container_host_ip(), container.get_exposed_port(4222)
        yield NatsServer(NatsSettings(url=f"nats://{host}:{port}", max_bytes=64 * 1024**2))


@pytest.fixture
def settings(database: PostgresSettings, nats_server: NatsServer) -> Settings:
    """Settings of a service that runs on this test's database and NATS."""
    return Settings(postgres=database, nats=nats_server.settings)


@pytest.fixture
async def nats_client(nats_server: NatsServer) -> AsyncIterator[object]:
    """A plain client of this test's NATS."""
    client = await connect(nats_server.settings, "test")
    yield client
    await client.close()


@pytest.fixture
def corpus() -> Path:
    """The folder of real captures; tests that need it are skipped where it is absent."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real captures is not here")
    return CORPUS
