"""One walk through the folders of the library: what lies in it, and which known file each stranger is.

A stranger is a capture of which no place tells. It is read only while a file of its size does not lie where it lay.
What it holds decides: where that content is lost, the place is written anew, and nothing is counted again. All other
strangers are left alone, and counted.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.ingest.keeper.contents import contents_of
from services.ingest.keeper.others import Others
from services.ingest.pages import next_group
from services.ingest.shelf import Shelf
from services.ingest.store import displaced, relocations, strangers
from services.ingest.store.relocations import Relocation
from services.ingest.store.roots import LIBRARY
from services.ingest.store.strangers import Lost, Stranger
from shared.db.pool import connected, transaction
from shared.library.extensions import ignored_by
from shared.library.presence import missing
from shared.library.reading import shown
from shared.library.roots import read_marker
from shared.library.walk import Entry, walk

PAGE_FILES = 500
"""Strangers that are looked at, and committed, together."""


class Recognition:
    """One walk through the folders of a library. ``rest``: pauses, as a multiple of the time that each page took.

    ``most_lost``: of how many files the place may hold something else at once before nothing is believed.
    """

    def __init__(self, pool: asyncpg.Pool, shelf: Shelf, walk_id: UUID, *, rest: float, most_lost: int) -> None:
        self._pool = pool
        self._library = shelf.library
        self._others = Others(pool, shelf, walk_id)
        self._walk_id = walk_id
        self._rest = rest
        self._most_lost = most_lost
        self.problem: str | None = None
        """Why places that hold something else stay as they are, one sentence."""
        self.moved = 0
        """Files that lie elsewhere than they did."""
        self.changed = 0
        """Files that somebody changed: new contents."""
        self.strangers = 0

    async def walk(self) -> None:
        """Go through all folders, and write down what was found.

        Raises:
            LibraryAway: the library is not mounted, or another one is.
            Unavailable: the database is away.
        """
        whole = True
        listings = walk(self._library.path)
        while group := await asyncio.to_thread(next_group, listings):
            began = time.monotonic()
            whole = whole and all(listing.error is None for listing in group)
            await self._look_at([entry for listing in group for entry in listing.entries])
            await asyncio.sleep(self._rest * (time.monotonic() - began))
        await asyncio.to_thread(read_marker, self._library)  # what another disk holds says nothing of ours
        if whole:
            async with transaction(self._pool) as connection:
                await strangers.forget_gone(connection, self._walk_id)
                await displaced.forget_gone(connection, self._walk_id)
        await self._read_strangers()
        lost = await self._others.lost()
        if lost.files > self._most_lost:
            self.problem = (
                f"{lost.files} files of the library hold other contents at once, such as "
                f"{shown(self._library.path / lost.example)}; none of them is counted as changed"
            )
        else:
            await self._others.displace()
        await self._recognise_all()
        self.changed = await self._others.adopt()
        async with connected(self._pool) as connection:
            self.strangers = await strangers.count(connection, self._walk_id)

    async def _look_at(self, entries: Sequence[Entry]) -> None:
        async with connected(self._pool) as connection:
            places = await strangers.places_at(connection, [entry.relative_path for entry in entries])
        known = {place.path: place for place in sorted(places, key=lambda place: place.is_original)}
        met = [
            entry
            for entry in entries
            if entry.relative_path not in known and ignored_by(entry.name, entry.size_bytes) is None
        ]
        for start in range(0, len(met), PAGE_FILES):
            async with transaction(self._pool) as connection:
                await strangers.save(connection, self._walk_id, met[start : start + PAGE_FILES])
        await self._others.look_at([(e, known[e.relative_path]) for e in entries if e.relative_path in known])

    async def _read_strangers(self) -> None:
        """Read those that may be a file that is lost."""
        sizes, after = await self._sizes(), ""
        while page := await self._page(after, sizes):
            began = time.monotonic()
            contents = await contents_of(self._library, [one.path for one in page if one.file_id is None])
            async with connected(self._pool) as connection:
                await strangers.save_hashed(connection, contents)
            after = page[-1].path
            await asyncio.sleep(self._rest * (time.monotonic() - began))

    async def _recognise_all(self) -> None:
        sizes, after = await self._sizes(), ""
        while page := await self._page(after, sizes):
            await self._recognise([one for one in page if one.file_id is not None])
            after = page[-1].path

    async def _sizes(self) -> list[int]:
        async with connected(self._pool) as connection:
            return await strangers.lost_sizes(connection, self._walk_id)

    async def _page(self, after: str, sizes: Sequence[int]) -> list[Stranger]:
        async with connected(self._pool) as connection:
            return await strangers.page(connection, self._walk_id, after, sizes, PAGE_FILES)

    async def _recognise(self, page: Sequence[Stranger]) -> None:
        """Write the places of lost files anew that are among the strangers."""
        async with connected(self._pool) as connection:
            lost = await strangers.lost(connection, self._walk_id, list({one.file_id or "" for one in page}))
        pairs = paired(page, lost)
        absent = [one.path for _stranger, one in pairs if not one.displaced]
        still = await asyncio.to_thread(missing, self._library, absent)
        moves = {
            of_displaced: [
                Relocation(one.file_id, LIBRARY, one.path, LIBRARY, stranger.path, stranger.mtime_ns)
                for stranger, one in pairs
                if one.displaced is of_displaced and (of_displaced or one.path in still)
            ]
            for of_displaced in (False, True)
        }
        async with transaction(self._pool) as connection:
            done = await relocations.relocate(connection, moves[False])
            done += await displaced.settle(connection, moves[True])
            absent = [move.path for move in moves[False]]
            await strangers.found(connection, self._walk_id, absent, [move.to_path for move in done])
        self.moved += sum(move.path != move.to_path for move in done)


def paired(strangers_met: Sequence[Stranger], lost: Sequence[Lost]) -> list[tuple[Stranger, Lost]]:
    """Which stranger is which lost file, each once: of several places of one content first those of the same name."""
    by_content: dict[str, list[Lost]] = defaultdict(list)
    for one in lost:
        by_content[one.file_id].append(one)
    pairs: list[tuple[Stranger, Lost]] = []
    left: list[Stranger] = []
    for stranger in strangers_met:
        places = by_content[stranger.file_id or ""]
        same = next((one for one in places if _name(one.path) == _name(stranger.path)), None)
        if same is None:
            left.append(stranger)
        else:
            places.remove(same)
            pairs.append((stranger, same))
    of_other_names = [(stranger, by_content[stranger.file_id or ""]) for stranger in left]
    return pairs + [(stranger, places.pop(0)) for stranger, places in of_other_names if places]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
