"""Jobs of every kind that wait: to be tried now, where what they waited for is over."""

from shared.bus.transaction import Connection

_WAKE = """
UPDATE {table} SET next_try_at = clock_timestamp()
WHERE state = 'waiting' AND next_try_at > clock_timestamp()
  AND ($1::text IS NULL OR destination IS NULL OR destination = $1)
"""
_TABLES = ("archive", "dump", "check_job", "removal")


async def wake(connection: Connection, destination: str | None = None) -> None:
    """Have all that waits be tried now, or what waits for a destination or may take any."""
    for table in _TABLES:
        await connection.execute(_WAKE.format(table=table), destination)
