"""The collector: takes the files of a source page by page, and commits each page while the next is being hashed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent import futures
from functools import partial
from typing import TypeVar

import asyncpg

from services.ingest.hand import Finished, Hand
from services.ingest.ledger import FORGOTTEN, observe
from services.ingest.library import Library
from services.ingest.mend import Mended, NotAtRestError, Seen
from services.ingest.pages import chunks, pages
from services.ingest.placement import Placement
from services.ingest.recorder import Recorder
from services.ingest.shelf import Care, Shelf, Shelved
from services.ingest.source import Source
from services.ingest.store import looks, tombstones
from services.ingest.store.files import Arrival
from services.ingest.take import (
    Failed,
    NotCopied,
    NotReached,
    Outcome,
    Taken,
    Unfinished,
    WithoutRoom,
    fits,
    take_many,
)
from services.ingest.tally import LARGE_BYTES, Tally
from shared.bus.outbox import OutboxRelay
from shared.db.pool import connected, transaction
from shared.errors import Away, NightbusError, Unavailable
from shared.jobs.job import Job
from shared.jobs.outcome import Stopped
from shared.library.room import NoRoom, Room
from shared.library.roots import LibraryAway, Root
from shared.library.stage import NotWritten, staged_path
from shared.library.walk import Entry
from shared.logging import get_logger
from shared.tasks import start_task

log = get_logger(__name__)

T = TypeVar("T")

CLOSE_S = 10.0
"""How long the end waits for files in hand; whoever ended us kills us later than that."""


class Collector:
    """Takes files, in the threads of their sources."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        relay: OutboxRelay,
        *,
        library: Library | None,
        shelf: Shelf | None,
        room: Room | None = None,
        placement: Placement,
        incomplete_wait_s: float,
    ) -> None:
        self._pool = pool
        self.recorder = Recorder(pool, relay.wake)
        self._placement = placement
        self._incomplete_wait_s = incomplete_wait_s
        self._in_hand: set[futures.Future[list[Outcome]]] = set()
        self._large: set[Hand] = set()
        self._opening = library
        self.library = library.root if library is not None else None
        self.shelf = shelf
        self.room = room

    def close(self) -> None:
        """Leave large files and wait for the others in hand; not for ever, since a share may hang."""
        for hand in self._large:
            hand.end()
        futures.wait(tuple(self._in_hand), timeout=CLOSE_S)

    async def opened_for(self, source: Source, job: Job | None, files: int = 0) -> Root | None:
        """The library that a source's files go to, once it may be written to; None where they stay in place.

        ``files``: how many wait for it.

        Raises:
            Stopped: the import was cancelled or taken over while it waited.
        """
        if source.mode == "index" or self._opening is None:
            return None
        return await (job.until(self._opening.opened(files)) if job is not None else self._opening.opened(files))

    async def require_library(self, files: int) -> None:
        """Tell a failure of one file, or of one folder, from one of the library, after something could not be written.

        Raises:
            Unavailable: it is the library's; ``files`` and all others wait until it is back.
        """
        assert self._opening is not None
        if (reason := await self._opening.trouble(files)) is not None:
            raise Unavailable(reason)

    async def of_library(self, pages: AsyncIterator[T], files: int) -> AsyncIterator[T]:
        """The same pages of looks at the library; raises as ``require_library`` does where it is not there."""
        try:
            async for page in pages:
                yield page
        except LibraryAway as error:
            await self.require_library(files)
            raise Unavailable(str(error)) from error  # it is there again

    async def collect(
        self,
        source: Source,
        entries: Sequence[Entry],
        replaced: dict[str, str],
        tally: Tally,
        job: Job | None,
        *,
        verify: bool = False,
    ) -> dict[str, str]:
        """Take settled files of a source.

        Args:
            source: where they are.
            entries: the files.
            replaced: content that a path held before, by relative path.
            tally: counts go here as they are committed.
            job: the import that asked, if any.
            verify: whether stored copies of known content are read.

        Returns:
            Files that are not yet complete and should be looked at again, by relative path, and what they lack.

        Raises:
            Stopped: the import was cancelled or taken over; the files in hand were recorded, or left for another try.
            Unavailable: the library went away; files in hand are left for another try.
            Away: the source went away; what was taken until then was recorded.
        """
        if entries:
            await self.opened_for(source, job, len(entries))
        large = [entry for entry in entries if await self._is_beside(source, entry)]
        unfinished = {
            entry.relative_path: self._begin(source, entry, replaced, job, verify=verify).lack for entry in large
        }
        others = [entry for entry in entries if entry.relative_path not in unfinished]
        commit: asyncio.Task[dict[str, str]] | None = None
        lost: str | None = None
        try:
            for page in pages(others):
                if job is not None:
                    job.check()
                outcomes = await self._take_page(source, page, job)
                unfinished |= {
                    item.entry.relative_path: item.reason for item in outcomes if isinstance(item, Unfinished)
                }
                if commit is not None:
                    try:
                        unfinished |= await commit
                    except BaseException:
                        await self._abandon(outcomes)
                        raise
                recording = self._commit(source, outcomes, replaced, tally, job, verify=verify)
                commit = start_task(recording, name=f"commit of {source.name}", expected=(NightbusError, Stopped))
                if (lost := _lost(outcomes)) is not None:
                    break
        finally:
            if commit is not None:
                unfinished |= await commit
        if lost is not None:
            raise Away(lost)
        return unfinished

    async def _is_beside(self, source: Source, entry: Entry) -> bool:
        """Whether a file is so large that the others go first. One without room waits for that like any other."""
        if entry.size_bytes < LARGE_BYTES:
            return False
        if source.mode == "index" or self.room is None:
            return True
        try:
            return await source.look(fits, source.port, entry, self.room)
        except NightbusError:
            return True  # whoever takes it says why it cannot be read

    def _begin(self, source: Source, entry: Entry, replaced: dict[str, str], job: Job | None, *, verify: bool) -> Hand:
        """Begin to take a large file."""
        hand = Hand(entry.size_bytes) if job is None else Hand(entry.size_bytes, job.check)
        work = self._take_large(source, entry, hand, replaced, job, verify=verify)
        hand.task = start_task(work, name=f"large file of {source.name}", expected=(NightbusError, Stopped))
        hand.task.add_done_callback(lambda _task: self._large.discard(hand))
        self._large.add(hand)
        source.in_hand[entry.relative_path] = hand
        return hand

    async def _take_large(
        self, source: Source, entry: Entry, hand: Hand, replaced: dict[str, str], job: Job | None, *, verify: bool
    ) -> Finished:
        tally = Tally()
        outcomes = await self._take_page(source, [entry], job, hand)
        unsettled = await self._commit(source, outcomes, replaced, tally, job, verify=verify)
        if (lost := _lost(outcomes)) is not None:
            raise Away(lost)
        lacks = [item.reason for item in outcomes if isinstance(item, Unfinished)] + list(unsettled.values())
        return Finished(tally, lacks[0] if lacks else None)

    async def _take_page(
        self, source: Source, page: list[Entry], job: Job | None, hand: Hand | None = None
    ) -> list[Outcome]:
        library = await self.opened_for(source, job, len(page))
        waited = frozenset(entry.relative_path for entry in page if self._waited_enough(source, entry))
        take = partial(take_many, source, library=library, room=self.room, even_unfinished=waited)
        if hand is None:
            parts = [source.taking.submit(take, chunk) for chunk in chunks(page)]
        else:
            parts = [source.taking_large.submit(take, page, progress=hand.progress)]
        self._in_hand.update(parts)
        for part in parts:
            part.add_done_callback(self._in_hand.discard)
        results = await asyncio.gather(*map(asyncio.wrap_future, parts))
        outcomes = await self._told_apart([outcome for result in results for outcome in result])
        for item in outcomes:
            if isinstance(item, Unfinished):
                source.first_seen_incomplete.setdefault(item.entry.relative_path, time.monotonic())
            elif not isinstance(item, NotReached):
                source.first_seen_incomplete.pop(item.entry.relative_path, None)
        return outcomes

    async def _told_apart(self, outcomes: list[Outcome]) -> list[Outcome]:
        """What could not be copied although the library can be written to has failed. Raises Unavailable otherwise."""
        if any(isinstance(item, NotCopied) for item in outcomes):
            try:
                await self.require_library(len(outcomes))
            except BaseException:
                await self._abandon(outcomes)
                raise
        return [Failed(item.entry, item.sentence) if isinstance(item, NotCopied) else item for item in outcomes]

    def _waited_enough(self, source: Source, entry: Entry) -> bool:
        """Whether an unfinished file has rested so long that it will not grow any more: it is taken as it is."""
        rested_s = time.time() - max(entry.mtime_ns, entry.changed_ns) / 1e9
        if source.own_clock and rested_s >= self._incomplete_wait_s:
            return True
        first_seen = source.first_seen_incomplete.get(entry.relative_path)
        return first_seen is not None and time.monotonic() - first_seen >= self._incomplete_wait_s

    async def _commit(
        self,
        source: Source,
        outcomes: Sequence[Outcome],
        replaced: dict[str, str],
        tally: Tally,
        job: Job | None,
        *,
        verify: bool,
    ) -> dict[str, str]:
        """Place and record what was taken; by relative path what is to be looked at again, and why."""
        failed = [item for item in outcomes if isinstance(item, Failed)]
        taken, forgotten = await self._without_forgotten(source, outcomes)
        looked: list[Mended | Seen] = []
        unsettled: dict[str, str] = {}
        crowd = [item.entry for item in outcomes if isinstance(item, WithoutRoom)]
        if not taken and not failed and not forgotten:
            _add_to_crowd(crowd, tally)
            return unsettled
        if source.mode == "index":
            arrivals = [_indexed(source, item, replaced) for item in taken]
        else:
            try:
                shelved = await self._shelve(source, taken, care_of(source, job, verify=verify))
            except BaseException:
                await self._abandon(taken)
                raise
            arrivals = self._arrivals(taken, shelved, replaced)
            for item in taken:
                reason = shelved.failed.get(item.file_id)
                if isinstance(reason, NoRoom):
                    crowd.append(item.entry)
                elif isinstance(reason, NotAtRestError):
                    unsettled[item.entry.relative_path] = str(reason)
                elif reason is not None:
                    failed.append(Failed(item.entry, str(reason)))
            taken = [item for item in taken if item.file_id not in shelved.failed]
            looked = shelved.looks
        observations = [
            *(observe(item.entry, file_id=item.file_id, named=source.is_named(item.entry)) for item in taken),
            *(observe(item.entry, reason=item.sentence) for item in failed),
            *(observe(item.entry, file_id=item.file_id, forgotten=True) for item in forgotten),
        ]
        mended = {item.content.file_id: item for item in looked if isinstance(item, Mended)}
        recorded = await self.recorder.record(
            source, observations, arrivals, tally, job, fate=source.fate, mended=mended
        )
        async with transaction(self._pool) as connection:
            await looks.save(connection, [item for item in looked if isinstance(item, Seen)])
        arrived = recorded.states.count("arrived")
        tally.arrived += arrived
        for observation in recorded.observations:
            tally.weigh(observation.size_bytes)
        if job is not None:
            tally.own.update(state for state in recorded.states if state != "failed")
        tally.read_bytes += sum(item.size_bytes for item in taken)
        for state in recorded.states:
            if state == "forgotten":
                tally.ignored_by[FORGOTTEN] += 1
            elif state not in {"arrived", "failed"}:
                tally.count_known(state)
        _add_to_crowd(crowd, tally)
        if source.mode != "index":
            tally.brought_home += recorded.brought_home(item.file_id for item in arrivals)
        return unsettled

    async def _without_forgotten(self, source: Source, outcomes: Sequence[Outcome]) -> tuple[list[Taken], list[Taken]]:
        """What was taken, and what of it a person asked to forget, unless it was named since; nothing stays of that."""
        taken = [item for item in outcomes if isinstance(item, Taken)]
        if not taken:
            return [], []
        try:
            async with connected(self._pool) as connection:
                buried = await tombstones.forgotten(connection, {item.file_id for item in taken})
        except BaseException:
            await self._abandon(taken)
            raise
        left = [item for item in taken if item.file_id in buried and not source.is_named(item.entry)]
        await self._abandon(left)
        return [item for item in taken if item not in left], left

    async def _shelve(self, source: Source, taken: Sequence[Taken], care: Care) -> Shelved:
        assert self.shelf is not None
        shelved = await self.shelf.shelve(taken, partial(self._wanted, source), care)
        if any(isinstance(reason, LibraryAway | NotWritten) for reason in shelved.failed.values()):
            await self.require_library(len(taken))
        gone = sum(isinstance(item, Seen) and item.whole_at_ns is None for item in shelved.looks)
        if gone and not care.bring_back:
            log.warning("known files have gone from the library; a watched source brings nothing back", files=gone)
        return shelved

    def _wanted(self, source: Source, item: Taken) -> str:
        """Where a file belongs; what its header says is read at the source, or in the copy where that cannot be."""
        assert self.library is not None
        assert item.staged is not None
        folder = source.port.folder
        readable = staged_path(item.staged, self.library) if folder is None else folder / item.entry.relative_path
        return self._placement.path_of(source, item.entry, readable)

    def _arrivals(self, taken: Sequence[Taken], shelved: Shelved, replaced: dict[str, str]) -> list[Arrival]:
        assert self.library is not None
        first = {item.file_id: item for item in reversed(taken) if item.file_id in shelved.placed}
        return [
            _arrival(self.library, placed.relative_path, item, placed.mtime_ns, replaced)
            for file_id, item in first.items()
            for placed in (shelved.placed[file_id],)
        ]

    async def _abandon(self, outcomes: Sequence[Outcome]) -> None:
        """Throw the copies of a page away that cannot be recorded now; those that have a name already keep it."""
        for item in outcomes:
            if isinstance(item, Taken) and self.shelf is not None:
                await self.shelf.discard(item.staged)


def care_of(source: Source, job: Job | None, *, verify: bool) -> Care:
    """What is asked of stored copies: before a deletion all, of a person's import that they are there, else little."""
    return Care(hashing=verify or source.fate != "keep", bring_back=job is not None)


def _arrival(root: Root, path: str, item: Taken, mtime_ns: int, replaced: dict[str, str]) -> Arrival:
    before = replaced.get(item.entry.relative_path)
    return Arrival(
        file_id=item.file_id,
        size_bytes=item.size_bytes,
        root=root.name,
        path=path,
        root_path=str(root.path),
        origin=item.entry.relative_path,
        replaces=before if before != item.file_id else None,
        mtime_ns=mtime_ns,
        hints=item.facts,
    )


def _indexed(source: Source, item: Taken, replaced: dict[str, str]) -> Arrival:
    assert source.port.folder is not None
    root = Root(source.name, source.port.folder, writable=False)
    return _arrival(root, item.entry.relative_path, item, item.entry.mtime_ns, replaced)


def _lost(outcomes: Sequence[Outcome]) -> str | None:
    """Why the source is not there any more, if it is not."""
    return next((item.sentence for item in outcomes if isinstance(item, NotReached)), None)


def _add_to_crowd(entries: Sequence[Entry], tally: Tally) -> None:
    for entry in entries:
        tally.crowd_out(entry.relative_path.rpartition("/")[0], entry.size_bytes)
