"""Places of the library at which another file lies than should: names that were swapped, files that were changed.

A file is read where its size or mtime is another one than was known, or where the folders at hand hold another file of
the same size and mtime, since names of these may be swapped and nothing would tell. What was read is read again only
when the file has changed. Where another content lies there,

1. nothing is believed while more files were lost by it than may go at once (``Others.lost``),
2. the place is no longer that of its file, and what lies there is a stranger (``displace``),
3. files that lie elsewhere are recognised there, as any other that was moved by hand (``strangers``),
4. of the strangers that are left, a known file has a further place, and one that nobody knows is new: somebody changed
   the file, whose content is missing from then on (``adopt``).

Bytes that changed at the mtime at which the file was whole are rot: the place stays as it is, and is told of.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from services.ingest.keeper.contents import contents_of
from services.ingest.mend import Seen
from services.ingest.shelf import Shelf
from services.ingest.store import displaced, locations
from services.ingest.store.displaced import Other
from services.ingest.store.roots import LIBRARY
from services.ingest.store.strangers import Place
from shared.db.pool import connected, transaction
from shared.library.reading import status_of
from shared.library.roots import read_marker
from shared.library.walk import Entry, fingerprint_of
from shared.logging import get_logger

log = get_logger(__name__)

PAGE_FILES = 500


class Others:
    """Those that one walk finds."""

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf, walk_id: UUID) -> None:
        self._pool = pool
        self._shelf = shelf
        self._walk_id = walk_id

    async def look_at(self, met: Sequence[tuple[Entry, Place]]) -> None:
        """Read those of some files, each at its place, of which size and times do not say what they hold."""
        doubtful = _doubtful(met, self._shelf.quiet_s)
        for start in range(0, len(doubtful), PAGE_FILES):
            page = doubtful[start : start + PAGE_FILES]
            async with transaction(self._pool) as connection:
                expected = [(entry, place.file_id) for entry, place in page]
                contents = dict(await displaced.save_read(connection, self._walk_id, expected))
            unread = [entry.relative_path for entry, _ in page if entry.relative_path not in contents]
            read = await contents_of(self._shelf.library, unread)
            contents |= read
            whole = [
                Seen(place.path, entry.mtime_ns)
                for entry, place in page
                if contents.get(place.path) == place.file_id and place.mtime_ns != entry.mtime_ns
            ]
            async with transaction(self._pool) as connection:
                await displaced.save_hashed(connection, read)
                await locations.save_seen(connection, LIBRARY, whole)

    async def lost(self) -> displaced.Count:
        """Files in whose place something else lies, and that were found nowhere else."""
        async with connected(self._pool) as connection:
            damaged = await displaced.count_damaged(connection, self._walk_id)
            lost = await displaced.count_lost(connection, self._walk_id)
        if damaged.files:
            log.warning(
                "files of the library hold other bytes at the time with which they were placed: they may be damaged",
                files=damaged.files, such_as=damaged.example,
            )  # fmt: skip
        return lost

    async def displace(self) -> None:
        """Take the places from files that lie there no more."""
        after = ""
        while page := await self._page(after):
            async with self._shelf.mending:  # whose places are mended meanwhile are whole again
                still = await asyncio.to_thread(self._unchanged, page)
                async with transaction(self._pool) as connection:
                    await displaced.displace(connection, self._walk_id, still)
            after = page[-1].path

    async def adopt(self) -> int:
        """Let what is left lie where it lies; how many contents are new by this."""
        after, changed = "", 0
        while True:
            async with transaction(self._pool) as connection:
                after, new = await displaced.adopt(connection, self._walk_id, after, PAGE_FILES)
            if not after:
                return changed
            changed += new

    async def _page(self, after: str) -> list[Other]:
        async with connected(self._pool) as connection:
            return await displaced.page(connection, self._walk_id, after, PAGE_FILES)

    def _unchanged(self, others: Sequence[Other]) -> list[Other]:
        """Those that are as they were when they were read. Raises LibraryAway where the library is not there."""
        found = [other for other in others if _is_as_read(self._shelf.library.path, other)]
        read_marker(self._shelf.library)
        return found


def _doubtful(met: Sequence[tuple[Entry, Place]], quiet_s: float) -> list[tuple[Entry, Place]]:
    alike = Counter((entry.size_bytes, entry.mtime_ns) for entry, _ in met)
    now_s = time.time()
    return [
        (entry, place)
        for entry, place in met
        if place.is_original
        and (_differs(entry, place) or alike[entry.size_bytes, entry.mtime_ns] > 1)
        and not 0 <= now_s - entry.mtime_ns / 1e9 < quiet_s  # somebody may be at work on it
    ]


def _differs(entry: Entry, place: Place) -> bool:
    return entry.size_bytes != place.size_bytes or place.mtime_ns not in (None, entry.mtime_ns)


def _is_as_read(library: Path, other: Other) -> bool:
    status = status_of(library / other.path)
    return status is not None and (status.st_size, status.st_mtime_ns, other.fingerprint) == (
        other.size_bytes, other.mtime_ns, fingerprint_of(status.st_ino, status.st_ctime_ns),
    )  # fmt: skip
