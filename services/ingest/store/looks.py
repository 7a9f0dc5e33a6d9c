"""Looks: what was found, and done, where copies of known contents were looked at in the library."""

from collections.abc import Sequence

from services.ingest.description import DESCRIPTION
from services.ingest.mend import Mended, Seen
from services.ingest.store import announcements, damage, files, locations
from services.ingest.store.locations import Located
from services.ingest.store.roots import LIBRARY
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection


async def save(connection: Connection, looks: Sequence[Mended | Seen]) -> None:
    """Write what was found and done. In a transaction.

    What was placed anew is announced again, so that it is read once more, at the place where it is now. Of a content
    that was forgotten meanwhile nothing is written but which damaged copy lies aside.
    """
    await locations.save_seen(connection, LIBRARY, [item for item in looks if isinstance(item, Seen)])
    mended = [item for item in looks if isinstance(item, Mended)]
    if not mended:
        return
    await damage.add(connection, mended)
    known = await files.hold(connection, {item.content.file_id for item in mended})
    if mended := [item for item in mended if item.content.file_id in known]:
        new = await _save_mended(connection, mended)
        again = await files.raise_revisions(connection, sorted({item.content.file_id for item in mended}))
        events = await announcements.arrivals_of(connection, sorted({*new, *again}))
        await enqueue(connection, DESCRIPTION.name, events)


async def _save_mended(connection: Connection, mended: Sequence[Mended]) -> list[str]:
    """Write what was mended: contents that somebody made, and where the good copies are.

    Returns:
        Contents that are new by this: what was found at the places that somebody had changed.
    """
    new = await _save_changed(connection, [item for item in mended if item.changed is not None])
    for item in mended:
        await locations.forget(connection, LIBRARY, item.gone, item.content.file_id)
    good = (Located(LIBRARY, item.path, item.content.file_id, item.mtime_ns) for item in mended)
    await locations.save(connection, good)
    return new


async def _save_changed(connection: Connection, mended: Sequence[Mended]) -> list[str]:
    """A file that somebody changed is a content of its own."""
    new: list[str] = []
    for item in mended:
        assert item.changed is not None
        if await files.add_changed(connection, item.changed, item.content.file_id):
            new.append(item.changed.file_id)
    await locations.save(
        connection,
        [
            Located(LIBRARY, item.changed_path, item.changed.file_id, item.changed_mtime_ns)
            for item in mended
            if item.changed is not None and item.changed_path is not None
        ],
    )
    return new
