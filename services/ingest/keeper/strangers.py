"""Captures in the library that no place tells of: files that were moved or renamed by hand are recognised among them.

A stranger is read only while a file of its size is absent from its place. What it holds decides: where that content is
absent, the place is written anew, and nothing is counted again. All other strangers are left alone, and counted.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from services.ingest.pages import next_group
from services.ingest.store import relocations, strangers
from services.ingest.store.relocations import Relocation
from services.ingest.store.roots import LIBRARY
from services.ingest.store.strangers import Lost
from shared.db.pool import connected, transaction
from shared.errors import NightbusError
from shared.library.extensions import ignored_by
from shared.library.hashing import sha256_file
from shared.library.presence import missing
from shared.library.roots import Root, read_marker
from shared.library.walk import Entry, walk
from shared.logging import get_logger

log = get_logger(__name__)

PAGE_FILES = 500
"""Strangers that are looked at, and committed, together."""
READERS = 2
"""Threads that read them: more would make a spinning disk seek."""


class Recognition:
    """One walk through the folders of a library. ``rest``: pauses, as a multiple of the time that each page took."""

    def __init__(self, pool: asyncpg.Pool, library: Root, walk_id: UUID, *, rest: float) -> None:
        self._pool = pool
        self._library = library
        self._walk_id = walk_id
        self._rest = rest
        self._sizes: frozenset[int] = frozenset()
        self._whole = True
        self.moved = 0
        """Files that lie elsewhere than they did."""
        self.strangers = 0

    async def walk(self) -> None:
        """Go through all folders, and write down what was found.

        Raises:
            LibraryAway: the library is not mounted, or another one is.
            Unavailable: the database is away.
        """
        async with connected(self._pool) as connection:
            self._sizes = await strangers.absent_sizes(connection, self._walk_id)
        listings = walk(self._library.path)
        while group := await asyncio.to_thread(next_group, listings):
            began = time.monotonic()
            self._whole = self._whole and all(listing.error is None for listing in group)
            captures = [
                entry
                for listing in group
                for entry in listing.entries
                if ignored_by(entry.name, entry.size_bytes) is None
            ]
            await self._look_at(captures)
            await asyncio.sleep(self._rest * (time.monotonic() - began))
        await asyncio.to_thread(read_marker, self._library)  # what another disk holds says nothing of ours
        if self._whole:
            async with connected(self._pool) as connection:
                await strangers.forget_gone(connection, self._walk_id)

    async def _look_at(self, captures: Sequence[Entry]) -> None:
        async with connected(self._pool) as connection:
            unknown = await strangers.unknown(connection, [entry.relative_path for entry in captures])
        met = [entry for entry in captures if entry.relative_path in unknown]
        for start in range(0, len(met), PAGE_FILES):
            page = met[start : start + PAGE_FILES]
            async with transaction(self._pool) as connection:
                contents = dict(await strangers.save(connection, self._walk_id, page))
            unread = [e for e in page if e.relative_path not in contents and e.size_bytes in self._sizes]
            contents |= await self._read(unread)
            self.strangers += len(page) - await self._recognise(page, contents)

    async def _read(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """What strangers hold, by path; one that cannot be read now is met again by the next walk."""
        contents: dict[str, str] = {}
        for start in range(0, len(entries), READERS):
            part = entries[start : start + READERS]
            for entry, file_id in zip(part, await asyncio.gather(*map(self._read_one, part)), strict=True):
                if file_id is not None:
                    contents[entry.relative_path] = file_id
        if contents:
            async with connected(self._pool) as connection:
                await strangers.save_hashed(connection, contents)
        return contents

    async def _read_one(self, entry: Entry) -> str | None:
        try:
            return (await asyncio.to_thread(sha256_file, self._library.path / entry.relative_path)).file_id
        except NightbusError as error:
            log.debug("a file of the library cannot be read now", reason=str(error))
            return None

    async def _recognise(self, page: Sequence[Entry], contents: Mapping[str, str]) -> int:
        """Write the places of absent files anew that are among the strangers; how many."""
        if not contents:
            return 0
        async with connected(self._pool) as connection:
            absent = await strangers.lost(connection, self._walk_id, list(set(contents.values())))
        read = [(entry, contents[entry.relative_path]) for entry in page if entry.relative_path in contents]
        pairs = paired(read, absent)
        if not pairs:
            return 0
        still = await asyncio.to_thread(missing, self._library, [lost.path for _entry, lost in pairs])
        moves = [
            Relocation(lost.file_id, LIBRARY, lost.path, LIBRARY, entry.relative_path, entry.mtime_ns)
            for entry, lost in pairs
            if lost.path in still
        ]
        async with transaction(self._pool) as connection:
            done = await relocations.relocate(connection, moves)
            await strangers.found(
                connection, self._walk_id, [move.path for move in moves], [move.to_path for move in done]
            )
        self.moved += len(done)
        return len(done)


def paired(strangers_met: Sequence[tuple[Entry, str]], absent: Sequence[Lost]) -> list[tuple[Entry, Lost]]:
    """Which stranger is which absent file, each once: of several places of one content first those of the same name."""
    by_content: dict[str, list[Lost]] = defaultdict(list)
    for lost in absent:
        by_content[lost.file_id].append(lost)
    pairs: list[tuple[Entry, Lost]] = []
    left: list[tuple[Entry, str]] = []
    for entry, file_id in strangers_met:
        places = by_content[file_id]
        same = next((lost for lost in places if lost.path.rpartition("/")[2] == entry.name), None)
        if same is None:
            left.append((entry, file_id))
        else:
            places.remove(same)
            pairs.append((entry, same))
    for entry, file_id in left:
        if places := by_content[file_id]:
            pairs.append((entry, places.pop(0)))
    return pairs
