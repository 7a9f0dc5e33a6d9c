"""Files: contents that are known, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.bus.transaction import Connection
from shared.events.file import Hints
from shared.library.hashing import Digest

_ADD = """
INSERT INTO file (file_id, size_bytes, source, source_zone, origin, replaces, hints, scan_revision, location_revision)
SELECT file_id, size_bytes, $1, $2, origin, replaces, hints::jsonb, coalesce(b.scan_revision, 0) + 1,
       coalesce(b.location_revision, 0)
FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
    AS t(file_id, size_bytes, origin, replaces, hints)
LEFT JOIN tombstone b USING (file_id)
ON CONFLICT DO NOTHING RETURNING file_id, arrived_at, scan_revision, location_revision
"""
_HOLD = "SELECT file_id FROM file WHERE file_id = ANY($1::text[]) ORDER BY file_id FOR KEY SHARE"
_RISE = "DELETE FROM tombstone WHERE file_id = ANY($1::text[])"
_ADD_CHANGED = """
INSERT INTO file (file_id, size_bytes, source, source_zone, origin, hints, replaces, scan_revision, location_revision)
SELECT $1, $2, f.source, f.source_zone, f.origin, f.hints, f.file_id, coalesce(b.scan_revision, 0) + 1,
       coalesce(b.location_revision, 0)
FROM file f LEFT JOIN tombstone b ON b.file_id = $1 WHERE f.file_id = $3
ON CONFLICT DO NOTHING RETURNING file_id
"""
_RAISE = (
    "UPDATE file SET scan_revision = scan_revision + 1, settled = false, attempts = 0, announced_at = clock_timestamp()"
)
_NONE = Hints()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content at a place: what a file, a location and an event are made of."""

    file_id: str
    size_bytes: int
    root: str
    path: str
    root_path: str
    origin: str
    replaces: str | None
    mtime_ns: int
    hints: Hints = _NONE


@dataclass(frozen=True, slots=True)
class New:
    """A content that is new, or that came back by name: when it arrived, and the revisions that it begins with."""

    arrived_at: datetime
    scan_revision: int
    location_revision: int


async def hold(connection: Connection, file_ids: Iterable[str]) -> set[str]:
    """Keep contents from being forgotten until the end of the transaction; those of them that are known.

    Whoever writes of a known content calls it before: a forgetting under way is waited for, a later one waits.
    """
    return {row["file_id"] for row in await connection.fetch(_HOLD, list(file_ids))}


async def add(connection: Connection, source: str, zone: str | None, arrivals: Sequence[Arrival]) -> dict[str, New]:
    """Add contents of a source, those that were forgotten among them; those that are new by this, by file_id."""
    unique = sorted({item.file_id: item for item in reversed(arrivals)}.values(), key=lambda item: item.file_id)
    rows = await connection.fetch(
        _ADD,
        source,
        zone,
        [item.file_id for item in unique],
        [item.size_bytes for item in unique],
        [item.origin for item in unique],
        [item.replaces for item in unique],
        [_written(item.hints) for item in unique],
    )
    new = {row["file_id"]: New(row["arrived_at"], row["scan_revision"], row["location_revision"]) for row in rows}
    if back := [file_id for file_id, one in new.items() if one.scan_revision > 1]:
        await connection.execute(_RISE, back)
    return new


async def add_changed(connection: Connection, changed: Digest, original_id: str) -> bool:
    """Add what somebody made of a file: it came from where the original came from. Whether it is new."""
    rows = await connection.fetch(_ADD_CHANGED, changed.file_id, changed.size_bytes, original_id)
    if rows:
        await connection.execute(_RISE, [changed.file_id])
    return bool(rows)


def _written(hints: Hints) -> str | None:
    """Facts as the database keeps them; nothing where nothing is known."""
    return hints.model_dump_json(exclude_none=True) if hints != _NONE else None


async def raise_revisions(connection: Connection, file_ids: Sequence[str] | None) -> list[str]:
    """Have files (None: all) be read anew: their revision grows. Returns those that are known."""
    if file_ids is None:
        rows = await connection.fetch(f"{_RAISE} RETURNING file_id")
    else:
        rows = await connection.fetch(f"{_RAISE} WHERE file_id = ANY($1::text[]) RETURNING file_id", file_ids)
    return [row["file_id"] for row in rows]
