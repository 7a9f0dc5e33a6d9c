"""The collector: takes the files of a source page by page, and commits each page while the next is being hashed."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from services.ingest.ledger import observe
from services.ingest.library import Library
from services.ingest.placement import Placement
from services.ingest.recorder import Recorder
from services.ingest.source import Source
from services.ingest.store import Arrival, Store
from services.ingest.take import Failed, Outcome, Taken, Unfinished, take_many
from services.ingest.tally import Tally
from shared.bus.outbox import OutboxRelay
from shared.errors import NightbusError, Permanent
from shared.library.place import place
from shared.library.reading import shown
from shared.library.roots import Root
from shared.library.stage import discard
from shared.library.walk import Entry
from shared.logging import get_logger
from shared.tasks import start_task

log = get_logger(__name__)

PAGE_FILES, PAGE_BYTES = 256, 64 * 1024**2
"""Files that are committed together; small enough that the scanner has work while the next ones are copied."""
CHUNK_FILES, CHUNK_BYTES = 16, 8 * 1024**2
"""Files that one thread takes in a row: many small ones or one large one."""


class Collector:
    """Takes files; owns the threads that copy and hash."""

    def __init__(
        self,
        store: Store,
        relay: OutboxRelay,
        *,
        library: Library | None,
        placement: Placement,
        workers: int,
        incomplete_wait_s: float,
    ) -> None:
        self._store = store
        self.recorder = Recorder(store, relay.wake)
        self._placement = placement
        self._incomplete_wait_s = incomplete_wait_s
        self._threads = ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="take")
        self._opening = library
        self.library = library.root if library is not None else None

    def close(self) -> None:
        """End the threads after the files in hand."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def collect(
        self, source: Source, entries: Sequence[Entry], replaced: dict[str, str], tally: Tally, import_id: UUID | None
    ) -> dict[str, str]:
        """Take settled files of a source.

        Args:
            source: where they are.
            entries: the files.
            replaced: content that a path held before, by relative path.
            tally: counts go here as they are committed.
            import_id: the import that asked, if any.

        Returns:
            Files that are not yet complete and should be looked at again, by relative path, and what they lack.
        """
        unfinished: dict[str, str] = {}
        commit: asyncio.Task[None] | None = None
        try:
            for page in _pages(entries):
                outcomes = await self._take_page(source, page)
                unfinished |= {
                    item.entry.relative_path: item.reason for item in outcomes if isinstance(item, Unfinished)
                }
                if commit is not None:
                    try:
                        await commit
                    except BaseException:
                        await self._abandon(outcomes)
                        raise
                recording = self._commit(source, outcomes, replaced, tally, import_id)
                commit = start_task(recording, name=f"commit of {source.name}", expected=(NightbusError,))
        finally:
            if commit is not None:
                await commit
        return unfinished

    async def _take_page(self, source: Source, page: list[Entry]) -> list[Outcome]:
        library = None if source.mode == "index" or self._opening is None else await self._opening.opened()
        waited = frozenset(entry.relative_path for entry in page if self._waited_enough(source, entry))
        loop = asyncio.get_running_loop()
        results = await asyncio.gather(
            *(loop.run_in_executor(self._threads, take_many, source, chunk, library, waited) for chunk in _chunks(page))
        )
        outcomes = [outcome for result in results for outcome in result]
        for item in outcomes:
            if isinstance(item, Unfinished):
                source.first_seen_incomplete.setdefault(item.entry.relative_path, time.monotonic())
            else:
                source.first_seen_incomplete.pop(item.entry.relative_path, None)
        return outcomes

    def _waited_enough(self, source: Source, entry: Entry) -> bool:
        """Whether an unfinished file has rested so long that it will not grow any more: it is taken as it is."""
        if not source.network and time.time() - max(entry.mtime_ns, entry.ctime_ns) / 1e9 >= self._incomplete_wait_s:
            return True
        first_seen = source.first_seen_incomplete.get(entry.relative_path)
        return first_seen is not None and time.monotonic() - first_seen >= self._incomplete_wait_s

    async def _commit(
        self,
        source: Source,
        outcomes: Sequence[Outcome],
        replaced: dict[str, str],
        tally: Tally,
        import_id: UUID | None,
    ) -> None:
        taken = [item for item in outcomes if isinstance(item, Taken)]
        failed = [item for item in outcomes if isinstance(item, Failed)]
        if source.mode == "index":
            arrivals = [_indexed(source, item, replaced) for item in taken]
        else:
            try:
                arrivals, taken, unplaced = await self._place(source, taken, replaced)
            except BaseException:
                await self._abandon(taken)
                raise
            failed += unplaced
        observations = [
            *(observe(item.entry, file_id=item.file_id) for item in taken),
            *(observe(item.entry, reason=item.sentence) for item in failed),
        ]
        recorded = await self.recorder.record(
            source, observations, arrivals, tally, import_id, moved=source.mode == "move"
        )
        arrived = recorded.states.count("arrived")
        tally.arrived += arrived
        tally.already_here += recorded.states.count("already_here")
        if source.mode != "index":
            written = {item.file_id for item in recorded.observations}
            tally.brought_home += sum(item.file_id in written for item in arrivals) - arrived

    async def _place(
        self, source: Source, taken: list[Taken], replaced: dict[str, str]
    ) -> tuple[list[Arrival], list[Taken], list[Failed]]:
        """Give new contents their names in the library and throw copies of known ones away."""
        assert self.library is not None
        here = await self._store.places_in(self.library.name, {item.file_id for item in taken})
        first = {item.file_id: item for item in reversed(taken) if item.file_id not in here}
        paths = await asyncio.gather(*(asyncio.to_thread(self._try_to_place, source, item) for item in first.values()))
        placed = dict(zip(first, paths, strict=True))
        arrivals, done, failed = [], [], []
        for item in taken:
            path = here.get(item.file_id) or placed[item.file_id]
            if item is not first.get(item.file_id) or isinstance(path, NightbusError):
                await asyncio.to_thread(self._discard_quietly, item)
            if isinstance(path, NightbusError):
                failed.append(Failed(item.entry, str(path)))
                continue
            if item is first.get(item.file_id):
                arrivals.append(_arrival(self.library, path, item, item.entry.relative_path, replaced))
            done.append(item)
        return arrivals, done, failed

    def _try_to_place(self, source: Source, item: Taken) -> str | NightbusError:
        assert self.library is not None
        assert item.staged is not None
        try:
            return place(item.staged, self.library, self._placement.path_of(source, item.entry)).relative_path
        except NightbusError as error:
            return error
        except Exception as error:  # one file costs itself, whatever its header makes a reader do
            log.exception("a file could not be placed", source=source.name, path=item.entry.relative_path)
            where = shown(source.path / item.entry.relative_path)
            return Permanent(f"{where} cannot be placed: {error or type(error).__name__}")

    async def _abandon(self, outcomes: Sequence[Outcome]) -> None:
        """Throw the copies of a page away that cannot be recorded now; those that have a name already keep it."""
        for item in outcomes:
            if isinstance(item, Taken):
                await asyncio.to_thread(self._discard_quietly, item)

    def _discard_quietly(self, item: Taken) -> None:
        if item.staged is None:
            return
        assert self.library is not None
        try:
            discard(item.staged, self.library)
        except NightbusError as error:
            log.warning("a temporary copy is left for the next start", reason=str(error))


def _arrival(root: Root, path: str, item: Taken, origin: str, replaced: dict[str, str]) -> Arrival:
    before = replaced.get(item.entry.relative_path)
    return Arrival(
        file_id=item.file_id,
        size_bytes=item.size_bytes,
        root=root.name,
        path=path,
        root_path=str(root.path),
        origin=origin,
        replaces=before if before != item.file_id else None,
    )


def _indexed(source: Source, item: Taken, replaced: dict[str, str]) -> Arrival:
    where = item.entry.relative_path
    return _arrival(Root(source.name, source.path, writable=False), where, item, where, replaced)


def _pages(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    return _parts(entries, PAGE_FILES, PAGE_BYTES)


def _chunks(page: Sequence[Entry]) -> Iterator[list[Entry]]:
    return _parts(page, CHUNK_FILES, CHUNK_BYTES)


def _parts(entries: Sequence[Entry], most_files: int, enough_bytes: int) -> Iterator[list[Entry]]:
    """Runs of files, each ended by its last allowed file or by the file that fills it."""
    part: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        part.append(entry)
        size_bytes += entry.size_bytes
        if len(part) >= most_files or size_bytes >= enough_bytes:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part
