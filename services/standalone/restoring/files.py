"""Every archived file at the place where the database knows it, proven; in pages, however many there are."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from services.backup.destinations.port import Destination
from services.backup.restore.folder import RestoreFolder
from services.backup.restore.restore import Failure, Restore
from services.backup.restore.thaw import Cold, Place, cold_at, needed_of
from services.backup.restore.wanted import Copy, Wanted
from shared.bus.transaction import Connection

LIBRARY = "library"
PAGE_FILES = 2000
MOST_NAMED = 1000
"""Files of a kind that are told by name; of more the number."""
_ARCHIVES = "SELECT key FROM backup.archives WHERE destination = $1 AND phase IN ('verified', 'unproven') ORDER BY key"
_PAGE = """
SELECT DISTINCT a.file_id FROM backup.archived_file a
WHERE a.destination = $1 AND a.file_id > $2 ORDER BY a.file_id LIMIT $3
"""
_COPIES = """
SELECT a.file_id, a.destination, a.key, a.position, a.name, a.root, a.path, a.size_bytes, a.stored_offset,
       a.stored_bytes, a.state <> 'written' AS damaged, r.packing->>'kind' = 'zstd' AS packed
FROM backup.archived_file a JOIN backup.archives r USING (archive_id)
WHERE a.destination = $1 AND a.file_id = ANY($2::text[]) ORDER BY a.file_id, a.key
"""
_PLACES = """
SELECT l.file_id, l.root, l.path, l.mtime_ns FROM ingest.location l JOIN ingest.root r ON r.name = l.root
WHERE l.file_id = ANY($1::text[]) AND l.kind = 'library' AND l.removed_reason IS NULL
  AND r.kind IN ('library', 'indexed')
ORDER BY l.file_id, r.kind = 'library' DESC, l.root, l.path
"""
_FATES = """
SELECT f AS file_id, EXISTS (SELECT FROM ingest.tombstone t WHERE t.file_id = f) AS forgotten,
       EXISTS (SELECT FROM ingest.file k WHERE k.file_id = f) AS known
FROM unnest($1::text[]) f
"""
_NEVER = """
SELECT coalesce(l.root || '/' || l.path, f.origin) AS name, count(*) OVER () AS files FROM ingest.file f
LEFT JOIN LATERAL (
    SELECT root, path FROM ingest.location WHERE file_id = f.file_id ORDER BY root, path LIMIT 1) l ON true
WHERE NOT EXISTS (SELECT FROM backup.archived_file a WHERE a.file_id = f.file_id AND a.destination = $1)
ORDER BY 1 LIMIT $2
"""


@dataclass(slots=True)
class Files:
    """What became of the files: wanted = restored + already_here + failed, for each place of each file."""

    archived: int = 0
    """Contents; each is wanted at all its places, is forgotten, or is left in the archive."""
    wanted: int = 0
    restored: int = 0
    restored_bytes: int = 0
    already_here: int = 0
    forgotten: int = 0
    left_in_archive: int = 0
    """They lay nowhere when the dump was made: their local copies were freed."""
    newer: int = 0
    """Archived after the dump was made, so that the database does not know them."""
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    """The first of them, without their copies."""
    renamed_count: int = 0
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """The first of them."""
    never_archived: list[str] = field(default_factory=list)
    never_archived_count: int = 0

    def fail(self, failures: Sequence[Failure]) -> None:
        """Count what could not be brought back; the first are kept by name, however many there are."""
        self.failed += len(failures)
        self.failures += [replace(one, copies=()) for one in failures[: MOST_NAMED - len(self.failures)]]

    def rename(self, renamed: Sequence[tuple[str, str]]) -> None:
        """Count what got another name; the first are kept."""
        self.renamed_count += len(renamed)
        self.renamed += renamed[: MOST_NAMED - len(self.renamed)]


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files go."""

    library: Path
    trees: Path
    """Files of an indexed tree: below a folder of its name."""
    newer: Path
    """What the database does not know yet: for an import."""


@dataclass(slots=True)
class _Page:
    """What is wanted of a page, by the folder that it goes into."""

    wanted: dict[Path, list[Wanted]] = field(default_factory=dict)
    mtimes_ns: dict[Path, int] = field(default_factory=dict)

    def want(self, folder: Path, wanted: Wanted, mtime_ns: int | None) -> None:
        self.wanted.setdefault(folder, []).append(wanted)
        if mtime_ns is not None:
            self.mtimes_ns[folder / wanted.name] = mtime_ns


class FilesBack:
    """Brings the files back. ``told`` hears of the progress, often."""

    def __init__(
        self, connection: Connection, destination: Destination, name: str, folders: Folders,
        told: Callable[[Files], object],
    ) -> None:  # fmt: skip
        """``name`` is the destination's in the database."""
        self.so_far = Files()
        self._connection = connection
        self._destination = destination
        self._name = name
        self._folders = folders
        self._told = told
        self._opened: dict[Path, RestoreFolder] = {}

    async def run(self) -> Files:
        """Bring back all that the destination holds; what cannot be brought back is named, and holds up nothing else.

        Raises:
            UserError: a folder cannot be written to.
        """
        try:
            async for file_ids in self._pages():
                await self._bring(await self._plan(file_ids, self.so_far))
        finally:
            for folder in self._opened.values():
                folder.close()
        never = await self._connection.fetch(_NEVER, self._name, MOST_NAMED)
        self.so_far.never_archived_count = never[0]["files"] if never else 0
        self.so_far.never_archived = [row["name"] for row in never]
        return self.so_far

    async def cold(self) -> tuple[Cold, ...]:
        """The archives that have to be thawed first, by what is not here yet; to be asked before ``run``.

        Raises:
            UserError: a folder cannot be written to.
        """
        keys = [row["key"] for row in await self._connection.fetch(_ARCHIVES, self._name)]
        looked = await cold_at({self._name: self._destination}, [(self._name, key) for key in keys])
        found: dict[Place, Cold] = {}
        if looked:
            async for file_ids in self._pages():
                page = await self._plan(file_ids, Files())
                for folder, wanted in page.wanted.items():
                    needed = await needed_of(looked, await self._folder(folder), wanted)
                    _add(found, needed.cold)
        return tuple(found.values())

    async def _pages(self) -> AsyncIterator[list[str]]:
        after = ""
        while page := await self._connection.fetch(_PAGE, self._name, after, PAGE_FILES):
            file_ids = [row[0] for row in page]
            yield file_ids
            after = file_ids[-1]

    async def _folder(self, path: Path) -> RestoreFolder:
        if path not in self._opened:
            self._opened[path] = await asyncio.to_thread(RestoreFolder, path, own=True)
        return self._opened[path]

    async def _plan(self, file_ids: Sequence[str], so_far: Files) -> _Page:
        copies: dict[str, list[Copy]] = {}
        for row in await self._connection.fetch(_COPIES, self._name, file_ids):
            copies.setdefault(row["file_id"], []).append(Copy.of(row))
        places: dict[str, list[Any]] = {}
        for row in await self._connection.fetch(_PLACES, file_ids):
            places.setdefault(row["file_id"], []).append(row)
        page = _Page()
        for fate in await self._connection.fetch(_FATES, file_ids):
            so_far.archived += 1
            file_id = fate["file_id"]
            found = tuple(sorted(copies[file_id], key=lambda copy: copy.damaged))
            if fate["forgotten"]:
                so_far.forgotten += 1
            elif not fate["known"]:
                so_far.newer += 1
                path = found[0].member.partition("/")[2]  # without the collection
                page.want(self._folders.newer, _wanted(found, path), None)
            elif not (lies := places.get(file_id)):
                so_far.left_in_archive += 1
            else:
                for place in lies:
                    self._want(page, found, place)
        return page

    def _want(self, page: _Page, copies: tuple[Copy, ...], place: Mapping[str, Any]) -> None:
        of_library = place["root"] == LIBRARY
        folder = self._folders.library if of_library else self._folders.trees / place["root"]
        page.want(folder, _wanted(copies, place["path"]), place["mtime_ns"])

    async def _bring(self, page: _Page) -> None:
        for folder, wanted in page.wanted.items():
            restore = Restore({self._name: self._destination}, await self._folder(folder))
            done = await restore.run(wanted)
            so_far = self.so_far
            so_far.wanted += done.found
            so_far.restored += done.restored
            so_far.restored_bytes += done.restored_bytes
            so_far.already_here += done.already_here
            so_far.fail(done.failures)
            so_far.rename(done.renamed)
            self._told(so_far)
            elsewhere = {failure.name for failure in done.failures} | {name for name, _ in done.renamed}
            paths = [folder / one.name for one in wanted if one.name not in elsewhere]
            times = {path: page.mtimes_ns[path] for path in paths if path in page.mtimes_ns}
            await asyncio.to_thread(_give_times, times)


def _add(found: dict[Place, Cold], cold: Iterable[Cold]) -> None:
    for one in cold:
        place = one.destination, one.key
        before = found.get(place)
        found[place] = one if before is None else replace(before, read_bytes=before.read_bytes + one.read_bytes)


def _wanted(copies: tuple[Copy, ...], name: str) -> Wanted:
    return Wanted(copies[0].file_id, copies[0].size_bytes, name, copies=copies)


def _give_times(mtimes_ns: Mapping[Path, int]) -> None:
    """Give files the time at which ingest knows them, so that none is taken for one that somebody changed."""
    for path, mtime_ns in mtimes_ns.items():
        with contextlib.suppress(OSError):  # a file system that keeps no such times: ingest looks at the content then
            if path.lstat().st_mtime_ns != mtime_ns:
                os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)
