"""Scanning a source: walk it, leave what the ledger knows unchanged, and hand what has settled to the collector."""

import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.ingest import refusals
from services.ingest.collector import Collector, care_of
from services.ingest.large import collect_finished
from services.ingest.ledger import Known, Observation, folders_of, key_of, unchanged
from services.ingest.recheck import recheck
from services.ingest.source import Source
from services.ingest.store import Store
from services.ingest.tally import Tally
from shared.jobs.job import Job
from shared.library.extensions import ignored_by
from shared.library.walk import NOT_COUNTED, DirectoryListing, Entry, Skipped, walk
from shared.logging import get_logger

log = get_logger(__name__)

GROUP_ENTRIES = 5000
GROUP_FOLDERS = 200
SETTLING = "it changed a moment ago"


@dataclass(slots=True)
class Pass:
    """One walk over a source, or over some of its folders."""

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


class Scanner:
    """Walks sources."""

    def __init__(self, store: Store, collector: Collector) -> None:
        self._store = store
        self._collector = collector

    async def scan(
        self,
        source: Source,
        folders: Sequence[str] = ("",),
        *,
        recursive: bool = True,
        only: frozenset[str] | None = None,
        job: Job | None = None,
        verify: bool = False,
        progress: Pass | None = None,
    ) -> Pass:
        """Look at a source once.

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
        """
        done = progress or Pass()
        if job is None:  # an import collects them itself
            done.counted = collect_finished(source, done.tally, done.unsettled)
        for folder in folders:
            async for group in _groups(source, folder, self.excluded(source), recursive=recursive):
                if job is not None:
                    job.check()
                await self._judge(source, group, only, job, done, verify=verify)
        return done

    def excluded(self, *sources: Source) -> list[Path]:
        """The library is never a source of itself, unless it is indexed where it is."""
        library = self._collector.library
        return [library.path] if library is not None and all(library.path != item.path for item in sources) else []

    async def _judge(
        self,
        source: Source,
        group: list[DirectoryListing],
        only: frozenset[str] | None,
        job: Job | None,
        done: Pass,
        *,
        verify: bool,
    ) -> None:
        folders = {name for listing in group for name in folders_of(listing.relative_path)}
        known = await self._store.known(source.name, sorted(folders))
        refused: list[Observation] = []
        now_ns, now_s = time.time_ns(), time.monotonic()
        candidates: list[Entry] = []
        same: list[tuple[Entry, Known]] = []
        replaced: dict[str, str] = {}
        for listing in group:
            if only is None:
                done.folders[listing.relative_path] = _files_in(listing)
                _count_ignored(listing, done.tally)
                refused += refusals.of_listing(source, listing, asked_for=job is not None)
            for entry in listing.entries:
                if only is not None and entry.relative_path not in only:
                    continue
                row = known.get(key_of(listing.relative_path, entry.name))
                if (rule := ignored_by(entry.name, entry.size_bytes)) is not None:
                    done.tally.ignored_by[rule] += 1
                elif _is_taken_beside(source, entry, done):
                    continue
                elif (unfit := refusals.of_entry(source, entry)) is not None:
                    refused.append(unfit)
                elif row is not None and row.state != "failed" and unchanged(row, entry):
                    same.append((entry, row))
                elif source.settler.settled(entry.relative_path, entry, now_ns, now_s):
                    candidates.append(entry)
                    if row is not None and row.file_id is not None:
                        replaced[entry.relative_path] = row.file_id
                else:
                    done.unsettled[entry.relative_path] = SETTLING
        recorder = self._collector.recorder
        if refused:
            await recorder.record(source, refused, (), done.tally, job)
        if only is None and (over := _failures_that_are_over(known, group, refused)):
            await recorder.forget(source, over)
        candidates += await self._still_true(source, same, job, done.tally, others=len(candidates), verify=verify)
        unfinished = await self._collector.collect(source, candidates, replaced, done.tally, job, verify=verify)
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
            for _entry, row in same:
                _count_known(row, job, tally)
            return []
        await self._collector.opened_for(source, job, len(same) + others)
        again = []
        care = care_of(source, job, verify=verify)
        pages = recheck(self._store, self._collector.shelf, source, same, care)
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
        folders = await self._store.failed_folders(source.name)
        gone = await source.look(_not_there, source.path, folders)
        if gone:
            await self._store.forget_failed_folders(source.name, gone)

    async def looks_unmounted(self, source: Source) -> bool:
        """Whether none of the files that the source is known to hold is there: an empty or foreign mount.

        A few are looked for first. Only when all of those are gone (people clear old nights away) the newest one of
        each folder is. A source whose files we move away ourselves proves nothing by their absence.
        """
        if source.mode == "move":
            return False
        sample = await self._store.sample(source.name, 20)
        if len(sample) < 3 or await source.look(_any_there, source.path, sample):
            return False
        newest = await self._store.newest_of_folders(source.name)
        return not await source.look(_any_there, source.path, newest)


def _any_there(root: Path, paths: Sequence[str]) -> bool:
    # Path.exists raises what a share that went away answers (EIO, EHOSTDOWN); here such a file is not there.
    return any(os.path.exists(root / path) for path in paths)  # noqa: PTH110


def _not_there(root: Path, folders: Sequence[str]) -> list[str]:
    return [folder for folder in folders if not os.path.isdir(root / folder)]  # noqa: PTH112 - as above


def _failures_that_are_over(
    known: Mapping[tuple[str, str], Known], group: Sequence[DirectoryListing], refused: Sequence[Observation]
) -> list[tuple[str, str]]:
    """Failures that the ledger knows of what is not there any more, or is no obstacle any more."""
    failed = {key for key, row in known.items() if row.state == "failed"}
    if not failed:
        return []
    seen = {name for listing in group if listing.error is None for name in folders_of(listing.relative_path)}
    still = {key_of(listing.relative_path, entry.name) for listing in group for entry in listing.entries}
    still.update(item.key for item in refused)
    return sorted(key for key in failed if key[0] in seen and key not in still)


def _is_taken_beside(source: Source, entry: Entry, done: Pass) -> bool:
    """Whether a large file is in hand, and so is looked at again, or was finished and counted before this walk."""
    hand = source.in_hand.get(entry.relative_path)
    if hand is not None:
        done.unsettled[entry.relative_path] = hand.lack
    return hand is not None or entry.relative_path in done.counted


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


def _files_in(listing: DirectoryListing) -> int:
    """How many files a folder holds, also those that are ignored."""
    return len(listing.entries) + sum(skipped.rule not in NOT_COUNTED for skipped in listing.skipped)


def _count_ignored(listing: DirectoryListing, tally: Tally) -> None:
    for skipped in listing.skipped:
        if skipped.rule not in NOT_COUNTED and not skipped.is_refused:
            tally.ignored_by[skipped.rule] += 1


async def _groups(
    source: Source, folder: str, excluded: Sequence[Path], *, recursive: bool
) -> AsyncIterator[list[DirectoryListing]]:
    """Listings in groups, so that one query answers for many folders; the walking is done in a thread."""
    listings = walk(source.path / folder, recursive=recursive, exclude=excluded)
    if folder:
        listings = _below(folder, listings)
    while group := await source.look(_next_group, listings):
        yield group


def _below(folder: str, listings: Iterator[DirectoryListing]) -> Iterator[DirectoryListing]:
    """The same listings with paths counted from the source instead of the folder."""
    for listing in listings:
        yield DirectoryListing(
            f"{folder}/{listing.relative_path}".rstrip("/"),
            [
                Entry(
                    entry.name, f"{folder}/{entry.relative_path}", entry.size_bytes, entry.mtime_ns, entry.ctime_ns,
                    entry.inode, entry.device,
                )
                for entry in listing.entries
            ],
            [Skipped(f"{folder}/{skipped.relative_path}".rstrip("/"), skipped.rule) for skipped in listing.skipped],
            listing.error,
            listing.gone,
        )  # fmt: skip


def _next_group(listings: Iterator[DirectoryListing]) -> list[DirectoryListing]:
    group: list[DirectoryListing] = []
    entries = 0
    for listing in listings:
        group.append(listing)
        entries += len(listing.entries)
        if entries >= GROUP_ENTRIES or len(group) >= GROUP_FOLDERS:
            break
    return group
