"""A library that an earlier version counted has its sums of what was measured after the migration."""

import pytest

from services.descriptions import SCHEMAS
from shared.db.migrate import downgrade, migrate
from shared.db.pool import pool_of
from shared.settings import PostgresSettings
from tests.integration.stats.world import apply, check, light, snapshot


async def test_sums_are_made_of_the_frames_that_are_there(database: PostgresSettings) -> None:
    """After a way down and up again the sums are those that were kept by differences, and the check finds nothing."""
    frames = [
        light("a", fwhm_arcsec=2.3, fwhm_px=3.1, star_count=90, background_adu=-0.25),
        light("b", start_s=60, fwhm_arcsec=0.1, star_count=7),
        light("c", start_s=120, target=None, filter=None, fwhm_arcsec=1e9, star_count=3),
    ]
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        await apply(connection, frames)
        before = await snapshot(connection)
    await downgrade(database, SCHEMAS, "stats@stats_0015")
    await migrate(database, SCHEMAS)
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        assert await snapshot(connection) == before
        assert await check(connection) == []


async def test_a_check_follows_the_migration(database: PostgresSettings) -> None:
    """What stats of an earlier version still counts, without sums, is mended soon, and not the next day."""
    await downgrade(database, SCHEMAS, "stats@stats_0016")
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        await apply(connection, [light("a", fwhm_px=3.1, star_count=90)])
    await migrate(database, SCHEMAS)
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        (row,) = await connection.fetch(
            "SELECT task, state, asked, dry_run, extract(epoch FROM next_try_at - created_at)::float8 FROM upkeep"
        )
        assert tuple(row)[:4] == ("check", "waiting", False, False)
        assert row[4] == pytest.approx(900, abs=1)


async def test_an_empty_database_is_not_checked(database: PostgresSettings) -> None:
    """A new database has nothing that an earlier version could have counted."""
    async with pool_of(database, "stats") as pool, pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM upkeep") == 0
