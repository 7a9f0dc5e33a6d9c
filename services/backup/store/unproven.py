"""Archives at a destination that lost its marker: what lies there may be gone, so that they count as archived no more.

They stay known, as do dumps of the database (``store.dumps``), which count as good no more. A verification that was
asked for since proves each of them again, or finds it gone.
"""

from shared.bus.transaction import Connection

_DOUBT = """
UPDATE archive SET phase = 'unproven', unproven_at = clock_timestamp()
WHERE destination = $1 AND phase = 'verified' RETURNING archive_id
"""
_COUNTS = "SELECT destination, count(*) AS archives FROM archive WHERE phase = 'unproven' GROUP BY destination"
_DUE = """
SELECT EXISTS (
    SELECT FROM destination d CROSS JOIN LATERAL (
        SELECT a.unproven_at FROM archive a WHERE a.destination = d.name AND a.phase = 'unproven'
        UNION ALL
        SELECT u.unproven_at FROM dump u
        WHERE u.destination = d.name AND u.unproven_at IS NOT NULL AND u.gone_at IS NULL) one
    WHERE d.name = $1 AND d.state = 'ready' AND NOT EXISTS (
        SELECT FROM check_job c WHERE c.kind = 'verify' AND c.destination = d.name AND c.sample = 1
          AND cardinality(c.session_ids) = 0 AND c.created_at > one.unproven_at))
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
