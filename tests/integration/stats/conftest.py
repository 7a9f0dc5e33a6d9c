"""A connection as the role of the service."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.db.pool import pool_of
from shared.settings import PostgresSettings


@pytest.fixture
async def connection(database: PostgresSettings) -> AsyncIterator[Any]:
    """A connection to an empty, migrated database as role ``stats``."""
    async with pool_of(database, "stats") as pool, pool.acquire() as one:
        yield one
