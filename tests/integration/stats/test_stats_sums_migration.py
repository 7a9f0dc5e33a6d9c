"""A library that an earlier version counted has its sums of what was measured after the migration."""

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
