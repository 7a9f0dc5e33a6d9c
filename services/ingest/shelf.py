"""The shelf: gives contents their place in the library, and looks at the copies of those that are known."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import asyncpg

from services.ingest.mend import Looked, Mended, Place, Seen, look, mend
from services.ingest.sources.port import SourcePort
from services.ingest.store import locations, looks
from services.ingest.store.roots import LIBRARY
from services.ingest.take import Taken
from shared.db.pool import connected, transaction
from shared.errors import NightbusError, Permanent
from shared.library.hashing import Digest
from shared.library.place import Placed, place
from shared.library.reading import shown
from shared.library.remove import NotStoredError, StoredCopy
from shared.library.room import Room
from shared.library.roots import Root, read_marker, resolve
from shared.library.stage import Staged, discard, stage
from shared.library.stored import Condition
from shared.logging import get_logger

log = get_logger(__name__)

LOOK_FILES, READ_FILES = 32, 4
"""Contents that one thread looks at in a row, without reading them and with."""


@dataclass(frozen=True, slots=True)
class Care:
    """How much is asked of the copies that the library holds of known content."""

    hashing: bool
    """Whether they are read: before a source is deleted, and where a person asks for it."""
    bring_back: bool
    """Whether what has gone is placed anew: only where a person asked for the import."""


@dataclass(slots=True)
class Shelved:
    """What came of a page: content that has a new place, what was found and done, and what could not be placed."""

    placed: dict[str, Placed] = field(default_factory=dict)
    looks: list[Mended | Seen] = field(default_factory=list)
    failed: dict[str, NightbusError] = field(default_factory=dict)


class Shelf:
    """Owns the names in the library."""

    def __init__(self, pool: asyncpg.Pool, library: Root, room: Room | None = None, *, quiet_s: float) -> None:
        self._pool = pool
        self.quiet_s = quiet_s
        """How long a file of the library that somebody changed must have rested."""
        self._room = room
        self._left: list[Staged] = []
        """Staged copies that could not be thrown away, while the library was away."""
        self.mending = asyncio.Lock()
        """Held while a copy is replaced."""
        self.library = library

    async def shelve(self, taken: Sequence[Taken], wanted: Callable[[Taken], str], care: Care) -> Shelved:
        """Place new contents and look at the copies of known ones; staged copies that are not needed are thrown away.

        Args:
            taken: files with a staged copy each.
            wanted: where a file belongs, below the library; it is called in a thread and may raise NightbusError.
            care: what is asked of copies that are there.
        """
        first = {item.file_id: item for item in reversed(taken)}
        places = await self._places_of(first)
        tasks = (self._shelve_one(item, places.get(item.file_id, []), wanted, care) for item in first.values())
        outcomes = await asyncio.gather(*tasks)
        shelved = Shelved()
        for file_id, outcome in zip(first, outcomes, strict=True):
            if isinstance(outcome, NightbusError):
                shelved.failed[file_id] = outcome
            elif isinstance(outcome, Placed):
                shelved.placed[file_id] = outcome
            else:
                shelved.looks.extend(outcome)
        for item in taken:
            if item is not first[item.file_id] or item.file_id not in shelved.placed:
                await self.discard(item.staged)
        return shelved

    async def _shelve_one(
        self, item: Taken, places: Sequence[Place], wanted: Callable[[Taken], str], care: Care
    ) -> Placed | Sequence[Mended | Seen] | NightbusError:
        staged = item.staged
        assert staged is not None
        try:
            if not places:
                return await asyncio.to_thread(lambda: place(staged, self.library, wanted(item)))
            return await self._settle(staged, places, lambda: wanted(item), care)
        except NightbusError as error:
            return error
        except Exception as error:  # one file costs itself, whatever its header makes a reader do
            log.exception("a file could not be placed", path=item.entry.relative_path)
            return Permanent(f"{shown(item.entry.relative_path)} cannot be placed: {error or type(error).__name__}")

    async def look(self, contents: Mapping[str, int], care: Care) -> dict[str, Looked | NightbusError]:
        """Look at the copies of contents (file_id and size in bytes), with nothing at hand to mend them with."""
        places = await self._places_of(contents)
        items = [(Digest(file_id, size), places.get(file_id, [])) for file_id, size in contents.items()]
        size = READ_FILES if care.hashing else LOOK_FILES
        parts = (items[start : start + size] for start in range(0, len(items), size))
        found = await asyncio.gather(*(asyncio.to_thread(self._look_at_many, part, care) for part in parts))
        return dict(zip(contents, chain.from_iterable(found), strict=True))

    async def remove_source(self, port: SourcePort, path: str, content: Digest, *, rested_s: float) -> None:
        """Delete a file of a source whose content the library holds whole; what rotted or was changed is mended first.

        ``rested_s``: for how long the file is known to have held that content, seconds.

        Raises:
            TooEarly: somebody has it open for writing.
            UserError: the file is another content now, or the stored file itself.
            Transient: no copy is whole, or the source cannot be read or removed now.
            Permanent: the source is no file.
        """
        try:
            await self._remove(port, path, content, rested_s)
        except NotStoredError:
            if not await self._mend_from(port, path, content):
                raise
            await self._remove(port, path, content, rested_s)

    async def _remove(self, port: SourcePort, path: str, content: Digest, rested_s: float) -> None:
        source = port.named(path)
        places = (await self._places_of([content.file_id])).get(content.file_id, [])
        failure = NotStoredError(f"{shown(source)} is kept: its content is not recorded in the library")
        for one in places:
            try:
                copy = await asyncio.to_thread(_copy_at, source, content, self.library, one.path)
                await asyncio.to_thread(port.remove, path, copy, rested_s=rested_s)
            except NotStoredError as error:
                failure = error
            else:
                return
        raise failure

    async def _mend_from(self, port: SourcePort, path: str, content: Digest) -> bool:
        """Mend the copies of a content from a source; whether there is now something that may be whole."""
        looked = await self.look({content.file_id: content.size_bytes}, Care(hashing=True, bring_back=False))
        found = looked[content.file_id]
        if isinstance(found, NightbusError) or found.condition is Condition.GONE:
            return False
        staged = await asyncio.to_thread(self._stage, port, path)
        try:
            if staged.file_id != content.file_id:
                return False  # the next try says in which way the source differs
            places = [place for place, _examined in found.found]
            looked_at = await self._settle(staged, places, _nowhere, Care(hashing=True, bring_back=False))
            async with transaction(self._pool) as connection:
                await looks.save(connection, looked_at)
        finally:
            await self.discard(staged)
        return True

    def _stage(self, port: SourcePort, path: str) -> Staged:
        with port.open(path) as stream:
            return stage(stream, self.library, self._room)

    async def _places_of(self, file_ids: Iterable[str]) -> Mapping[str, list[Place]]:
        async with connected(self._pool) as connection:
            return await locations.places_in(connection, LIBRARY, file_ids)

    async def _settle(
        self, staged: Staged, places: Sequence[Place], wanted: Callable[[], str], care: Care
    ) -> Sequence[Mended | Seen]:
        content = Digest(staged.file_id, staged.size_bytes)
        looked = await asyncio.to_thread(self._look_at_one, content, places, care)
        if _needs_nothing(looked, care):
            return looked.seen
        async with self.mending:  # another task may have mended it meanwhile
            looked = await asyncio.to_thread(self._look_at_one, content, places, care)
            if _needs_nothing(looked, care):
                return looked.seen
            mended = await asyncio.to_thread(mend, self.library, staged, looked, wanted, quiet_s=self.quiet_s)
        _tell(self.library, mended)
        return [mended]

    def _look_at_many(
        self, items: Sequence[tuple[Digest, Sequence[Place]]], care: Care
    ) -> list[Looked | NightbusError]:
        found: list[Looked | NightbusError] = []
        for content, places in items:
            try:
                found.append(self._look(content, places, care))
            except NightbusError as error:
                found.append(error)
        try:
            read_marker(self.library)
        except NightbusError as error:
            return [error] * len(items)
        return found

    def _look(self, content: Digest, places: Sequence[Place], care: Care) -> Looked:
        return look(self.library, content, places, hashing=care.hashing)

    def _look_at_one(self, content: Digest, places: Sequence[Place], care: Care) -> Looked:
        looked = self._look(content, places, care)
        read_marker(self.library)
        return looked

    async def discard(self, staged: Staged | None) -> None:
        """Throw a staged copy away, if it is still there; what cannot be removed now goes with the next one."""
        left, self._left = [*self._left, *([] if staged is None else [staged])], []
        for index, one in enumerate(left):
            try:
                await asyncio.to_thread(discard, one, self.library)
            except NightbusError as error:
                log.debug("a temporary copy is left for later", reason=str(error))
                self._left += left[index:]
                return


def _needs_nothing(looked: Looked, care: Care) -> bool:
    return looked.condition is Condition.SOUND or (looked.condition is Condition.GONE and not care.bring_back)


def _nowhere() -> str:
    raise AssertionError("a copy that has gone is placed anew for imports only")


def _copy_at(source: str, content: Digest, library: Root, path: str) -> StoredCopy:
    try:
        return StoredCopy(resolve(library, path), content, library)
    except Permanent as error:
        raise NotStoredError(f"{shown(source)} is kept: {error}") from error


def _tell(library: Root, mended: Mended) -> None:
    if mended.how == "repaired":
        log.warning(
            "a damaged copy in the library was replaced by a good one, and is kept aside",
            path=str(library.path / mended.path), kept_as=str(library.path / (mended.kept_as or "")),
        )  # fmt: skip
    elif mended.how == "set_beside":
        log.warning(
            "a file of the library was changed by somebody: it stays, and the original was placed beside it",
            changed=str(library.path / (mended.changed_path or "")), original=str(library.path / mended.path),
        )  # fmt: skip
    else:
        log.info("a file that had gone from the library was brought back", path=str(library.path / mended.path))
