"""Strangers: captures in the library of which no place tells, and the missing files that they may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.ingest.ledger import bigint
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.library.walk import Entry

_KNOWN = """
SELECT path FROM location WHERE path = ANY($2::text[])
  AND root = ANY(ARRAY(SELECT o.name FROM root l JOIN root o ON o.path = l.path WHERE l.name = $1))
"""
"""The library may be indexed as well, under another name."""
_SIZES = """
SELECT DISTINCT coalesce(f.size_bytes, l.size_bytes) AS size_bytes
FROM walk_absent a JOIN location l ON l.root = $2 AND l.path = a.path LEFT JOIN file f USING (file_id)
WHERE a.walk_id = $1
"""
_SAVE = """
INSERT INTO stranger AS s (root, path, size_bytes, mtime_ns, fingerprint, walk_id)
SELECT $1, t.*, $2 FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bytea[]) AS t
ON CONFLICT (root, path) DO UPDATE SET
    size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, fingerprint = excluded.fingerprint,
    walk_id = excluded.walk_id,
    file_id = CASE WHEN (s.size_bytes, s.mtime_ns, s.fingerprint)
        = (excluded.size_bytes, excluded.mtime_ns, excluded.fingerprint) THEN s.file_id END
RETURNING path, file_id
"""
_HASHED = """
UPDATE stranger s SET file_id = t.file_id FROM unnest($2::text[], $3::text[]) AS t(path, file_id)
WHERE s.root = $1 AND s.path = t.path
"""
_MISSING = """
SELECT l.file_id, l.path FROM walk_absent a JOIN location l ON l.root = $2 AND l.path = a.path
WHERE a.walk_id = $1 AND l.file_id = ANY($3::text[]) ORDER BY l.path
"""
_NO_LONGER_ABSENT = "DELETE FROM walk_absent WHERE walk_id = $1 AND path = ANY($2::text[])"
_NO_STRANGERS = "DELETE FROM stranger WHERE root = $1 AND path = ANY($2::text[])"
_GONE = "DELETE FROM stranger WHERE root = $1 AND walk_id <> $2"


@dataclass(frozen=True, slots=True)
class Lost:
    """A content that is absent from a place of the library."""

    file_id: str
    path: str


async def unknown(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Those of some paths of the library that are no places."""
    rows = await connection.fetch(_KNOWN, LIBRARY, paths)
    return set(paths) - {row["path"] for row in rows}


async def absent_sizes(connection: Connection, walk_id: UUID) -> frozenset[int]:
    """The sizes of the files that a walk found absent, bytes."""
    return frozenset(row["size_bytes"] for row in await connection.fetch(_SIZES, walk_id, LIBRARY))


async def save(connection: Connection, walk_id: UUID, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Note strangers; what each holds, by path, of those that were read before and did not change since."""
    rows = await connection.fetch(
        _SAVE,
        LIBRARY,
        walk_id,
        [entry.relative_path for entry in entries],
        [bigint(entry.size_bytes) for entry in entries],
        [bigint(entry.mtime_ns) for entry in entries],
        [entry.fingerprint for entry in entries],
    )
    return {row["path"]: row["file_id"] for row in rows if row["file_id"] is not None}


async def save_hashed(connection: Connection, contents: Mapping[str, str]) -> None:
    """Note what strangers hold, by path."""
    await connection.execute(_HASHED, LIBRARY, list(contents), list(contents.values()))


async def lost(connection: Connection, walk_id: UUID, file_ids: Sequence[str]) -> list[Lost]:
    """Where contents were found absent, in the order of the paths."""
    return [Lost(row["file_id"], row["path"]) for row in await connection.fetch(_MISSING, walk_id, LIBRARY, file_ids)]


async def found(connection: Connection, walk_id: UUID, absent: Sequence[str], strangers: Sequence[str]) -> None:
    """Note that files are absent no more, and strangers no strangers."""
    await connection.execute(_NO_LONGER_ABSENT, walk_id, absent)
    await connection.execute(_NO_STRANGERS, LIBRARY, strangers)


async def forget_gone(connection: Connection, walk_id: UUID) -> None:
    """Forget strangers that a walk did not meet."""
    await connection.execute(_GONE, LIBRARY, walk_id)
