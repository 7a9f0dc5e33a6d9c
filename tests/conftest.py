"""Fixtures for all tests: the real stack, a database and a NATS per test, the corpus."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
import structlog

import shared.logging
from services.descriptions import SERVICES
from services.settings import AllSettings
from shared.bus.broker import connect
from shared.bus.provision import provision
from shared.runtime import collect_garbage_seldom
from shared.settings import PostgresSettings, Settings
from tests.stack import (
    NatsServer,
    PostgresServer,
    empty_nats,
    fresh_database,
    in_containers,
    nats_server_of_the_run,
    open_folder,
    postgres_server,
)

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("exploring", derandomize=False, deadline=None)
hypothesis.settings.load_profile("repeatable")
"""The same examples in every run, so that a run says something about the change; `make fuzz` draws others. No example
has a deadline: a machine that is busy is no fault."""

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"


def pytest_collection_finish() -> None:
    """Look for reference cycles as seldom as our services do: it is a tenth of the time of tests."""
    collect_garbage_seldom()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that ran in this process leaves its log, which may be closed by now, to no other test."""
    before = structlog.get_config(), logging.root.handlers[:], logging.root.level
    messages = replace(shared.logging._messages)
    yield
    shared.logging._messages.file, shared.logging._messages.console = messages.file, messages.console
    structlog.configure(**before[0])
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = before[1]
    logging.root.setLevel(before[2])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One Postgres for the run."""
    with asyncio.Runner() as runner, open_folder(in_memory=True) as folder, postgres_server(folder, runner) as server:
        yield server


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[PostgresSettings]:
    """A migrated, empty database."""
    async with fresh_database(postgres) as settings:
        yield settings


@pytest.fixture(scope="session")
def nats_of_the_run() -> Iterator[NatsServer]:
    """One NATS for the run."""
    with nats_server_of_the_run() as server:
        yield server


@pytest.fixture
async def nats_server(nats_of_the_run: NatsServer) -> NatsServer:
    """An empty NATS with JetStream."""
    await empty_nats(nats_of_the_run)
    return nats_of_the_run


@pytest.fixture
def embedded_stack() -> None:
    """For tests that stop or kill a server: it must be this machine's own process."""
    if in_containers():
        pytest.skip("stops or kills a server, which this run has in a container")


@pytest.fixture
async def settings(database: PostgresSettings, nats_server: NatsServer) -> Settings:
    """Settings of a service that runs on this test's database and NATS, which has its streams."""
    client = await connect(nats_server.settings, "provision")
    await provision(client.jetstream(), nats_server.settings, SERVICES)
    await client.close()
    return AllSettings(postgres=database, nats=nats_server.settings)


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
