"""An empty world of calibration and stats."""

from collections.abc import AsyncIterator

import pytest

from services.settings import AllSettings
from shared.settings import PostgresSettings
from tests.integration.calibration.world import World, opened


@pytest.fixture
async def one(database: PostgresSettings) -> AsyncIterator[World]:
    """An empty world with the rules of the defaults."""
    async with opened(database, AllSettings(postgres=database)) as made:
        yield made
