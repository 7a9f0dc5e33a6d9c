"""Displaced files: those whose place in the library holds another content by now, and what it was found to hold."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.ingest.description import DESCRIPTION
from services.ingest.ledger import bigint
from services.ingest.store import announcements, files, locations, relocations, tombstones
from services.ingest.store.locations import Located
from services.ingest.store.relocations import Relocation
from services.ingest.store.roots import LIBRARY
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.library.hashing import Digest
from shared.library.walk import Entry

_SAVE_READ = """
INSERT INTO read_place AS r (root, path, expected_id, size_bytes, mtime_ns, fingerprint, walk_id)
SELECT $1, t.*, $2 FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[]) AS t
ON CONFLICT (root, path) DO UPDATE SET
    expected_id = excluded.expected_id, size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns,
    fingerprint = excluded.fingerprint, walk_id = excluded.walk_id,
    file_id = CASE WHEN (r.size_bytes, r.mtime_ns, r.fingerprint)
        = (excluded.size_bytes, excluded.mtime_ns, excluded.fingerprint) THEN r.file_id END
RETURNING path, file_id
"""
_HASHED = """
UPDATE read_place r SET file_id = t.file_id FROM unnest($2::text[], $3::text[]) AS t(path, file_id)
WHERE r.root = $1 AND r.path = t.path
"""
_GONE = "DELETE FROM read_place WHERE root = $1 AND walk_id <> $2"
_FOUND_AGAIN = """
DELETE FROM displaced d USING location l WHERE (l.file_id, l.root) = (d.file_id, d.root) AND l.kind = 'library'
"""
_OTHERS = """
FROM read_place r
JOIN location l ON (l.root, l.path, l.file_id) = (r.root, r.path, r.expected_id) AND l.kind = 'library'
WHERE (r.root, r.walk_id) = ($1, $2) AND r.file_id <> r.expected_id
"""
_IS_KNOWN = "EXISTS (SELECT FROM file f WHERE f.file_id = r.file_id)"
_COUNT_LOST = f"""
SELECT count(*) AS files, min(r.path) AS example {_OTHERS} AND r.mtime_ns IS DISTINCT FROM l.mtime_ns
  AND NOT EXISTS (SELECT FROM read_place o WHERE (o.root, o.walk_id, o.file_id) = ($1, $2, r.expected_id))
  AND NOT EXISTS (SELECT FROM stranger s WHERE (s.root, s.walk_id, s.file_id) = ($1, $2, r.expected_id))
  AND NOT EXISTS (SELECT FROM location o WHERE (o.file_id, o.root, o.kind) = (r.expected_id, $1, 'library')
                  AND o.path <> r.path AND o.missing_since IS NULL)
"""
_COUNT_DAMAGED = f"""
SELECT count(*) AS files, min(r.path) AS example {_OTHERS} AND r.mtime_ns = l.mtime_ns AND NOT {_IS_KNOWN}
"""
_PAGE = f"""
SELECT r.path, r.size_bytes, r.mtime_ns, r.fingerprint, r.expected_id, r.file_id {_OTHERS}
  AND r.path > $3 AND (r.mtime_ns IS DISTINCT FROM l.mtime_ns OR {_IS_KNOWN}) ORDER BY r.path LIMIT $4
"""
"""Other bytes at the mtime at which a file was whole are rot, unless they are another file."""
_DISPLACE = """
WITH taken AS (
    DELETE FROM location l USING read_place r
    WHERE (r.root, r.walk_id) = ($1, $2) AND r.path = ANY($3::text[])
      AND (l.root, l.path, l.file_id) = (r.root, r.path, r.expected_id)
    RETURNING r.path, r.expected_id, r.file_id, r.size_bytes, r.mtime_ns, r.fingerprint, l.missing_since
), lost AS (
    INSERT INTO displaced AS d (file_id, root, path, by_id, since)
    SELECT expected_id, $1, path, file_id, coalesce(missing_since, clock_timestamp()) FROM taken
    ON CONFLICT (file_id, root, path) DO UPDATE SET by_id = excluded.by_id
), met AS (
    INSERT INTO stranger (root, path, size_bytes, mtime_ns, fingerprint, file_id, walk_id)
    SELECT $1, path, size_bytes, mtime_ns, fingerprint, file_id, $2 FROM taken
    ON CONFLICT (root, path) DO UPDATE SET size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns,
        fingerprint = excluded.fingerprint, file_id = excluded.file_id, walk_id = excluded.walk_id
)
DELETE FROM read_place r USING taken t WHERE r.root = $1 AND r.path = t.path
"""
_SETTLE = """
WITH found AS (
    DELETE FROM displaced d USING unnest($2::text[], $3::text[], $4::text[], $5::bigint[])
        AS t(file_id, path, to_path, mtime_ns)
    WHERE (d.root, d.file_id, d.path) = ($1, t.file_id, t.path)
      AND NOT EXISTS (SELECT FROM location l WHERE (l.root, l.path) = ($1, t.to_path))
    RETURNING t.*
)
INSERT INTO location (root, path, file_id, mtime_ns) SELECT $1, to_path, file_id, mtime_ns FROM found RETURNING path
"""
_NO_STRANGERS = "DELETE FROM stranger WHERE root = $1 AND path = ANY($2::text[])"
_NEW = """
SELECT DISTINCT ON (s.path) s.path, s.size_bytes, s.mtime_ns, s.file_id, d.file_id AS expected_id
FROM displaced d JOIN stranger s ON (s.root, s.path, s.file_id) = (d.root, d.path, d.by_id)
WHERE s.root = $1 AND s.walk_id = $2 AND s.path > $3 ORDER BY s.path, d.since DESC LIMIT $4
"""


_PLACED = "DELETE FROM displaced WHERE root = $1 AND file_id = ANY($2::text[]) RETURNING file_id, path"


class Other(NamedTuple):
    """A place at which another content lies than should (``file_id`` in place of ``expected_id``)."""

    path: str
    size_bytes: int
    mtime_ns: int
    fingerprint: bytes
    expected_id: str
    file_id: str


class Count(NamedTuple):
    """How many files it concerns, and the path of one of them."""

    files: int
    example: str


async def save_read(connection: Connection, walk_id: UUID, pairs: Sequence[tuple[Entry, str]]) -> Mapping[str, str]:
    """Note places that are to be read, each with the content that should lie there.

    Returns:
        What lies there, by path, of those that were read before and did not change since.
    """
    rows = await connection.fetch(
        _SAVE_READ,
        LIBRARY,
        walk_id,
        [entry.relative_path for entry, _ in pairs],
        [file_id for _, file_id in pairs],
        [bigint(entry.size_bytes) for entry, _ in pairs],
        [bigint(entry.mtime_ns) for entry, _ in pairs],
        [entry.fingerprint for entry, _ in pairs],
    )
    return {row["path"]: row["file_id"] for row in rows if row["file_id"] is not None}


async def save_hashed(connection: Connection, contents: Mapping[str, str]) -> None:
    """Note what lies at places that were read, by path."""
    await connection.execute(_HASHED, LIBRARY, list(contents), list(contents.values()))


async def forget_gone(connection: Connection, walk_id: UUID) -> None:
    """Forget what was read at places that a walk did not meet, and what has a place again."""
    await connection.execute(_GONE, LIBRARY, walk_id)
    await connection.execute(_FOUND_AGAIN)


async def count_lost(connection: Connection, walk_id: UUID) -> Count:
    """Files in whose place something else lies, and that were found nowhere else."""
    return await _count(connection, _COUNT_LOST, walk_id)


async def count_damaged(connection: Connection, walk_id: UUID) -> Count:
    """Places with other bytes at the mtime at which their file was whole: disks do that, and people do not."""
    return await _count(connection, _COUNT_DAMAGED, walk_id)


async def page(connection: Connection, walk_id: UUID, after: str, most: int) -> list[Other]:
    """The next places that a walk found to hold another content, in their order; those that rotted are left out."""
    return [Other(*row) for row in await connection.fetch(_PAGE, LIBRARY, walk_id, after, most)]


async def displace(connection: Connection, walk_id: UUID, others: Sequence[Other]) -> None:
    """Write that places are no longer those of their files; what lies there is a stranger from now on."""
    await files.hold(connection, {other.expected_id for other in others})
    await connection.execute(_DISPLACE, LIBRARY, walk_id, [other.path for other in others])


async def settle(connection: Connection, moves: Sequence[Relocation]) -> list[Relocation]:
    """Write where displaced files lie now, and tell; the moves that count. In a transaction."""
    known = await files.hold(connection, {move.file_id for move in moves})
    rows = await connection.fetch(
        _SETTLE,
        LIBRARY,
        [move.file_id for move in moves if move.file_id in known],
        [move.path for move in moves if move.file_id in known],
        [move.to_path for move in moves if move.file_id in known],
        [locations.storable_ns(move.mtime_ns) for move in moves if move.file_id in known],
    )
    written = {row["path"] for row in rows}
    done = [move for move in moves if move.to_path in written]
    await relocations.tell(connection, [move for move in done if move.path != move.to_path])
    return done


async def placed(connection: Connection, places: Sequence[Located]) -> set[str]:
    """Tell of known contents that got a place in the library, where they had lost theirs; these. In a transaction."""
    found = {place.file_id: place for place in places if place.root == LIBRARY}
    rows = await connection.fetch(_PLACED, LIBRARY, list(found)) if found else []
    lost: dict[str, str] = {row["file_id"]: row["path"] for row in rows}
    await relocations.tell(
        connection,
        [
            Relocation(file_id, LIBRARY, path, LIBRARY, found[file_id].path, found[file_id].mtime_ns)
            for file_id, path in sorted(lost.items())
        ],
    )
    return set(lost)


async def adopt(connection: Connection, walk_id: UUID, after: str, most: int) -> tuple[str, int]:
    """Let the next strangers that displaced a file have its place: known contents lie there too, others are new.

    What a person asked to forget stays a stranger. In a transaction.

    Returns:
        The last path that was looked at, empty where there was none, and how many contents are new.
    """
    rows = await connection.fetch(_NEW, LIBRARY, walk_id, after, most)
    if not rows:
        return "", 0
    contents = {row["file_id"] for row in rows}
    known = await files.hold(connection, contents | {row["expected_id"] for row in rows})
    buried = await tombstones.forgotten(connection, contents - known)
    new = []
    placed = []
    for row in rows:
        file_id = row["file_id"]
        if file_id not in known and file_id not in buried and row["expected_id"] in known:
            if await files.add_changed(connection, Digest(file_id, row["size_bytes"]), row["expected_id"]):
                new.append(file_id)
            known.add(file_id)
        if file_id in known:
            placed.append(row)
    await locations.save(connection, [Located(LIBRARY, row["path"], row["file_id"], row["mtime_ns"]) for row in placed])
    await connection.execute(_NO_STRANGERS, LIBRARY, [row["path"] for row in placed])
    await enqueue(connection, DESCRIPTION.name, await announcements.arrivals_of(connection, new))
    return rows[-1]["path"], len(new)


async def _count(connection: Connection, query: str, walk_id: UUID) -> Count:
    (row,) = await connection.fetch(query, LIBRARY, walk_id)
    return Count(row["files"], row["example"] or "")
