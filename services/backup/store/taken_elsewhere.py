"""Files that could not be read here when they were archived: which are to be read again, and what came of it."""

from datetime import timedelta
from typing import NamedTuple

from shared.bus.transaction import Connection

_DUE = """
SELECT t.file_id, min(t.path), max(t.size_bytes) FROM backup.taken_elsewhere t JOIN ingest.known_file k USING (file_id)
WHERE (t.not_read_at < k.announced_at OR t.not_read_at < clock_timestamp() - $1::interval)
  AND NOT EXISTS (SELECT FROM ingest.absent_file b WHERE b.file_id = t.file_id AND b.state = 'offline')
GROUP BY t.file_id ORDER BY min(t.not_read_at) LIMIT $2
"""
_WHOLE = "UPDATE member SET not_read_at = NULL, not_read_reason = NULL WHERE file_id = $1 AND not_read_at IS NOT NULL"
_STILL = """
UPDATE member SET not_read_at = clock_timestamp(), not_read_reason = $2 WHERE file_id = $1 AND not_read_at IS NOT NULL
"""


class ToRead(NamedTuple):
    """A file that is to be read here again."""

    file_id: str
    path: str
    size_bytes: int


async def due(connection: Connection, again_after: timedelta, most: int) -> list[ToRead]:
    """The files of which ingest told something since, and those that were last read so long ago."""
    return [ToRead(*row) for row in await connection.fetch(_DUE, again_after, most)]


async def save(connection: Connection, file_id: str, reason: str | None) -> None:
    """Write what reading a file here again came to: why it is not whole, or None where it is, or lies here no more."""
    if reason is None:
        await connection.execute(_WHOLE, file_id)
    else:
        await connection.execute(_STILL, file_id, reason)
