"""Tombstones: contents that a person asked to forget."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.ingest.description import DESCRIPTION
from services.ingest.store.roots import LIBRARY
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.events.base import utc_now
from shared.events.file import FileRemoved

AT_ONCE = 1000
"""Events that are held in memory and written together."""

_LOCK = "SELECT FROM file WHERE file_id = ANY($1::text[]) ORDER BY file_id FOR UPDATE"
"""What writes of these contents (``files.hold``) is waited for, and all that follows sees what it wrote."""
_FORGOTTEN = "SELECT file_id FROM tombstone WHERE file_id = ANY($1::text[])"
_DESCRIBE = """
SELECT f.file_id, f.scan_revision, f.location_revision + 1 AS location_revision,
       coalesce(l.root, f.source) AS root, coalesce(l.path, f.origin) AS path
FROM file f
LEFT JOIN LATERAL (SELECT root, path FROM location WHERE file_id = f.file_id AND kind = 'library'
                   ORDER BY missing_since IS NOT NULL, created_at, path LIMIT 1) l ON true
WHERE f.file_id = ANY($1::text[]) ORDER BY f.file_id
"""
_BURY = """
INSERT INTO tombstone (file_id, scan_revision, location_revision, root, path, reason, forgotten_at, told_at)
SELECT file_id, scan_revision, location_revision, root, path, $6, $7, clock_timestamp()
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[], $5::text[])
    AS t(file_id, scan_revision, location_revision, root, path)
ON CONFLICT (file_id) DO UPDATE SET scan_revision = excluded.scan_revision,
    location_revision = excluded.location_revision, root = excluded.root, path = excluded.path,
    reason = excluded.reason, forgotten_at = excluded.forgotten_at, told_at = excluded.told_at
"""
_TELL_AGAIN = """
UPDATE tombstone t SET told_at = clock_timestamp() FROM (
    SELECT file_id FROM tombstone WHERE told_at < $1 AND told_at >= $1 - $2::interval
    ORDER BY told_at, file_id LIMIT $3 FOR UPDATE SKIP LOCKED) lost
WHERE t.file_id = lost.file_id
RETURNING t.file_id, t.scan_revision, t.location_revision, t.root, t.path, t.reason, t.forgotten_at
"""
_ERASE_LATER = """
INSERT INTO keeper_step (job_id, number, file_id, size_bytes, root, path)
SELECT $1, row_number() OVER (ORDER BY l.path) - 1, l.file_id, f.size_bytes, l.root, l.path
FROM location l JOIN file f USING (file_id)
WHERE l.file_id = ANY($2::text[]) AND l.root = $3 AND l.kind = 'library' AND l.missing_since IS NULL
"""
_STAY = """
SELECT count(*) FROM location WHERE file_id = ANY($1::text[]) AND kind = 'library' AND missing_since IS NULL
  AND (root <> $2 OR NOT $3)
"""
_FORGET = (
    "DELETE FROM deletion WHERE file_id = ANY($1::text[])",
    "DELETE FROM location WHERE file_id = ANY($1::text[]) AND kind = 'library'",
    "DELETE FROM displaced WHERE file_id = ANY($1::text[])",
    "UPDATE source_file SET state = 'forgotten', reason = NULL WHERE file_id = ANY($1::text[]) AND state <> 'failed'",
    "DELETE FROM file WHERE file_id = ANY($1::text[])",
)


async def forgotten(connection: Connection, file_ids: Iterable[str]) -> set[str]:
    """Those of some contents that were forgotten."""
    return {row["file_id"] for row in await connection.fetch(_FORGOTTEN, list(file_ids))}


async def forget(
    connection: Connection, job_id: UUID, file_ids: Sequence[str], reason: str, *, delete_files: bool
) -> tuple[int, int]:
    """Forget contents: their rows go, tombstones stay, file.removed tells of it. In a transaction.

    What is to be erased of them becomes steps of the job.

    Returns:
        How many contents were known, and how many of their files stay where they are.
    """
    await connection.execute(_LOCK, file_ids)
    forgotten_at = utc_now()
    rows = await connection.fetch(_DESCRIBE, file_ids)
    for start in range(0, len(rows), AT_ONCE):
        events = [_event(row, reason, forgotten_at) for row in rows[start : start + AT_ONCE]]
        await enqueue(connection, DESCRIPTION.name, events)
    columns = ("file_id", "scan_revision", "location_revision", "root", "path")
    await connection.execute(_BURY, *([row[name] for row in rows] for name in columns), reason, forgotten_at)
    stay: int = await connection.fetchval(_STAY, file_ids, LIBRARY, delete_files)
    if delete_files:
        await connection.execute(_ERASE_LATER, job_id, file_ids, LIBRARY)
    for statement in _FORGET:
        await connection.execute(statement, file_ids)
    return len(rows), stay


async def tell_again(connection: Connection, before: datetime, kept: timedelta, most: int) -> int:
    """Write the very file.removed again that were told within ``kept`` before a time, in the caller's transaction.

    Returns:
        How many, at most ``most``.
    """
    rows = await connection.fetch(_TELL_AGAIN, before, kept, most)
    await enqueue(connection, DESCRIPTION.name, [_event(row, row["reason"], row["forgotten_at"]) for row in rows])
    return len(rows)


def _event(row: asyncpg.Record, reason: str, forgotten_at: datetime) -> FileRemoved:
    return FileRemoved(
        file_id=row["file_id"],
        location_revision=row["location_revision"],
        root=row["root"],
        path=row["path"],
        reason=reason,
        scan_revision=row["scan_revision"],
        occurred_at=forgotten_at,
    )
