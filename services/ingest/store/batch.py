"""A batch: what came of some files of a source, written to all tables that it concerns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.ingest.description import DESCRIPTION
from services.ingest.ledger import Observation
from services.ingest.mend import How, Mended
from services.ingest.store import announcements, deletions, displaced, files, ledger, locations, looks, tombstones
from services.ingest.store.files import Arrival
from services.ingest.store.locations import Located
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of files of a source.

    ``zone`` is the source's, ``arrivals`` contents at their places, ``freed`` files to be deleted in the source
    (``after_backup``: once an archive has them), and ``mended`` known contents whose copies in the library were placed
    anew.
    """

    source: str
    zone: str | None
    observations: Sequence[Observation]
    arrivals: Sequence[Arrival] = ()
    freed: Sequence[Observation] = ()
    after_backup: bool = False
    mended: Sequence[Mended] = ()


async def save(connection: Connection, batch: Batch, import_id: UUID | None) -> list[str]:
    """Write ledger, files, locations, events and deletion jobs. In a transaction.

    ``import_id``: the import that asked, if any.

    Returns:
        For each observation what it was recorded as: arrived, already_here, forgotten, failed, or how it was mended.
    """
    contents = {item.file_id for item in batch.observations if item.file_id is not None}
    known = await files.hold(connection, contents)
    if buried := await tombstones.forgotten(connection, contents - known):
        batch = _without(batch, buried)
    new = await files.add(connection, batch.source, batch.zone, batch.arrivals)
    places = [Located(item.root, item.path, item.file_id, item.mtime_ns) for item in batch.arrivals]
    await locations.save(connection, places)
    back = await displaced.placed(connection, [place for place in places if place.file_id not in new])
    await looks.save(connection, batch.mended)
    how: dict[str, How] = {item.content.file_id: item.how for item in batch.mended}
    states = _states(batch.observations, new, how | dict.fromkeys(back, "brought_back"))
    await ledger.save(connection, batch.source, batch.observations, states, import_id)
    await deletions.add(connection, batch.source, batch.freed, after_backup=batch.after_backup)
    first = {item.file_id: item for item in reversed(batch.arrivals)}
    events = [announcements.of_new(first[file_id], batch.source, batch.zone, new[file_id]) for file_id in sorted(new)]
    await enqueue(connection, DESCRIPTION.name, events)
    return states


def _without(batch: Batch, buried: Collection[str]) -> Batch:
    """The same where contents were forgotten while their files were taken: these come back by name alone, as new."""
    placed = {item.file_id for item in batch.arrivals}
    back = {item.file_id for item in batch.observations if item.file_id in placed and item.named}
    gone = set(buried) - back

    def stays(item: Observation) -> bool:
        return item.file_id not in buried or (item.file_id in back and item.named)

    return replace(
        batch,
        observations=[item if stays(item) else replace(item, forgotten=True) for item in batch.observations],
        arrivals=[item for item in batch.arrivals if item.file_id not in gone],
        freed=[item for item in batch.freed if stays(item)],
        mended=[item for item in batch.mended if item.content.file_id not in gone],
    )


def _states(observations: Sequence[Observation], new: Collection[str], mended: Mapping[str, How]) -> list[str]:
    """The first file of a new content arrived, that of a mended one mended it; every other one was already here."""
    states: list[str] = []
    told: set[str] = set()
    for item in observations:
        if item.file_id is None:
            states.append("failed")
        elif item.forgotten:
            states.append("forgotten")
        elif item.file_id in told or (item.file_id not in new and item.file_id not in mended):
            states.append("already_here")
        else:
            told.add(item.file_id)
            states.append("arrived" if item.file_id in new else mended[item.file_id])
    return states
