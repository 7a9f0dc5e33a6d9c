"""A connection as the role of the service, its pool, and an invented library."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.db.pool import pool_of
from shared.settings import PostgresSettings
from tests.integration.stats.library import Library, events_of
from tests.integration.stats.spoiling import KNOWN
from tests.integration.stats.world import apply


@pytest.fixture
async def connection(database: PostgresSettings) -> AsyncIterator[Any]:
    """A connection to an empty, migrated database as role ``stats``."""
    async with pool_of(database, "stats") as pool, pool.acquire() as one:
        yield one


@pytest.fixture
async def pool(database: PostgresSettings) -> AsyncIterator[Any]:
    """The service's pool."""
    async with pool_of(database, "stats") as opened:
        yield opened


@pytest.fixture
async def library(database: PostgresSettings, pool: Any) -> AsyncIterator[Library]:
    """A library with every kind of file, all counted and told."""
    async with pool_of(database, "ingest") as ingest:
        await ingest.execute("INSERT INTO root (name, path, kind) VALUES ('library', '/library', 'library')")
        one = Library(ingest, pool)
        await one.bring(*KNOWN)
        async with pool.acquire() as connection:
            for name in KNOWN:
                await apply(connection, *events_of(name, 1))
        await one.time_passes()
        yield one
