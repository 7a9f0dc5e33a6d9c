"""Following the hints of one source: which folders are worth a look, from now on until the source goes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.ingest.source import Source
from shared.logging import get_logger
from shared.tasks import beside, restarted

log = get_logger(__name__)

DEBOUNCE_S = 0.4
"""What happens within this time is told together."""
AGAIN_S = 60.0
"""Before hints are asked for again where they could not be had."""
GONE_S = 5.0
"""Before they are asked for again where the source's folder has gone, and may come back as another."""


class HintFollower:
    """Collects the folders in which something happened. Network shares send no hints; their walks find all."""

    def __init__(self, source: Source, exclude: Sequence[Path]) -> None:
        """``exclude``: folders in the source that are no part of it."""
        self._source = source
        self._exclude = exclude
        self._folders: set[str] = set()
        self._missed = False
        self._on = asyncio.Event()
        self.came = asyncio.Event()
        """Set when there is something to take."""
        self.watching = False
        """Whether the file system tells of new files now."""

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow hints while the block lasts, which begins when they are on, or are known not to come."""
        name = f"hints of {self._source.name}"
        self._on.clear()
        async with beside(restarted(self._follow, name=name), name=name):
            await self._on.wait()
            yield

    def take(self) -> set[str] | None:
        """The folders that were hinted at since the last time; None where only a full walk sees all that happened."""
        self.came.clear()
        folders, self._folders = self._folders, set()
        return None if self._missed else folders

    def put_back(self, folders: Iterable[str]) -> None:
        """Have folders told again that could not be looked at."""
        self._folders.update(folders)
        self.came.set()

    def forget(self) -> None:
        """Forget what came so far: a full walk begins."""
        self._folders.clear()
        self._missed = False

    async def _follow(self) -> None:
        while not self._source.network:
            pause_s = GONE_S
            try:
                await self._follow_watches()
            except OSError as error:
                pause_s = AGAIN_S
                log.warning("no hints from the file system, walks go on", source=self._source.name, reason=str(error))
            finally:
                self.watching = False
                self._on.set()
            await asyncio.sleep(pause_s)
        self._on.set()

    async def _follow_watches(self) -> None:
        """Follow hints until the source's own folder has gone. Raises OSError where it cannot be watched."""
        from services.ingest.hints import Hints  # inotify is there on Linux alone

        with await self._source.look(Hints, self._source.path, self._exclude) as hints:
            await self._source.look(hints.cover)
            if self._on.is_set():  # not the first time: what happened meanwhile made no hint
                self._missed = True
                self.came.set()
            self.watching = True
            self._on.set()
            unwatched = 0
            while not hints.over:
                if hints.unwatched > unwatched:
                    unwatched = hints.unwatched
                    log.warning(
                        "too many folders for hints from all of them, walks look at the others: "
                        "fs.inotify.max_user_watches may be raised",
                        source=self._source.name, watched=len(hints), unwatched=unwatched,
                    )  # fmt: skip
                await _readable(hints.fileno())
                await asyncio.sleep(DEBOUNCE_S)
                self._folders |= await self._source.look(hints.read)
                self._missed |= hints.missed
                hints.missed = False
                self.came.set()


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
