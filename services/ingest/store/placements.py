"""Placements: files that services made, at the place that they got in the library."""

from services.ingest.description import DESCRIPTION
from services.ingest.store import announcements, files, locations
from services.ingest.store.files import Arrival
from services.ingest.store.locations import Located, storable_ns
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection

_DERIVED = """
INSERT INTO location AS l (root, path, file_id, mtime_ns, kind, size_bytes, made_by, links_to)
VALUES ($1, $2, $3, $4, 'derived', $5, $6, $7)
ON CONFLICT (root, path) DO UPDATE SET file_id = excluded.file_id, mtime_ns = excluded.mtime_ns,
    size_bytes = excluded.size_bytes, made_by = excluded.made_by, links_to = excluded.links_to,
    missing_since = NULL, removed_reason = NULL,
    revision = l.revision + (l.file_id <> excluded.file_id)::int
WHERE l.kind = 'derived'
RETURNING true
"""


async def add_derived(connection: Connection, made: Arrival, made_by: str, links_to: str | None = None) -> bool:
    """Write where a derived file lies, and what it says where it is a symbolic link.

    False where that place is known as an original's.
    """
    values = (made.root, made.path, made.file_id, storable_ns(made.mtime_ns), made.size_bytes, made_by, links_to)
    return bool(await connection.fetchval(_DERIVED, *values))


async def add_original(connection: Connection, made: Arrival, made_by: str) -> None:
    """Write where a file lies that counts like any other, and announce it where it is new."""
    new = await files.add(connection, made_by, None, [made])
    await locations.save(connection, [Located(made.root, made.path, made.file_id, made.mtime_ns)])
    events = [announcements.of_new(made, made_by, None, one) for one in new.values()]
    await enqueue(connection, DESCRIPTION.name, events)
