"""Measures of what stands in the tables of stats, for whoever asks its metrics; what is kept answers, or an index."""

import asyncpg

from services.stats import metrics
from shared.db.pool import connected
from shared.metrics import replace

MOST_RIGS = 50
"""Rigs that are measured, those at work last first: headers may name any number."""

_FRAMES = "SELECT frame_type, sum(files)::bigint AS files FROM night_count GROUP BY frame_type"
_NEWEST = """
SELECT rig, observed_at, fwhm_arcsec, fwhm_px, star_count, coalesce(catalog_id, object_name, '') AS target,
       coalesce(filter, '') AS filter
FROM newest_frames ORDER BY observed_at DESC, rig LIMIT $1
"""


async def measure(pool: asyncpg.Pool) -> None:
    """Measure frames by type, and the newest one of each rig.

    Raises:
        Unavailable: the database is away.
    """
    async with connected(pool) as connection:
        frames = await connection.fetch(_FRAMES)
        newest = await connection.fetch(_NEWEST, MOST_RIGS)
    replace(metrics.FRAMES, {(row["frame_type"],): row["files"] for row in frames})
    for gauge, column in (
        (metrics.NEWEST_FWHM_ARCSECONDS, "fwhm_arcsec"),
        (metrics.NEWEST_FWHM_PIXELS, "fwhm_px"),
        (metrics.NEWEST_STARS, "star_count"),
    ):
        replace(gauge, {(row["rig"],): row[column] for row in newest if row[column] is not None})
    replace(metrics.NEWEST_TIMESTAMP, {(row["rig"],): row["observed_at"].timestamp() for row in newest})
    replace(metrics.NEWEST_INFO, {(row["rig"], row["target"], row["filter"]): 1 for row in newest})
