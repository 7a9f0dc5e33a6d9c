"""What stats measures of its tables: frames by type, and the newest one of each rig."""

import asyncpg

from shared.bus.transaction import Connection

_FRAMES = "SELECT frame_type, sum(files)::bigint AS files FROM night_count GROUP BY frame_type"
_NEWEST = """
SELECT rig, observed_at, fwhm_arcsec, fwhm_px, star_count, coalesce(catalog_id, object_name, '') AS target,
       coalesce(filter, '') AS filter
FROM newest_frames ORDER BY observed_at DESC, rig LIMIT $1
"""


async def frames(connection: Connection) -> list[asyncpg.Record]:
    """How many files of each ``frame_type`` were scanned: ``files``."""
    return list(await connection.fetch(_FRAMES))


async def newest(connection: Connection, most_rigs: int) -> list[asyncpg.Record]:
    """The newest frame of each rig, of those at work last."""
    return list(await connection.fetch(_NEWEST, most_rigs))
