"""Dismissing quarantined files: a person's word on what needs nothing more."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.stats.commands import dismiss_files
from shared.events.commands import DismissFiles
from shared.settings import PostgresSettings
from tests.integration.stats.world import apply, arrived, file_id, light, quarantined


@pytest.fixture
async def pool(database: PostgresSettings) -> AsyncIterator[asyncpg.Pool]:
    """Connections of the stats role."""
    async with asyncpg.create_pool(
        host=database.host, port=database.port, database=database.database, user="stats",
        password=database.password_of("stats"), min_size=1, max_size=2,
    ) as connections:  # fmt: skip
        yield connections


async def counted(pool: asyncpg.Pool) -> dict[str, int]:
    """Counts that add up."""
    row = await pool.fetchrow("SELECT files, scanned, quarantined, dismissed, waiting FROM counts")
    assert row is not None
    assert row["files"] == row["scanned"] + row["quarantined"] + row["dismissed"] + row["waiting"]
    return dict(row)


async def test_a_dismissed_file_leaves_the_quarantine_and_the_counts_add_up(pool: asyncpg.Pool) -> None:
    """It is counted apart, stays so when it is read again in vain, comes back on undo, and is scanned like others."""
    async with pool.acquire() as connection:
        await apply(connection, [arrived("notes"), arrived("other")], [quarantined("notes"), quarantined("other")])
    assert (await counted(pool))["quarantined"] == 2
    dismiss = DismissFiles(file_ids=(file_id("notes"), file_id("unknown")), reason="my notes")
    assert (await dismiss_files(pool, dismiss)).files == 1
    assert (await dismiss_files(pool, dismiss)).files == 0  # the same request again
    counts = await counted(pool)
    assert (counts["quarantined"], counts["dismissed"]) == (1, 1)
    row = await pool.fetchrow("SELECT state, reason FROM files WHERE file_id = $1", file_id("notes"))
    assert row is not None
    assert row["state"] == "dismissed"
    assert row["reason"]
    async with pool.acquire() as connection:
        await apply(connection, [quarantined("notes", attempt=2)])
    assert (await counted(pool))["dismissed"] == 1
    undo = DismissFiles(file_ids=(file_id("notes"),), reason="wanted after all", undo=True)
    assert (await dismiss_files(pool, undo)).files == 1
    assert (await counted(pool))["quarantined"] == 2
    await dismiss_files(pool, DismissFiles(file_ids=(file_id("notes"),), reason="once more"))
    async with pool.acquire() as connection:
        await apply(connection, [light("notes", revision=3)])
    counts = await counted(pool)
    assert (counts["scanned"], counts["dismissed"]) == (1, 0)
