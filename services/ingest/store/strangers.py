"""Strangers: captures in the library of which no place tells, and the files that they may be.

A file is lost where the walk found its place empty, or where its place was taken by another content (``displaced``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from services.ingest.ledger import bigint
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.library.walk import Entry

_PLACES = """
SELECT l.path, l.file_id, coalesce(l.size_bytes, f.size_bytes) AS size_bytes, l.mtime_ns,
       l.root = $1 AND l.kind = 'library' AS is_original
FROM location l LEFT JOIN file f USING (file_id)
WHERE l.path = ANY($2::text[])
  AND l.root = ANY(ARRAY(SELECT o.name FROM root l JOIN root o ON o.path = l.path WHERE l.name = $1))
"""
"""The library may be indexed as well, under another name."""
_SIZES = """
SELECT coalesce(l.size_bytes, f.size_bytes) AS size_bytes
FROM walk_absent a JOIN location l ON l.root = $2 AND l.path = a.path LEFT JOIN file f USING (file_id)
WHERE a.walk_id = $1
UNION SELECT f.size_bytes FROM displaced d JOIN file f USING (file_id) WHERE d.root = $2
UNION SELECT f.size_bytes FROM read_place r JOIN file f ON f.file_id = r.expected_id
WHERE (r.root, r.walk_id) = ($2, $1) AND r.file_id <> r.expected_id
"""
_SAVE = """
INSERT INTO stranger AS s (root, path, size_bytes, mtime_ns, fingerprint, walk_id)
SELECT $1, t.*, $2 FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bytea[]) AS t
ON CONFLICT (root, path) DO UPDATE SET
    size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, fingerprint = excluded.fingerprint,
    walk_id = excluded.walk_id,
    file_id = CASE WHEN (s.size_bytes, s.mtime_ns, s.fingerprint)
        = (excluded.size_bytes, excluded.mtime_ns, excluded.fingerprint) THEN s.file_id END
"""
_PAGE = """
SELECT path, mtime_ns, file_id FROM stranger
WHERE root = $1 AND walk_id = $2 AND path > $3 AND size_bytes = ANY($4::bigint[]) ORDER BY path LIMIT $5
"""
_HASHED = """
UPDATE stranger s SET file_id = t.file_id FROM unnest($2::text[], $3::text[]) AS t(path, file_id)
WHERE s.root = $1 AND s.path = t.path
"""
_LOST = """
SELECT l.file_id, l.path, false FROM walk_absent a JOIN location l ON l.root = $2 AND l.path = a.path
WHERE a.walk_id = $1 AND l.file_id = ANY($3::text[])
UNION ALL
SELECT d.file_id, d.path, true FROM displaced d WHERE d.root = $2 AND d.file_id = ANY($3::text[])
ORDER BY 2
"""
_NO_LONGER_ABSENT = "DELETE FROM walk_absent WHERE walk_id = $1 AND path = ANY($2::text[])"
_NO_STRANGERS = "DELETE FROM stranger WHERE root = $1 AND path = ANY($2::text[])"
_GONE = "DELETE FROM stranger WHERE root = $1 AND walk_id <> $2"
_COUNT = "SELECT count(*) FROM stranger WHERE root = $1 AND walk_id = $2"


class Place(NamedTuple):
    """A place of the library: what should lie there, its size in bytes and the mtime at which it was whole, if known.

    ``is_original``: whether it is a file that counts, known by the library's own name.
    """

    path: str
    file_id: str
    size_bytes: int | None
    mtime_ns: int | None
    is_original: bool


class Stranger(NamedTuple):
    """A capture of which no place tells, its mtime (nanoseconds since 1970), and what it holds, where it was read."""

    path: str
    mtime_ns: int
    file_id: str | None


@dataclass(frozen=True, slots=True)
class Lost:
    """A content that does not lie where it lay; ``displaced``: another one lies there, so that it has no place now."""

    file_id: str
    path: str
    displaced: bool = False


async def places_at(connection: Connection, paths: Sequence[str]) -> list[Place]:
    """The places among some paths of the library."""
    return [Place(*row) for row in await connection.fetch(_PLACES, LIBRARY, paths)]


async def lost_sizes(connection: Connection, walk_id: UUID) -> list[int]:
    """The sizes of files that do not lie where they lay, bytes."""
    return [row["size_bytes"] for row in await connection.fetch(_SIZES, walk_id, LIBRARY)]


async def save(connection: Connection, walk_id: UUID, entries: Sequence[Entry]) -> None:
    """Note strangers; what they hold is known still of those that were read before and did not change since."""
    await connection.execute(
        _SAVE,
        LIBRARY,
        walk_id,
        [entry.relative_path for entry in entries],
        [bigint(entry.size_bytes) for entry in entries],
        [bigint(entry.mtime_ns) for entry in entries],
        [entry.fingerprint for entry in entries],
    )


async def page(connection: Connection, walk_id: UUID, after: str, sizes: Sequence[int], most: int) -> list[Stranger]:
    """The next strangers of a walk that have one of some sizes, in the order of their paths."""
    return [Stranger(*row) for row in await connection.fetch(_PAGE, LIBRARY, walk_id, after, sizes, most)]


async def save_hashed(connection: Connection, contents: Mapping[str, str]) -> None:
    """Note what strangers hold, by path."""
    await connection.execute(_HASHED, LIBRARY, list(contents), list(contents.values()))


async def lost(connection: Connection, walk_id: UUID, file_ids: Sequence[str]) -> list[Lost]:
    """Where contents lay that do not lie there now, in the order of the paths."""
    return [Lost(*row) for row in await connection.fetch(_LOST, walk_id, LIBRARY, file_ids)]


async def found(connection: Connection, walk_id: UUID, absent: Sequence[str], strangers: Sequence[str]) -> None:
    """Note that files are absent no more, and strangers no strangers."""
    await connection.execute(_NO_LONGER_ABSENT, walk_id, absent)
    await connection.execute(_NO_STRANGERS, LIBRARY, strangers)


async def forget_gone(connection: Connection, walk_id: UUID) -> None:
    """Forget strangers that a walk did not meet."""
    await connection.execute(_GONE, LIBRARY, walk_id)


async def count(connection: Connection, walk_id: UUID) -> int:
    """How many strangers a walk has left as such."""
    number: int = await connection.fetchval(_COUNT, LIBRARY, walk_id)
    return number
