"""What each event does to the schema. Every handler takes a batch and runs in the transaction of its inbox."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from services.stats import store
from services.stats.frames import NewFrame
from services.stats.placing import Change
from services.stats.sessions import LIGHT
from shared.bus.transaction import Connection
from shared.events.file import FileArrived, FileQuarantined
from shared.kept import pack_all

T = TypeVar("T")


async def record_arrivals(connection: Connection, events: list[FileArrived]) -> None:
    """Remember files, and that they wait for the scanner.

    Of several announcements of a file the one with the highest scan revision tells where it is, then the latest.
    """
    with store.data_errors():
        await store.lock(connection)
        # Each statement takes a file once: later announcements of the same file follow in a further round.
        for batch in _rounds(events, key=lambda event: event.file_id):
            await store.write_files(connection, batch)


async def record_quarantine(connection: Connection, events: list[FileQuarantined]) -> None:
    """Remember files that a service gave up, unless they have been scanned by now."""
    with store.data_errors():
        await store.lock(connection)
        keyed = [(event.file_id or f"{event.root or ''}:{event.path or ''}", event) for event in events]
        for batch in _rounds(keyed, key=lambda item: item[0]):
            await store.write_quarantine(connection, batch)


async def count_frames(connection: Connection, frames: list[NewFrame]) -> None:
    """Write frames and everything that follows from them: places, exposures, totals."""
    arriving: dict[str, NewFrame] = {}
    for frame in frames:
        other = arriving.get(frame.file_id)
        if other is None or other.entry.reading < frame.entry.reading:
            arriving[frame.file_id] = frame
    # Before the lock, for which all writers wait, and beside the parsing of the next batch.
    packed = await asyncio.to_thread(pack_all, [frame.payload for frame in arriving.values()])
    with store.data_errors():
        await store.lock(connection)
        await _count(connection, arriving, dict(zip(arriving, packed, strict=True)))


async def _count(connection: Connection, arriving: dict[str, NewFrame], packed: dict[str, bytes]) -> None:
    change = Change()
    looked_up = [frame.entry for frame in arriving.values()]
    change.load(await store.related(connection, looked_up))
    replaced = change.bring(looked_up)
    if not change.fresh:
        return
    if replaced:
        change.load(await store.related(connection, replaced))
        looked_up += replaced

    sky = await store.sky_sessions(connection, {entry.own.night for entry in (*change.fresh.values(), *replaced)})
    nights = change.count_sky(sky)
    if nights:
        change.load(await store.calibration_frames(connection, nights))
    gone = change.place_calibration(sky, nights)
    if gone:
        change.load(await store.related(connection, gone))
        looked_up += gone
    change.place_previews({entry.stem_key for entry in looked_up})
    change.count_exposures({entry.exposure_key for entry in looked_up if entry.exposure_key is not None})

    totals, moved = change.differences()
    fresh = [arriving[file_id] for file_id in change.fresh]
    await store.write_frames(connection, fresh, [packed[frame.file_id] for frame in fresh], replaced, moved)
    await store.write_totals(connection, totals, _names(fresh))


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
