"""The SQL of places: where contents lie, what has gone from there, what rotted and what somebody changed.

Functions over a connection; ``store.Store`` calls them in its transactions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.ingest.mend import Mended, Place, Seen
from shared.bus.transaction import Connection

_BIGINT = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Located:
    """A content at a place, to be recorded."""

    root: str
    path: str
    file_id: str
    mtime_ns: int


def storable_ns(mtime_ns: int | None) -> int | None:
    """A modification time as the database can hold it; beyond the year 2262 it counts as not known."""
    return mtime_ns if mtime_ns is not None and mtime_ns in _BIGINT else None


async def places_in(connection: Connection, root: str, file_ids: Iterable[str]) -> Mapping[str, list[Place]]:
    """Where contents lie below one root, the oldest place first; none for those that have none."""
    rows = await connection.fetch(
        "SELECT file_id, path, mtime_ns FROM location WHERE root = $1 AND file_id = ANY($2::text[])"
        " ORDER BY missing_since IS NOT NULL, created_at, path",
        root,
        list(file_ids),
    )
    found: dict[str, list[Place]] = defaultdict(list)
    for row in rows:
        found[row["file_id"]].append(Place(row["path"], row["mtime_ns"]))
    return found


async def record_places(connection: Connection, places: Iterable[Located]) -> None:
    """Write where contents lie now; a place that held another content, or none any more, gets a higher revision."""
    unique = sorted({(item.root, item.path): item for item in places}.items())
    await connection.execute(
        """
        INSERT INTO location AS l (root, path, file_id, mtime_ns)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
        ON CONFLICT (root, path) DO UPDATE SET file_id = excluded.file_id, mtime_ns = excluded.mtime_ns,
            missing_since = NULL, revision = l.revision + (l.file_id <> excluded.file_id)::int
        WHERE (l.file_id, l.mtime_ns, l.missing_since) IS DISTINCT FROM (excluded.file_id, excluded.mtime_ns, NULL)
        """,
        [root for (root, _path), _item in unique],
        [path for (_root, path), _item in unique],
        [item.file_id for _key, item in unique],
        [storable_ns(item.mtime_ns) for _key, item in unique],
    )


async def record_seen(connection: Connection, root: str, seen: Sequence[Seen]) -> None:
    """Note places that were found whole at another mtime than was known, and those that were found to be gone."""
    if not seen:
        return
    await connection.execute(
        """
        UPDATE location l SET mtime_ns = coalesce(s.mtime_ns, l.mtime_ns),
            missing_since = CASE WHEN s.gone THEN coalesce(l.missing_since, clock_timestamp()) END
        FROM unnest($2::text[], $3::bigint[], $4::boolean[]) AS s(path, mtime_ns, gone)
        WHERE l.root = $1 AND l.path = s.path
        """,
        root,
        [item.path for item in seen],
        [storable_ns(item.whole_at_ns) for item in seen],
        [item.whole_at_ns is None for item in seen],
    )


async def record_mended(connection: Connection, root: str, mended: Sequence[Mended]) -> list[str]:
    """Write what was mended: damaged copies that are kept, contents that somebody made, and where the good copies are.

    Returns:
        Contents that are new by this: what was found at the places that somebody had changed.
    """
    await _record_damage(connection, root, mended)
    new = await _record_changed(connection, root, [item for item in mended if item.changed is not None])
    for item in mended:
        await connection.execute(
            "DELETE FROM location WHERE root = $1 AND path = ANY($2::text[]) AND file_id = $3",
            root,
            item.gone,
            item.content.file_id,
        )
    good = (Located(root, item.path, item.content.file_id, item.mtime_ns) for item in mended)
    await record_places(connection, good)
    return new


async def _record_damage(connection: Connection, root: str, mended: Sequence[Mended]) -> None:
    await connection.executemany(
        "INSERT INTO damage (root, kept_as, path, file_id, size_bytes) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        [
            (root, item.kept_as, item.path, item.content.file_id, item.kept_bytes)
            for item in mended
            if item.kept_as is not None
        ],
    )


async def _record_changed(connection: Connection, root: str, mended: Sequence[Mended]) -> list[str]:
    """A file that somebody changed is a content of its own; it came from where the original came from."""
    new: list[str] = []
    for item in mended:
        assert item.changed is not None
        rows = await connection.fetch(
            """
            INSERT INTO file (file_id, size_bytes, source, source_zone, origin, hints, replaces)
            SELECT $1, $2, source, source_zone, origin, hints, file_id FROM file WHERE file_id = $3
            ON CONFLICT DO NOTHING RETURNING file_id
            """,
            item.changed.file_id,
            item.changed.size_bytes,
            item.content.file_id,
        )
        new.extend(row["file_id"] for row in rows)
    await record_places(
        connection,
        [
            Located(root, item.changed_path, item.changed.file_id, item.changed_mtime_ns)
            for item in mended
            if item.changed is not None and item.changed_path is not None
        ],
    )
    return new
