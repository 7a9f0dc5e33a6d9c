"""What became of files besides being scanned: they were moved, or a person asked to forget them.

Both are remembered by file, under revisions that only grow, so that the order of events never matters: an arrival or a
scan that comes after a move it did not know of is placed where the move says, and one that comes after the file was
forgotten is dropped, unless its scan revision says that the file came back since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.bus.transaction import Connection
from shared.events.file import FileMoved, FileRemoved

_FATES = """
SELECT g.file_id, m.location_revision, m.root, m.path, r.scan_revision AS removed_scan,
       r.location_revision AS removed_location
FROM unnest($1::text[]) AS g (file_id) LEFT JOIN moved m USING (file_id) LEFT JOIN removed r USING (file_id)
WHERE m.file_id IS NOT NULL OR r.file_id IS NOT NULL
"""
_MOVES = """
INSERT INTO moved AS m (file_id, location_revision, root, path)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[])
ON CONFLICT (file_id) DO UPDATE SET
    location_revision = excluded.location_revision, root = excluded.root, path = excluded.path
WHERE excluded.location_revision > m.location_revision
"""
_WHERE_MOVED = """
UPDATE file f SET root = m.root, path = m.path FROM moved m
WHERE f.file_id = ANY($1::text[]) AND m.file_id = f.file_id AND m.location_revision > f.location_revision
  AND (f.root, f.path) <> (m.root, m.path)
"""
"""An announcement that knew of the latest move tells the place itself."""
_REMOVED = """
INSERT INTO removed AS r (file_id, scan_revision, location_revision, removed_at)
SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::timestamptz[])
ON CONFLICT (file_id) DO UPDATE SET
    scan_revision = greatest(r.scan_revision, excluded.scan_revision),
    location_revision = greatest(r.location_revision, excluded.location_revision),
    removed_at = greatest(r.removed_at, excluded.removed_at)
"""
_FORGET = (
    """
    DELETE FROM file f USING removed r
    WHERE r.file_id = ANY($1::text[]) AND f.file_id = r.file_id AND f.scan_revision <= r.scan_revision
    """,
    """
    DELETE FROM pending p USING removed r
    WHERE r.file_id = ANY($1::text[]) AND p.file_id = r.file_id AND p.scan_revision <= r.scan_revision
    """,
    """
    DELETE FROM quarantine q USING removed r
    WHERE r.file_id = ANY($1::text[]) AND q.quarantine_key = r.file_id AND q.attempt <= r.scan_revision
    """,
    """
    DELETE FROM moved m USING removed r
    WHERE r.file_id = ANY($1::text[]) AND m.file_id = r.file_id AND m.location_revision <= r.location_revision
    """,
    """
    DELETE FROM unkept u
    WHERE u.file_id = ANY($1::text[]) AND NOT EXISTS (SELECT FROM frame f WHERE f.file_id = u.file_id)
    """,
)
_TARGET_NAMES = """
UPDATE target t SET name = n.first FROM (
    SELECT catalog_id, min(target_name) AS first, array_agg(DISTINCT target_name) AS names FROM frame
    WHERE catalog_id = ANY($1::text[]) AND frame_type = 'LIGHT' GROUP BY catalog_id) n
WHERE t.catalog_id = n.catalog_id AND n.first IS NOT NULL AND t.name <> ALL(array_remove(n.names, NULL))
"""
"""A name that the frames do not bear any more makes way for the first that they do."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What is known of a file. ``moved``: location revision, root and path; ``removed_scan``: forgotten up to it."""

    moved: tuple[int, str, str] | None
    removed_scan: int
    removed_location: int


async def fates_of(connection: Connection, file_ids: Iterable[str]) -> dict[str, Fate]:
    """What became of files; those that were neither moved nor forgotten miss."""
    rows = await connection.fetch(_FATES, list(file_ids))
    return {
        row["file_id"]: Fate(
            None if row["path"] is None else (row["location_revision"], row["root"], row["path"]),
            row["removed_scan"] or 0,
            row["removed_location"] or 0,
        )
        for row in rows
    }


async def write_moves(connection: Connection, events: Sequence[FileMoved]) -> dict[str, tuple[int, str, str]]:
    """Remember moves, at most one of each file; by file id where each is now, of those that count."""
    ids = [event.file_id for event in events]
    before = await fates_of(connection, ids)
    counting = [
        event
        for event in events
        if (fate := before.get(event.file_id)) is None or event.location_revision > fate.removed_location
    ]
    if not counting:
        return {}
    await connection.execute(
        _MOVES,
        [event.file_id for event in counting],
        [event.location_revision for event in counting],
        [event.to_location.root for event in counting],
        [event.to_location.path for event in counting],
    )
    await place(connection, [event.file_id for event in counting])
    now = await fates_of(connection, [event.file_id for event in counting])
    return {file_id: fate.moved for file_id, fate in now.items() if fate.moved is not None}


async def place(connection: Connection, file_ids: Sequence[str]) -> None:
    """Place files where their latest moves say, of which an announcement knew nothing."""
    await connection.execute(_WHERE_MOVED, file_ids)


async def write_removed(connection: Connection, events: Sequence[FileRemoved]) -> None:
    """Remember that files are forgotten; at most one event of each."""
    await connection.execute(
        _REMOVED,
        [event.file_id for event in events],
        [event.scan_revision for event in events],
        [event.location_revision for event in events],
        [event.occurred_at for event in events],
    )


async def delete_rows(connection: Connection, file_ids: Sequence[str], catalog_ids: Sequence[str]) -> None:
    """Delete the rows of forgotten files, after their frames; ``catalog_ids`` are the targets that these showed."""
    for statement in _FORGET:
        await connection.execute(statement, file_ids)
    if catalog_ids:
        await connection.execute(_TARGET_NAMES, catalog_ids)
