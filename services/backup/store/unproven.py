"""Archives at a destination that lost its marker: what lies there may be gone, so that they count as archived no more.

They stay known. A verification that was asked for since proves each of them again, or finds it gone.
"""

from shared.bus.transaction import Connection

_DOUBT = """
UPDATE archive SET phase = 'unproven', unproven_at = clock_timestamp()
WHERE destination = $1 AND phase = 'verified' RETURNING archive_id
"""
_COUNTS = "SELECT destination, count(*) AS archives FROM archive WHERE phase = 'unproven' GROUP BY destination"
_DUE = """
SELECT EXISTS (
    SELECT FROM archive a JOIN destination d ON d.name = a.destination
    WHERE a.destination = $1 AND a.phase = 'unproven' AND d.state = 'ready' AND NOT EXISTS (
        SELECT FROM check_job c WHERE c.kind = 'verify' AND c.destination = a.destination AND c.sample = 1
          AND cardinality(c.session_ids) = 0 AND c.created_at > a.unproven_at))
"""


async def doubt(connection: Connection, destination: str) -> int:
    """Count the verified archives of a destination as unproven; how many that are."""
    return len(await connection.fetch(_DOUBT, destination))


async def counts(connection: Connection) -> dict[str, int]:
    """How many archives are unproven, of each destination that has any."""
    return {row["destination"]: row["archives"] for row in await connection.fetch(_COUNTS)}


async def is_due(connection: Connection, destination: str) -> bool:
    """Whether the marker is there again, and no verification of all archives was asked for since it lacked."""
    return bool(await connection.fetchval(_DUE, destination))
