"""Announcements: ``file.arrived`` of files, under which revision, how often, and what has come of it."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from services.ingest.description import DESCRIPTION
from services.ingest.store.files import Arrival, New
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.events.file import FileArrived, Hints

_COLUMNS = """
f.file_id, f.size_bytes, f.source, f.source_zone, f.origin, f.replaces, f.hints, f.scan_revision, f.attempts,
f.location_revision, f.arrived_at, l.root, l.path, r.path AS root_path
"""
_PLACE = """
JOIN LATERAL (SELECT root, path FROM location WHERE file_id = f.file_id AND kind = 'library'
              ORDER BY missing_since IS NOT NULL, created_at, path LIMIT 1) l ON true
JOIN root r ON r.name = l.root
"""
"""The place that readers are told: the oldest at which the file is not known to be missing."""
_OF_FILES = f"SELECT {_COLUMNS} FROM file f {_PLACE} WHERE f.file_id = ANY($1::text[])"
_UNHANDLED = f"""
SELECT {_COLUMNS} FROM file f {_PLACE}
WHERE NOT f.settled AND f.announced_at < {{before}}
  AND NOT EXISTS (SELECT 1 FROM stats.handled h WHERE h.file_id = f.file_id AND h.scan_revision >= f.scan_revision)
ORDER BY f.announced_at LIMIT $2
"""
_LOST = _UNHANDLED.format(before="clock_timestamp() - $1 * 2.0 ^ least(f.attempts, 7) * interval '1 second'")
_FORGOTTEN = _UNHANDLED.format(before="$1")
_SETTLE = """
UPDATE file f SET settled = true
WHERE NOT f.settled AND f.announced_at < clock_timestamp() - $1 * interval '1 second'
  AND EXISTS (SELECT 1 FROM stats.handled h WHERE h.file_id = f.file_id AND h.scan_revision >= f.scan_revision)
"""
_UNSENT = "SELECT event_id FROM outbox WHERE event_id = ANY($1::uuid[])"
_ANNOUNCED = """
UPDATE file SET announced_at = clock_timestamp(), attempts = attempts + 1 WHERE file_id = ANY($1::text[])
"""


async def arrivals_of(connection: Connection, file_ids: Sequence[str]) -> list[FileArrived]:
    """The events of files as they are now, of those that have a place."""
    return [_event(row) for row in await connection.fetch(_OF_FILES, file_ids)]


def of_new(item: Arrival, source: str, zone: str | None, new: New) -> FileArrived:
    """The event of a new content of a source."""
    return FileArrived(
        file_id=item.file_id,
        root=item.root,
        path=item.path,
        root_path=item.root_path,
        size_bytes=item.size_bytes,
        source=source,
        source_zone=zone,
        origin=item.origin,
        arrived_at=new.arrived_at,
        replaces=item.replaces,
        hints=item.hints,
        scan_revision=new.scan_revision,
        location_revision=new.location_revision,
    )


async def settle(connection: Connection, age_s: float) -> None:
    """Look no more after files that were announced ``age_s`` ago and are scanned or quarantined."""
    await connection.execute(_SETTLE, age_s)


async def repeat_lost(connection: Connection, age_s: float, most: int) -> int:
    """Announce again what nobody has handled ``age_s`` after it was announced; returns how many files.

    The pause doubles with each time, since files whose root is away may wait for days and lose no event meanwhile.
    """
    return await _repeat(connection, await connection.fetch(_LOST, age_s, most))


async def repeat_before(connection: Connection, began_at: datetime, most: int) -> int:
    """Announce again what nobody has handled of what was announced before a time; returns how many files."""
    return await _repeat(connection, await connection.fetch(_FORGOTTEN, began_at, most))


async def _repeat(connection: Connection, rows: Sequence[asyncpg.Record]) -> int:
    events = [_event(row) for row in rows]
    # What still waits in the outbox is not lost: in a long outage it would be told again once for each look.
    unsent = {row[0] for row in await connection.fetch(_UNSENT, [event.event_id for event in events])}
    lost = [(row, event) for row, event in zip(rows, events, strict=True) if event.event_id not in unsent]
    for row, event in lost:
        await enqueue(connection, DESCRIPTION.name, [event], attempt=row["attempts"] + 1)
    await connection.execute(_ANNOUNCED, [row["file_id"] for row, _ in lost])
    return len(lost)


def _event(row: asyncpg.Record) -> FileArrived:
    return FileArrived(
        file_id=row["file_id"],
        root=row["root"],
        path=row["path"],
        root_path=row["root_path"],
        scan_revision=row["scan_revision"],
        location_revision=row["location_revision"],
        size_bytes=row["size_bytes"],
        source=row["source"],
        source_zone=row["source_zone"],
        origin=row["origin"],
        arrived_at=row["arrived_at"],
        replaces=row["replaces"],
        hints=Hints.model_validate_json(row["hints"]) if row["hints"] else Hints(),
    )
