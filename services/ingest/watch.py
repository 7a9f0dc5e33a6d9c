"""Watching configured sources: hints from the source itself, the truth from walks."""

import asyncio
from collections.abc import Hashable

import asyncpg

from services.ingest.follow import HintFollower
from services.ingest.roomwait import RoomWait
from services.ingest.source import Source
from services.ingest.store import sources
from services.ingest.store.sources import State
from services.ingest.walker import Walk, Walker
from shared.db.pool import connected
from shared.errors import Away, Unavailable
from shared.library.reading import shown
from shared.logging import get_logger
from shared.retry import patiently
from shared.tasks import beside

log = get_logger(__name__)

MOST_HINTS = 500
"""Beyond this many folders at once a full walk is cheaper than following each hint."""
MISSING_POLL_S = 5.0
"""Between two looks for a source that is not there."""
REACH_EVERY_S = 60.0
"""Between two looks for a source in which nothing happens, so that one that went away is known as such."""
WALKED = "source walked"
FOREIGN = "holds none of its known files: empty or foreign mount? Nothing is changed"


class Watcher:
    """Follows one source for as long as the service runs."""

    def __init__(
        self,
        source: Source,
        pool: asyncpg.Pool,
        walker: Walker,
        room: RoomWait,
        *,
        walk_interval_s: float,
    ) -> None:
        self._source = source
        self._pool = pool
        self._walker = walker
        self._room = room
        self._walk_interval_s = walk_interval_s
        self._hints = HintFollower(source)
        self._foreign: str | None = None
        """Why the place is taken for another one than the source, if it is."""
        self._found: dict[str, int] = {}
        """How many files each folder held when it was last looked at."""

    async def run(self) -> None:
        """Walk it, then follow hints and look at growing files again until the next full walk is due.

        Hints come from one place: where it goes away, or another one is mounted there, they are asked anew.
        """
        while True:
            self._source.reached = await self._until_there()
            # Hints come before the walk begins, so that nothing falls between them.
            async with self._hints.following(), beside(self._tell_often(), name=f"reads of {self._source.name}"):
                while await self._is_there():
                    try:
                        unsettled = await self._full_walk()
                        await self._between_walks(unsettled)
                    except Away as away:
                        log.warning("source went away", source=self._source.name, reason=str(away))
                        break

    async def _until_there(self) -> Hashable:
        """Wait for the source; returns what tells it from another one in its place."""
        said = ""
        while True:
            try:
                return await self._source.look(self._source.port.reach)
            except Away as away:
                if str(away) != said:
                    log.warning("source is not there", source=self._source.name, reason=str(away))
                    await self._tell("away", str(away))
                    said = str(away)
            await asyncio.sleep(MISSING_POLL_S)

    async def _is_there(self) -> bool:
        """Whether the source is there, and still the one that it was; asked in a thread, since shares may hang."""
        return await self._source.look(self._source.lost) is None

    async def _tell(self, state: State, reason: str | None = None) -> None:
        """Write down how the source is now."""
        hints = state == "reachable" and self._hints.watching

        async def write() -> None:
            async with connected(self._pool) as connection:
                await sources.save(connection, self._source.name, state, reason, hints=hints)

        await patiently(write)

    async def _full_walk(self) -> set[str]:
        source = self._source
        self._hints.forget()
        if await patiently(lambda: self._walker.looks_unmounted(source)):
            where = shown(source.port.named(""))
            self._foreign = f"{where} {FOREIGN}"
            log.error(
                "source holds none of its known files: empty or foreign mount? Nothing is changed",
                source=source.name, path=where,
            )  # fmt: skip
            await self._tell_reached()
            return set()
        self._foreign = None
        await patiently(lambda: self._walker.forget_gone_folders(source))
        await self._tell_reached()
        done = await patiently(lambda: self._walker.walk(source))
        source.settler.retain(set(done.unsettled))
        self._room.looked_at_all(done.tally.without_room)
        await self._tell_reached()
        self._found = done.folders
        await self._tell_found(done, everything=True)
        self._log(WALKED, done)
        return set(done.unsettled)

    async def _between_walks(self, unsettled: set[str]) -> None:
        loop = asyncio.get_running_loop()
        full_at = loop.time() + self._walk_interval_s
        while (left_s := full_at - loop.time()) > 0:
            look_again_s = max(self._source.settle_s / 2, 0.2) if unsettled else REACH_EVERY_S
            crowded = bool(self._room.crowd)
            timed_out = False
            try:
                pause_s = min(left_s, look_again_s, self._room.pause_s if crowded else left_s)
                async with asyncio.timeout(pause_s):
                    await self._hints.came.wait()
            except TimeoutError:
                timed_out = True
            if crowded and await self._room.is_over():
                return  # a full walk takes what waits, wherever it lies
            if timed_out and not unsettled:
                if not await self._tell_reached():
                    return
                continue
            hinted = self._hints.take()
            if hinted is None or not await self._is_there():
                return
            folders = hinted | {_parent(path) for path in unsettled}
            if len(folders) > MOST_HINTS:
                return
            unsettled = await self._look_at(sorted(folders))

    async def _look_at(self, folders: list[str]) -> set[str]:
        there = await self._source.look(self._source.port.walked, folders)
        try:
            done = await self._walker.walk(self._source, there, recursive=False)
        except Unavailable as error:
            log.warning("look postponed", source=self._source.name, reason=str(error))
            self._hints.put_back(folders)
            await asyncio.sleep(1.0)
            return set()
        self._room.looked_at(folders, done.tally.without_room)
        self._log("files looked at", done)
        for folder in set(folders) - set(there):
            self._forget(folder)
        self._found |= done.folders
        await self._tell_found(done, everything=False)
        return set(done.unsettled)

    async def _tell_found(self, done: Walk, *, everything: bool) -> None:
        """Write down how many files the source holds, after a walk over everything or a look at some folders."""
        save = sources.save_walked if everything else sources.save_looked
        found = sum(self._found.values())

        async def write() -> None:
            async with connected(self._pool) as connection:
                await save(connection, self._source.name, found, done.unsettled)

        await patiently(write)

    def _forget(self, folder: str) -> None:
        """Count no more what was in a folder that has gone, or is no part of the source any more."""
        below = f"{folder}/"
        self._found = {
            name: files for name, files in self._found.items() if name != folder and not name.startswith(below)
        }

    async def _tell_often(self) -> None:
        """Tell that the source can be read, or that it cannot, also while it is walked for hours or never at rest."""
        while True:
            await asyncio.sleep(REACH_EVERY_S)
            await self._tell_reached()

    async def _tell_reached(self) -> bool:
        """Look for the source and write down whether it is there; whether it is still the one that it was."""
        try:
            found = await self._source.look(self._source.port.reach)
        except Away as away:
            await self._tell("away", str(away))
            return False
        if self._foreign is not None:
            await self._tell("foreign", self._foreign)
        else:
            await self._tell("reachable")
        return found == self._source.reached

    def _log(self, event: str, done: Walk) -> None:
        tally = done.tally
        if tally.arrived or event == WALKED:  # failures are told by whoever records them
            log.info(
                event, source=self._source.name, found=done.seen, arrived=tally.arrived, failed=tally.failed,
                already_here=tally.already_here, ignored=tally.ignored, unsettled=len(done.unsettled),
            )  # fmt: skip


def _parent(relative: str) -> str:
    return relative.rpartition("/")[0]
