"""What each event does to the schema. Every handler takes a batch and runs in the transaction of its inbox."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from services.stats.frames import NewFrame
from services.stats.placing import Change, rename
from services.stats.sessions import LIGHT
from services.stats.store.fates import Fate, delete_rows, fates_of, write_moves, write_removed
from services.stats.store.files import write_arrivals, write_quarantine
from services.stats.store.frames import calibration_frames, of_files, related, sky_sessions, write_frames, write_stems
from services.stats.store.totals import write_totals
from services.stats.store.writers import data_errors, lock
from services.stats.totals import Entry, Totals
from shared.bus.transaction import Connection
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved
from shared.kept import pack_all

T = TypeVar("T")


async def record_arrivals(connection: Connection, events: list[FileArrived]) -> None:
    """Remember files, and that they wait for the scanner.

    Of several announcements of a file the one with the highest scan revision tells where it is, then the latest.
    """
    with data_errors():
        await lock(connection)
        known = await fates_of(connection, {event.file_id for event in events})
        wanted = [event for event in events if not _is_forgotten(known.get(event.file_id), event.scan_revision)]
        # Each statement takes a file once: later announcements of the same file follow in a further round.
        for batch in _rounds(wanted, key=lambda event: event.file_id):
            await write_arrivals(connection, batch)


async def record_quarantine(connection: Connection, events: list[FileQuarantined]) -> None:
    """Remember files that a service gave up, unless they have been scanned by now."""
    with data_errors():
        await lock(connection)
        known = await fates_of(connection, {event.file_id for event in events if event.file_id})
        keyed = [
            (event.file_id or f"{event.root or ''}:{event.path or ''}", event)
            for event in events
            if not _is_forgotten(known.get(event.file_id or ""), event.attempt)
        ]
        for batch in _rounds(keyed, key=lambda item: item[0]):
            await write_quarantine(connection, batch)


async def count_frames(connection: Connection, frames: list[NewFrame]) -> None:
    """Write frames and everything that follows from them: places, exposures, totals."""
    arriving: dict[str, NewFrame] = {}
    for frame in frames:
        other = arriving.get(frame.file_id)
        if other is None or other.entry.reading < frame.entry.reading:
            arriving[frame.file_id] = frame
    # Before the lock, for which all writers wait, and beside the parsing of the next batch.
    packed = await asyncio.to_thread(pack_all, [frame.payload for frame in arriving.values()])
    with data_errors():
        await lock(connection)
        known = await fates_of(connection, arriving)
        wanted = {
            file_id: frame
            for file_id, frame in arriving.items()
            if not _is_forgotten(known.get(file_id), frame.scan_revision)
        }
        for file_id, frame in wanted.items():
            if (fate := known.get(file_id)) is not None and fate.moved is not None:
                rename(frame.entry, *fate.moved)
        await _count(connection, wanted, dict(zip(arriving, packed, strict=True)))


async def record_moves(connection: Connection, events: list[FileMoved]) -> None:
    """Remember where files lie now; of several moves of a file the one with the highest location revision tells it."""
    latest: dict[str, FileMoved] = {}
    for event in events:
        other = latest.get(event.file_id)
        if other is None or other.location_revision < event.location_revision:
            latest[event.file_id] = event
    with data_errors():
        await lock(connection)
        moved = await write_moves(connection, [latest[file_id] for file_id in sorted(latest)])
        change = Change()
        change.load(await of_files(connection, list(moved)))
        renamed = change.rename(moved)
        if not renamed:
            return
        touched = [*renamed, *(change.before[entry.file_id] for entry in renamed)]
        change.load(await related(connection, touched))
        change.place_previews({entry.stem_key for entry in touched})
        totals, placed = change.differences()
        await write_stems(connection, renamed)
        await write_frames(connection, (), (), (), placed)
        await write_totals(connection, totals, {})


async def forget_files(connection: Connection, events: list[FileRemoved]) -> None:
    """Take files out of everything that is counted, for good: what comes of them later is too late."""
    with data_errors():
        await lock(connection)
        for batch in _rounds(events, key=lambda event: event.file_id):
            await _forget(connection, batch)


async def _forget(connection: Connection, events: list[FileRemoved]) -> None:
    await write_removed(connection, events)
    revisions = {event.file_id: event.scan_revision for event in events}
    change = Change()
    change.load(await of_files(connection, list(revisions)))
    gone = [entry for file_id, entry in change.before.items() if entry.reading.scan_revision <= revisions[file_id]]
    catalog_ids = sorted({entry.catalog_id for entry in gone if entry.catalog_id})
    if gone:
        change.load(await related(connection, gone))
        change.take_away([entry.file_id for entry in gone])
        totals, placed = await _place(connection, change, list(gone), ())
        await write_frames(connection, (), (), gone, placed)
        await write_totals(connection, totals, {})
    await delete_rows(connection, list(revisions), catalog_ids)


async def _count(connection: Connection, arriving: dict[str, NewFrame], packed: dict[str, bytes]) -> None:
    change = Change()
    looked_up = [frame.entry for frame in arriving.values()]
    change.load(await related(connection, looked_up))
    replaced = change.bring(looked_up)
    if not change.fresh:
        return
    if replaced:
        change.load(await related(connection, replaced))
        looked_up += replaced
    totals, moved = await _place(connection, change, looked_up, replaced)
    fresh = [arriving[file_id] for file_id in change.fresh]
    await write_frames(connection, fresh, [packed[frame.file_id] for frame in fresh], replaced, moved)
    await write_totals(connection, totals, _names(fresh))


async def _place(
    connection: Connection, change: Change, looked_up: list[Entry], replaced: Sequence[Entry]
) -> tuple[Totals, list[Entry]]:
    """Place all frames that a change touches, those it takes away left out.

    Returns:
        What it changes in the totals, and the known frames that only move or change their part.
    """
    touched = (*change.fresh.values(), *replaced, *change.gone.values())
    sky = await sky_sessions(connection, {entry.own.night for entry in touched})
    nights = change.count_sky(sky)
    if nights:
        change.load(await calibration_frames(connection, nights))
    gone = change.place_calibration(sky, nights)
    if gone:
        change.load(await related(connection, gone))
        looked_up += gone
    change.place_previews({entry.stem_key for entry in looked_up})
    change.count_exposures({entry.exposure_key for entry in looked_up if entry.exposure_key is not None})
    return change.differences()


def _is_forgotten(fate: Fate | None, scan_revision: int) -> bool:
    """Whether a revision is of a file that was forgotten after it."""
    return fate is not None and scan_revision <= fate.removed_scan


def _names(fresh: Iterable[NewFrame]) -> dict[str, str | None]:
    """Display names by catalogue id; of several the first by name."""
    names: dict[str, str | None] = {}
    for frame in fresh:
        if (name := frame.target_name) and frame.entry.frame_type == LIGHT:
            known = names.get(frame.entry.catalog_id)
            if known is None or name < known:
                names[frame.entry.catalog_id] = name
    return names


def _rounds(items: Iterable[T], key: Callable[[T], str]) -> list[list[T]]:
    """The items in as few lists as possible, none of which holds a key twice; each list sorted by key."""
    rounds: list[dict[str, T]] = []
    seen: dict[str, int] = {}
    for item in items:
        name = key(item)
        index = seen[name] = seen.get(name, -1) + 1
        if index == len(rounds):
            rounds.append({})
        rounds[index][name] = item
    return [[batch[name] for name in sorted(batch)] for batch in rounds]
