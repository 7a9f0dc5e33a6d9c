"""Walking a source: leave what the ledger knows unchanged, and hand what has settled to the collector."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from services.ingest.collector import Collector, care_of
from services.ingest.judge import judged
from services.ingest.large import collect_finished
from services.ingest.ledger import Known, folders_of
from services.ingest.pages import GROUP_ENTRIES, next_group
from services.ingest.recheck import recheck
from services.ingest.source import Source
from services.ingest.store import ledger
from services.ingest.tally import Tally
from shared.db.pool import connected
from shared.jobs.job import Job
from shared.library.walk import DirectoryListing, Entry
from shared.logging import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class Walk:
    """What one walk over a source, or over some of its folders, has found so far."""

    tally: Tally = field(default_factory=Tally)
    unsettled: dict[str, str] = field(default_factory=dict)
    """Files to look at again by relative path, and what is waited for."""
    counted: set[str] = field(default_factory=set)
    """Large files that were finished before this walk: their counts are in the tally."""
    folders: dict[str, int] = field(default_factory=dict)
    """How many files each folder holds."""

    @property
    def seen(self) -> int:
        """Files seen so far, settled or not."""
        return self.tally.found + len(self.unsettled)


class Walker:
    """Walks sources."""

    def __init__(self, pool: asyncpg.Pool, collector: Collector) -> None:
        self._pool = pool
        self._collector = collector

    async def walk(
        self,
        source: Source,
        folders: Sequence[str] = ("",),
        *,
        recursive: bool = True,
        only: frozenset[str] | None = None,
        job: Job | None = None,
        verify: bool = False,
        progress: Walk | None = None,
    ) -> Walk:
        """Walk a source once.

        Args:
            source: the source.
            folders: folders below it, "" for all of it.
            recursive: whether folders below those are walked too.
            only: relative paths of the only files to look at.
            job: the import that asked, if any; what it took in an earlier try counts as it did then.
            verify: whether stored copies of known content are read.
            progress: counts are kept here, so that a caller can watch them.

        Returns:
            The counts, and the files that are still growing or not complete yet.

        Raises:
            Stopped: the import was cancelled or taken over.
            Away: the source went away.
        """
        done = progress or Walk()
        if job is None:  # an import collects them itself
            done.counted = collect_finished(source, done.tally, done.unsettled)
        for folder in folders:
            async for group in _groups(source, folder, recursive=recursive):
                if job is not None:
                    job.check()
                await self._judge(source, group, only, job, done, verify=verify)
        return done

    def excluded(self, folder: Path | None) -> tuple[Path, ...]:
        """What is no part of a source: the library is never one of itself, unless its folder is indexed as it is."""
        library = self._collector.library
        return (library.path,) if library is not None and library.path != folder else ()

    async def _judge(
        self,
        source: Source,
        group: list[DirectoryListing],
        only: frozenset[str] | None,
        job: Job | None,
        done: Walk,
        *,
        verify: bool,
    ) -> None:
        folders = {name for listing in group for name in folders_of(listing.relative_path)}
        async with connected(self._pool) as connection:
            known = await ledger.known(connection, source.name, sorted(folders))
        found = await source.look(judged, source, group, known, only, done.counted, job is not None)
        done.folders |= found.folders
        done.tally.ignored_by.update(found.ignored_by)
        done.unsettled |= found.unsettled
        recorder = self._collector.recorder
        if found.refused:
            await recorder.record(source, found.refused, (), done.tally, job)
        if found.over:
            await recorder.forget(source, found.over)
        again = await self._still_true(source, found.same, job, done.tally, others=len(found.candidates), verify=verify)
        candidates = found.candidates + again
        unfinished = await self._collector.collect(source, candidates, found.replaced, done.tally, job, verify=verify)
        done.unsettled |= unfinished
        gone = {entry.relative_path for entry in candidates} - unfinished.keys()
        for path in gone:
            source.settler.forget(path)

    async def _still_true(
        self,
        source: Source,
        same: Sequence[tuple[Entry, Known]],
        job: Job | None,
        tally: Tally,
        *,
        others: int,
        verify: bool,
    ) -> list[Entry]:
        """Count files that the ledger knows, and return those that are to be taken again; ``others`` wait with them.

        A watched source brings nothing back, since people cull by hand: there the ledger is enough.
        """
        if job is None:
            for number, (_entry, row) in enumerate(same, 1):
                _count_known(row, job, tally)
                if number % GROUP_ENTRIES == 0:
                    await asyncio.sleep(0)
            return []
        await self._collector.opened_for(source, job, len(same) + others)
        again = []
        care = care_of(source, job, verify=verify)
        pages = recheck(self._pool, self._collector.shelf, source, same, care)
        async for page in self._collector.of_library(pages, len(same)):
            job.check()
            for item in page:
                tally.read_bytes += item.known.size_bytes if care.hashing else 0
                if item.failure is not None:
                    tally.fail(item.failure)
                    tally.own[item.known.state] += item.known.import_id == job.id
                elif item.again:
                    again.append(item.entry)
                else:
                    _count_known(item.known, job, tally)
        return again

    async def forget_gone_folders(self, source: Source) -> None:
        """Forget what could not be taken in folders that are no more."""
        async with connected(self._pool) as connection:
            folders = await ledger.failed_folders(connection, source.name)
        there = set(await source.look(source.port.walked, folders)) if folders else set()
        if gone := [folder for folder in folders if folder not in there]:
            async with connected(self._pool) as connection:
                await ledger.forget_failed_folders(connection, source.name, gone)

    async def looks_unmounted(self, source: Source) -> bool:
        """Whether none of the files that the source is known to hold is there: an empty or foreign mount.

        A few are looked for first. Only when all of those are gone (people clear old nights away) the newest one of
        each folder is. A source whose files we delete ourselves proves nothing by their absence.
        """
        if source.fate != "keep":
            return False
        async with connected(self._pool) as connection:
            sample = await ledger.sample(connection, source.name, 20)
        if len(sample) < 3 or await source.look(source.port.holds_any, sample):
            return False
        async with connected(self._pool) as connection:
            newest = await ledger.newest_of_folders(connection, source.name)
        return not await source.look(source.port.holds_any, newest)


def _count_known(row: Known, job: Job | None, tally: Tally) -> None:
    tally.weigh(row.size_bytes)
    if job is None or row.import_id != job.id:
        tally.count_known("already_here")
        return
    tally.own[row.state] += 1
    if row.state == "arrived":
        tally.arrived += 1
    else:
        tally.count_known(row.state)


async def _groups(source: Source, folder: str, *, recursive: bool) -> AsyncIterator[list[DirectoryListing]]:
    """Listings in groups, so that one query answers for many folders; the walking is done in a thread."""
    listings = source.port.listings(folder, recursive=recursive)
    while group := await source.look(next_group, listings):
        yield group
