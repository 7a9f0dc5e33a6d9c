"""``file.arrived`` of files that are known: where each of them is now, under which revision."""

from collections.abc import Sequence

import asyncpg

from shared.bus.transaction import Connection
from shared.events.file import FileArrived, Hints

COLUMNS = """
f.file_id, f.size_bytes, f.source, f.source_zone, f.origin, f.replaces, f.hints, f.scan_revision, f.attempts,
f.arrived_at, l.root, l.path, r.path AS root_path
"""
PLACE = """
JOIN LATERAL (SELECT root, path FROM location WHERE file_id = f.file_id
              ORDER BY missing_since IS NOT NULL, created_at, path LIMIT 1) l ON true
JOIN root r ON r.name = l.root
"""
"""The place that readers are told: the oldest at which the file is not known to be missing."""
_RAISE = (
    "UPDATE file SET scan_revision = scan_revision + 1, settled = false, attempts = 0, announced_at = clock_timestamp()"
)


async def raise_revisions(connection: Connection, file_ids: Sequence[str] | None) -> list[str]:
    """Have files (None: all) be read anew: their revision grows. Returns those that are known."""
    if file_ids is None:
        rows = await connection.fetch(f"{_RAISE} RETURNING file_id")
    else:
        rows = await connection.fetch(f"{_RAISE} WHERE file_id = ANY($1::text[]) RETURNING file_id", file_ids)
    return [row["file_id"] for row in rows]


async def arrived(connection: Connection, file_ids: Sequence[str]) -> list[FileArrived]:
    """The events of these files as they are now, of those that have a place."""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM file f {PLACE} WHERE f.file_id = ANY($1::text[])", file_ids)
    return [event_of(row) for row in rows]


def event_of(row: asyncpg.Record) -> FileArrived:
    """The event of a row of ``COLUMNS``."""
    return FileArrived(
        file_id=row["file_id"],
        root=row["root"],
        path=row["path"],
        root_path=row["root_path"],
        scan_revision=row["scan_revision"],
        size_bytes=row["size_bytes"],
        source=row["source"],
        source_zone=row["source_zone"],
        origin=row["origin"],
        arrived_at=row["arrived_at"],
        replaces=row["replaces"],
        hints=Hints.model_validate_json(row["hints"]) if row["hints"] else Hints(),
    )
