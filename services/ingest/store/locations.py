"""Locations: where contents lie, and what has gone from there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.ingest.mend import Place, Seen
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.library.hashing import Digest

_BIGINT = range(-(2**63), 2**63)

_PLACES = """
SELECT file_id, path, mtime_ns FROM location WHERE root = $1 AND file_id = ANY($2::text[]) AND kind = 'library'
ORDER BY missing_since IS NOT NULL, created_at, path
"""
_CONTENT = """
SELECT l.file_id, coalesce(l.size_bytes, f.size_bytes) AS size_bytes, l.mtime_ns
FROM location l LEFT JOIN file f USING (file_id) WHERE l.root = $1 AND l.path = $2
"""
_SAVE = """
INSERT INTO location AS l (root, path, file_id, mtime_ns)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (root, path) DO UPDATE SET file_id = excluded.file_id, mtime_ns = excluded.mtime_ns,
    kind = 'library', missing_since = NULL, removed_reason = NULL,
    revision = l.revision + (l.file_id <> excluded.file_id)::int
WHERE (l.file_id, l.mtime_ns, l.missing_since, l.kind)
    IS DISTINCT FROM (excluded.file_id, excluded.mtime_ns, NULL, 'library')
"""
_SEEN = """
UPDATE location l SET mtime_ns = coalesce(s.mtime_ns, l.mtime_ns),
    missing_since = CASE WHEN s.gone THEN coalesce(l.missing_since, clock_timestamp()) END,
    removed_reason = CASE WHEN s.gone THEN l.removed_reason END
FROM unnest($2::text[], $3::bigint[], $4::boolean[]) AS s(path, mtime_ns, gone)
WHERE l.root = $1 AND l.path = s.path
"""
_DISPLACE = """
INSERT INTO displaced (file_id, root, path, by_id, since)
SELECT l.file_id, l.root, l.path, t.file_id, coalesce(l.missing_since, clock_timestamp())
FROM location l JOIN unnest($2::text[], $3::text[]) AS t(path, file_id) ON (l.root, l.path) = ($1, t.path)
WHERE l.file_id <> t.file_id AND l.kind = 'library'
  AND NOT EXISTS (SELECT FROM location o WHERE o.file_id = l.file_id AND o.root = $1 AND o.path <> l.path)
ON CONFLICT (file_id, root, path) DO UPDATE SET by_id = excluded.by_id
"""
"""A file whose place in the library another one gets stays known as missing; in indexed folders it is replaced."""
_FORGET = "DELETE FROM location WHERE root = $1 AND path = ANY($2::text[]) AND file_id = $3"
_NOT_FOUND = """
SELECT g.file_id, l.root, l.path, r.path AS root_path FROM (
    SELECT q.file_id FROM stats.quarantined q JOIN file f ON f.file_id = q.file_id AND f.scan_revision = q.attempt
    WHERE q.error = $1 AND q.dismissed_at IS NULL ORDER BY random() LIMIT $2) g
JOIN location l USING (file_id) JOIN root r ON r.name = l.root WHERE l.kind = 'library'
"""
_THERE = """
UPDATE location l SET missing_since = CASE WHEN there THEN NULL ELSE coalesce(l.missing_since, clock_timestamp()) END,
    removed_reason = CASE WHEN NOT there THEN l.removed_reason END
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS seen(root, path, there)
WHERE l.root = seen.root AND l.path = seen.path AND (l.missing_since IS NULL) <> there
"""


@dataclass(frozen=True, slots=True)
class Located:
    """A content at a place, to be recorded."""

    root: str
    path: str
    file_id: str
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A content at a place, with the folder of its root."""

    file_id: str
    root: str
    path: str
    root_path: str


def storable_ns(mtime_ns: int | None) -> int | None:
    """A modification time as the database can hold it; beyond the year 2262 it counts as not known."""
    return mtime_ns if mtime_ns is not None and mtime_ns in _BIGINT else None


async def places_in(connection: Connection, root: str, file_ids: Iterable[str]) -> Mapping[str, list[Place]]:
    """Where contents lie below one root, the oldest place first; none for those that have none."""
    found: dict[str, list[Place]] = defaultdict(list)
    for row in await connection.fetch(_PLACES, root, list(file_ids)):
        found[row["file_id"]].append(Place(row["path"], row["mtime_ns"]))
    return found


async def content_at(connection: Connection, root: str, path: str) -> tuple[Digest, int | None] | None:
    """What a place should hold, and the mtime at which it was whole, where that is known."""
    row = await connection.fetchrow(_CONTENT, root, path)
    return (Digest(row["file_id"], row["size_bytes"]), row["mtime_ns"]) if row is not None else None


async def save(connection: Connection, places: Iterable[Located]) -> None:
    """Write where contents lie now; a place that held another content, or none any more, gets a higher revision."""
    unique = sorted({(item.root, item.path): item for item in places}.items())
    own = [item for _key, item in unique if item.root == LIBRARY]
    if own:
        await connection.execute(_DISPLACE, LIBRARY, [item.path for item in own], [item.file_id for item in own])
    await connection.execute(
        _SAVE,
        [root for (root, _path), _item in unique],
        [path for (_root, path), _item in unique],
        [item.file_id for _key, item in unique],
        [storable_ns(item.mtime_ns) for _key, item in unique],
    )


async def save_seen(connection: Connection, root: str, seen: Sequence[Seen]) -> None:
    """Note places that were found whole at another mtime than was known, and those that were found to be gone."""
    if seen:
        await connection.execute(
            _SEEN,
            root,
            [item.path for item in seen],
            [storable_ns(item.whole_at_ns) for item in seen],
            [item.whole_at_ns is None for item in seen],
        )


async def forget(connection: Connection, root: str, paths: Sequence[str], file_id: str) -> None:
    """Forget places at which a content lies no more."""
    await connection.execute(_FORGET, root, paths, file_id)


async def of_not_found(connection: Connection, error: str, most_files: int) -> list[Whereabouts]:
    """All places of files that were quarantined for ``error`` when they were to be read, of some by chance."""
    return [Whereabouts(**dict(row)) for row in await connection.fetch(_NOT_FOUND, error, most_files)]


async def save_there(connection: Connection, places: Sequence[tuple[Whereabouts, bool]]) -> None:
    """Write of places whether something is there."""
    await connection.execute(
        _THERE,
        [place.root for place, _ in places],
        [place.path for place, _ in places],
        [is_there for _, is_there in places],
    )
