"""Following the hints of one source: which folders are worth a look, from now on until the source goes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

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
    """Collects the folders in which something happened. Of some sources nothing is told; their walks find all."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._folders: set[str] = set()
        self._missed = False
        self._on = asyncio.Event()
        self.came = asyncio.Event()
        """Set when there is something to take."""
        self.watching = False
        """Whether the source tells of new files now."""

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
        told = True
        while told:
            pause_s = GONE_S
            try:
                told = await self._follow_changes()
            except OSError as error:
                pause_s = AGAIN_S
                log.warning("no hints from the file system, walks go on", source=self._source.name, reason=str(error))
            finally:
                self.watching = False
                self._on.set()
            if told:
                await asyncio.sleep(pause_s)

    async def _follow_changes(self) -> bool:
        """Follow hints until the source has gone; whether there are any. Raises OSError where it cannot be watched."""
        changes = await self._source.look(self._source.port.changes)
        if changes is None:
            return False
        with changes:
            await self._source.look(changes.cover)
            if self._on.is_set():  # not the first time: what happened meanwhile made no hint
                self._missed = True
                self.came.set()
            self.watching = True
            self._on.set()
            unwatched = 0
            while not changes.over:
                if changes.unwatched > unwatched:
                    unwatched = changes.unwatched
                    log.warning(
                        "too many folders for hints from all of them, walks look at the others: "
                        "fs.inotify.max_user_watches may be raised",
                        source=self._source.name, watched=len(changes), unwatched=unwatched,
                    )  # fmt: skip
                await changes.wait()
                await asyncio.sleep(DEBOUNCE_S)
                self._folders |= await self._source.look(changes.read)
                self._missed |= changes.missed
                changes.missed = False
                self.came.set()
        return True
