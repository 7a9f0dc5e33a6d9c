"""The library: opened when its volume is there, in whatever order things come up; who needs it waits for it.

A NAS may be mounted long after the machine has booted. Until then ingest does all that needs no library: it answers
commands, indexes, announces. What holds the library up is said by ``Waits``, and it is looked for again.

The marker is made the first time and demanded ever after, so that nothing is written below an empty mount point. A
library that holds no file yet follows the setting to another folder; one with files is moved by a person, who takes the
marker along.

One that goes away later, becomes read-only or has another disk mounted in its place is closed until it is back. Whoever
fails to write to it asks ``trouble`` whose failure that is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from services.ingest.store import roots
from services.ingest.store.roots import LIBRARY, KnownLibrary
from shared.db.pool import connected
from shared.errors import NightbusError, Transient
from shared.library.access import Access
from shared.library.lock import InUseError, LibraryLock
from shared.library.reading import shown
from shared.library.roots import AnotherLibraryError, LibraryAway, Marker, Root, open_library
from shared.library.settings import LibrarySettings
from shared.library.stage import clean_temporaries, usable
from shared.logging import get_logger
from shared.retry import patiently
from shared.tasks import start_task
from shared.waits import Waits

log = get_logger(__name__)

LOOK_EVERY_S = 5.0
SILENT_AFTER_S = 10.0
"""Longest that a look may take before it is said that the volume does not answer, as a share whose server is off."""
CRASHED_AGE_HOURS = 24.0
WHAT = "the library"
"""What is waited for, as a person calls it."""


class Library:
    """The library of one ingest. ``root`` is where it is to be; ``opened`` is who may write to it."""

    def __init__(self, root: Root, pool: asyncpg.Pool, waits: Waits) -> None:
        self.root = root
        self._pool = pool
        self._waits = waits
        self._lock = LibraryLock(root)
        self._open = asyncio.Event()
        self._lost = asyncio.Event()
        self._why_lost = ""
        self._named = ""
        """What tells this stack from others that write to the library."""
        self._files = 0
        """How many files wait for it since it went away."""

    @classmethod
    def of(cls, settings: LibrarySettings, pool: asyncpg.Pool, waits: Waits) -> "Library | None":
        """The library that the settings name, if any."""
        if settings.path is None:
            return None
        access = Access.of(settings.mode, settings.group)
        return cls(Root(LIBRARY, settings.path, writable=True, access=access), pool, waits)

    async def opened(self, files: int = 0) -> Root:
        """Wait until the library may be written to; ``files`` wait with the caller."""
        if self._open.is_set():
            return self.root
        self._files += files
        self._tell_loss(self._files)
        try:
            await self._open.wait()
        finally:
            self._files -= files
        return self.root

    async def trouble(self, files: int) -> str | None:
        """Why the library cannot be used now, one sentence; None where it can.

        Where it cannot, it is closed, which is told with the number of ``files`` of whoever asks, until it is back.
        """
        try:
            await asyncio.to_thread(usable, self.root)
        except (LibraryAway, InUseError) as error:
            self._why_lost = str(error)
            self._open.clear()
            self._lost.set()
            self._tell_loss(max(files, self._files))
            return self._why_lost
        return None

    async def then(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` once the library is open."""
        await self.opened()
        await work()

    async def keep_open(self) -> None:
        """Open it, however long that takes, and again whenever it was away. For ever."""
        await self.open()
        while True:
            await self._lost.wait()
            await asyncio.to_thread(self._lock.release)  # what we hold open keeps its volume from being unmounted
            while not await self._is_back():  # noqa: ASYNC110 - a volume sets no event
                await asyncio.sleep(LOOK_EVERY_S)
            self._lost.clear()
            self._waits.end(WHAT)
            self._open.set()

    async def _is_back(self) -> bool:
        try:
            await asyncio.to_thread(usable, self.root)
            await asyncio.to_thread(self._lock.acquire, self._named)
        except (LibraryAway, InUseError) as error:
            self._why_lost = str(error)
        except OSError as error:
            self._why_lost = _sentence(error, self.root, None)
        else:
            return True
        self._tell_loss(self._files)
        return False

    def _tell_loss(self, files: int) -> None:
        """Say that the library went away, and how many files wait; the number alone makes no line in the log."""
        if self._lost.is_set():
            waiting = {0: "", 1: "; 1 file waits"}.get(files, f"; {files} files wait")
            self._waits.begin(WHAT, self._why_lost + waiting, quietly=True)

    async def open(self) -> None:
        """Open it, however long that takes."""
        self._named = stack = await patiently(self._stack)
        while True:
            known = await patiently(self._known)
            look = start_task(
                asyncio.to_thread(self._look, known, stack), name="a look for the library", expected=_NOT_YET
            )
            done, _ = await asyncio.wait({look}, timeout=SILENT_AFTER_S)
            if not done:
                self._waits.begin(WHAT, f"{shown(self.root.path)} does not answer")
            try:
                marker = await look
            except _NOT_YET as error:
                self._waits.begin(WHAT, _sentence(error, self.root, known))
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                break
        await patiently(lambda: self._adopt(marker))
        self.root.identity.id = marker.id
        self._waits.end(WHAT)
        self._open.set()

    def close(self) -> None:
        """Let another ingest write there."""
        self._lock.release()

    async def _known(self) -> KnownLibrary | None:
        async with connected(self._pool) as connection:
            return await roots.known_library(connection)

    async def _stack(self) -> str:
        async with connected(self._pool) as connection:
            return await roots.stack(connection)

    async def _adopt(self, marker: Marker) -> None:
        async with connected(self._pool) as connection:
            await roots.adopt_library(connection, self.root.path, UUID(marker.id))

    def _look(self, known: KnownLibrary | None, stack: str) -> Marker:
        """In a thread: prove that it is the library and can be written to, and remove what a crash left in it.

        Unfinished copies are all removed, unless another ingest of this stack may be writing there now. One of another
        stack is waited for.
        """
        new = known is None or known.marker_id is None or (_is_elsewhere(self.root, known) and not known.holds_files)
        expected = None if new or known is None or known.marker_id is None else known.marker_id.hex
        marker = open_library(self.root, first_time=new, expected_id=expected)
        alone = self._lock.acquire(stack)
        removed = clean_temporaries(self.root, older_than_hours=0.0 if alone else CRASHED_AGE_HOURS)
        if removed:
            log.info("removed unfinished copies of an earlier crash", files=removed)
        return marker


_NOT_YET = (NightbusError, OSError)


def _is_elsewhere(root: Root, known: KnownLibrary) -> bool:
    return root.path != known.path


def _sentence(error: Exception, root: Root, known: KnownLibrary | None) -> str:
    """Why the library is not open, and what to do where its folder was changed."""
    if isinstance(error, OSError):
        return f"{root.shown} cannot be written to: {error.strerror or error}"
    if isinstance(error, Transient) and known is not None and known.holds_files and _is_elsewhere(root, known):
        return (
            f"its files were last in {shown(known.path)} and {shown(root.path)} has no marker: move that folder there "
            "with all that is in it, also the hidden .nightbus, or set library.path back "
            "(docs/howto/move-the-library.md)"
        )
    if isinstance(error, AnotherLibraryError) and known is not None:
        fix = (
            "mount the volume that was there"
            if not _is_elsewhere(root, known)
            else f"set library.path back to {shown(known.path)}"
        )
        return f"{error}; {fix}, or begin anew with this one (docs/howto/move-the-library.md)"
    return str(error)
