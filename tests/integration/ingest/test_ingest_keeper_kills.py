"""The keeper killed at every step of everything that it does."""

from pathlib import Path

import pytest

from shared.settings import PostgresSettings
from tests.integration.ingest.keeperworld import DEEDS, kept_library, killed_at_every_step


@pytest.mark.parametrize("deed", DEEDS)
async def test_killed_at_every_step(database: PostgresSettings, tmp_path: Path, deed: str) -> None:
    """Killed -9 before any step, nothing is lost, and whoever comes next does it once: wholly, or not at all."""
    async with kept_library(database, tmp_path) as kept:
        assert await killed_at_every_step(kept, DEEDS[deed]) >= 8
