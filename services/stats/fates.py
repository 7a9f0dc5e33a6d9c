"""What became of files besides being scanned: they were moved, or a person asked to forget them.

Both are remembered by file, under revisions that only grow, so that the order of events never matters: an arrival or a
scan that comes after a move it did not know of is placed where the move says, and one that comes after the file was
forgotten is dropped, unless its scan revision says that the file came back since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.stats import statements
from services.stats.totals import Entry
from shared.bus.transaction import Connection
from shared.events.file import FileMoved, FileRemoved


@dataclass(frozen=True, slots=True)
class Fate:
    """What is known of a file. ``moved``: location revision, root and path; ``removed_scan``: forgotten up to it."""

    moved: tuple[int, str, str] | None
    removed_scan: int
    removed_location: int


async def fates_of(connection: Connection, file_ids: Iterable[str]) -> dict[str, Fate]:
    """What became of files; those that were neither moved nor forgotten miss."""
    rows = await connection.fetch(statements.FATES, list(file_ids))
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
        statements.MOVES,
        [event.file_id for event in counting],
        [event.location_revision for event in counting],
        [event.to_location.root for event in counting],
        [event.to_location.path for event in counting],
    )
    await connection.execute(statements.WHERE_MOVED, [event.file_id for event in counting])
    now = await fates_of(connection, [event.file_id for event in counting])
    return {file_id: fate.moved for file_id, fate in now.items() if fate.moved is not None}


async def write_stems(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write the stems of frames that were moved."""
    await connection.execute(
        statements.RENAMED,
        [entry.file_id for entry in entries],
        [entry.stem for entry in entries],
        [entry.stem_key for entry in entries],
        [entry.location_revision for entry in entries],
    )


async def write_removed(connection: Connection, events: Sequence[FileRemoved]) -> None:
    """Remember that files are forgotten; at most one event of each."""
    await connection.execute(
        statements.REMOVED,
        [event.file_id for event in events],
        [event.scan_revision for event in events],
        [event.location_revision for event in events],
        [event.occurred_at for event in events],
    )


async def delete_rows(connection: Connection, file_ids: Sequence[str], catalog_ids: Sequence[str]) -> None:
    """Delete the rows of forgotten files, after their frames; ``catalog_ids`` are the targets that these showed."""
    for statement in statements.FORGET:
        await connection.execute(statement, file_ids)
    if catalog_ids:
        await connection.execute(statements.TARGET_NAMES, catalog_ids)
