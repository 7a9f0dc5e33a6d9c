"""Imports that a person asked for: jobs that run side by side, each to its last settled file."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from services.ingest import library
from services.ingest.asked import Place, places_of
from services.ingest.large import collect_finished, leave
from services.ingest.rate import Meter
from services.ingest.roomwait import RoomWait
from services.ingest.settings import IngestSettings, SourceSettings
from services.ingest.source import Mode, Source
from services.ingest.sources.folder import Folder
from services.ingest.store import ledger, roots
from services.ingest.survey import Below, Totals, count
from services.ingest.tally import Crowd, Tally
from services.ingest.walker import Walk, Walker
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.jobs.job import Job
from shared.jobs.outcome import State
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.library.reading import shown
from shared.library.room import Room
from shared.library.settings import LibrarySettings
from shared.logging import get_logger
from shared.retry import patiently
from shared.settings import Settings
from shared.tasks import beside
from shared.waits import Waits

log = get_logger(__name__)

IMPORTS = JobTable("import", "import_id")
LOOK_AGAIN_S = 1.0
"""Least pause between two looks at files that are still growing."""
HAND_POLL_S = 0.25
"""Between two looks whether a large file is done; nothing is asked of a disk."""
MOST_NAMED = 5
"""Files that an import names of those it waits for."""
SHORT_ID = 8
"""Digits of an import's id that tell it from others, as `nightbus imports` shows it."""


@dataclass(slots=True)
class _Running:
    """An import under way: what is counted for good, and the walk in hand."""

    job: Job
    total: Tally = field(default_factory=Tally)
    step: Walk = field(default_factory=Walk)
    meter: Meter = field(default_factory=Meter)
    sources: Sequence[Source] = ()
    below: Totals | None = None
    """What lies below its paths, once that was counted."""
    room: RoomWait | None = None
    """The wait for room of the path in hand."""
    no_library: Callable[[], str | None] = lambda: None
    """Why the library is waited for, if it is."""

    def columns(self) -> Mapping[str, Any]:
        """How far it is, by column of ``ingest.import``."""
        now, waiting, in_hand = Tally(), self.step.unsettled.copy(), dict[str, str]()
        now.add(self.total)
        now.add(self.step.tally)
        for source in self.sources:
            for path, hand in source.in_hand.items():
                now.large_bytes += hand.read_bytes
                now.size_bytes += hand.read_bytes
                now.read_bytes += hand.read_bytes
                if waiting.pop(path, None) is not None:
                    in_hand[path] = hand.how_far
        others_bytes = now.size_bytes - now.large_bytes
        self.meter.look(
            files=now.found, size_bytes=others_bytes, large_bytes=now.large_bytes, read_bytes=now.read_bytes
        )
        held_up_by = self.held_up_by()
        columns = _counts(now, waiting, in_hand) | {"held_up_by": held_up_by, "left_s": None}
        columns |= {"files_per_s": self.meter.files_per_s, "bytes_per_s": self.meter.bytes_per_s}
        if self.below is not None:
            columns |= self.totals()
            if held_up_by is None:
                columns["left_s"] = self.meter.left_s(
                    files=max(self.below.files - now.found, 0),
                    size_bytes=max(self.below.size_bytes - self.below.large_bytes - others_bytes, 0),
                    large_bytes=max(self.below.large_bytes - now.large_bytes, 0),
                )
        return columns

    def held_up_by(self) -> str | None:
        """What its files wait for and why: the library, or room in it."""
        if (reason := self.no_library()) is not None and any(source.mode != "index" for source in self.sources):
            return f"{library.WHAT}: {reason}"
        return f"room in the library: {self.room.reason}" if self.room is not None and self.room.reason else None

    def totals(self) -> dict[str, Any]:
        """What lies below the paths, by column of ``ingest.import``; nothing before it was counted.

        Where sources of a move were deleted before it was counted, what was found is more.
        """
        if self.below is None:
            return {}
        files, size_bytes = self.below.files, self.below.size_bytes
        return {"total_files": max(files, self.total.found), "total_bytes": max(size_bytes, self.total.size_bytes)}


class Imports:
    """Runs imports, some side by side."""

    def __init__(self, pool: asyncpg.Pool, walker: Walker, room: Room, waits: Waits, settings: Settings) -> None:
        self._pool = pool
        self._walker = walker
        self._room = room
        self._waits = waits
        self._own = settings.section(IngestSettings)
        self._has_library = settings.section(LibrarySettings).path is not None
        self._configured = {source.name: source for source in settings.sections(SourceSettings)}
        self._runner = Runner(pool, IMPORTS, self._import, at_once=self._own.imports_at_once)
        self._counting = ThreadPoolExecutor(1, thread_name_prefix="count")

    def wake(self) -> None:
        """Say that an import was committed."""
        self._runner.wake()

    async def run(self) -> None:
        """Run imports for ever."""
        await self._runner.run()

    async def cancel(self, import_id: UUID) -> State | None:
        """Ask for an import to be cancelled; the state that it is in now, None where there is no such import."""
        return await patiently(lambda: self._runner.store.cancel(import_id))

    async def _import(self, job: Job) -> None:
        running = _Running(job, no_library=lambda: self._waits.reason(library.WHAT))
        log.info("import started", import_id=str(job.id), paths=job["paths"], mode=job["mode"], attempt=job.attempt)
        try:
            errands = await self._errands_of(job)
            running.sources = tuple(errands)
            job.reports(running.columns)
            async with beside(self._count(errands, running), name=f"count of import {job.id}"):
                for source, places in errands.items():
                    for place in places:
                        await self._take(source, place, running)
                    source.close()  # many folders may be asked for, each a source of its own
        except Exception:
            for source in running.sources:
                await leave(source)
            await job.save(**_counts(running.total))
            raise
        finally:
            for source in running.sources:
                source.close()
        total = running.total
        if job["mode"] == "move":
            total.count_unseen(await patiently(lambda: self._taken_by(job.id)))
        await job.save(**_counts(total), **running.totals())
        log.info(
            "import done", import_id=str(job.id), found=total.found, arrived=total.arrived,
            already_here=total.already_here, ignored=total.ignored, failed=total.failed,
            brought_back=total.brought_back, repaired=total.repaired, set_beside=total.set_beside,
        )  # fmt: skip

    async def _take(self, source: Source, place: Below, running: _Running) -> None:
        """Look at one place until nothing in it is still growing."""
        folders, recursive, waiting = [place.folder], place.only is None, place.only

        async def look() -> None:
            running.step = Walk()  # after an outage anew: what was committed is counted from the ledger
            await self._walker.walk(
                source, folders, recursive=recursive, only=waiting, job=running.job, verify=running.job["verify"],
                progress=running.step,
            )  # fmt: skip

        who = f"the import {str(running.job.id)[:SHORT_ID]} of {shown(source.port.named(place.folder))}"
        room = running.room = RoomWait(self._room, self._waits, who)
        while True:
            try:
                await patiently(look)
                while room.looked_at_all(running.step.tally.without_room):
                    await room.until_over(running.job.pause)
                    await patiently(look)
            finally:
                room.end()
                running.total.add(running.step.tally)
                running.step = Walk(unsettled=running.step.unsettled)
            await self._until_next_look(source, running)
            if not running.step.unsettled:
                return
            waiting = frozenset(running.step.unsettled)
            folders, recursive = sorted({path.rpartition("/")[0] for path in waiting}), False

    async def _until_next_look(self, source: Source, running: _Running) -> None:
        """Wait until files that still grow may have settled; large ones in hand are waited for and not looked at."""
        pause_s = max(source.settle_s, LOOK_AGAIN_S)
        began = time.monotonic()
        while unsettled := running.step.unsettled:
            collect_finished(source, running.total, unsettled)
            if unsettled.keys() - source.in_hand.keys() and time.monotonic() - began >= pause_s:
                return
            if unsettled:
                await running.job.pause(min(pause_s, HAND_POLL_S if source.in_hand else pause_s))

    async def _count(self, errands: Mapping[Source, Sequence[Below]], running: _Running) -> None:
        """Count what lies below the paths, while the import has begun."""
        stop = Event()
        below = [(source.port, place) for source, places in errands.items() for place in places]
        try:
            running.below = await asyncio.get_running_loop().run_in_executor(self._counting, count, below, stop)
        finally:
            stop.set()

    async def _errands_of(self, job: Job) -> dict[Source, list[Below]]:
        """The places to look at, by their source: one for each root, with one set of threads.

        Raises:
            UserError: there is nothing at a path, or no library to copy into.
        """
        mode: Mode = job["mode"]
        if mode != "index" and not self._has_library:
            raise UserError(f"cannot {mode} without a library: set library.path, or use --mode index")
        kind = "indexed" if mode == "index" else "source"
        found: dict[str, tuple[Source, list[Below]]] = {}
        for place in await asyncio.to_thread(places_of, map(Path, job["paths"])):
            job.check()
            name, root = await patiently(partial(self._root_of, place.folder, kind))
            if name not in found:
                port = Folder(root, self._walker.excluded(root))
                source = await asyncio.to_thread(Source.make, name, port, mode, self._own, self._configured.get(name))
                found[name] = source, []
            source, places = found[name]
            below = _below(place, root)
            places.append(below)
            source.named |= below.only or frozenset()
        return dict(found.values())

    async def _root_of(self, folder: Path, kind: str) -> tuple[str, Path]:
        async with transaction(self._pool) as connection:
            return await roots.holding(connection, folder, kind)

    async def _taken_by(self, import_id: UUID) -> dict[str, int]:
        async with connected(self._pool) as connection:
            return await ledger.taken_by(connection, import_id)


def _below(place: Place, root: Path) -> Below:
    """A place by its path below the root that holds it."""
    below = place.folder.relative_to(root).as_posix()
    folder = "" if below == "." else below
    if place.only is None:
        return Below(folder)
    return Below(folder, frozenset(f"{folder}/{name}".lstrip("/") for name in place.only))


def _named(files: Mapping[str, str]) -> list[str]:
    return [f"{path}: {words}" for path, words in islice(files.items(), MOST_NAMED)]


_NONE: Mapping[str, str] = MappingProxyType({})


def _counts(tally: Tally, waiting: Mapping[str, str] = _NONE, in_hand: Mapping[str, str] = _NONE) -> dict[str, Any]:
    """Counts by column of ``ingest.import``.

    ``waiting`` are files that are looked at again and what they lack, ``in_hand`` large ones and how far they are.
    """
    later = len(waiting) + len(in_hand) + Crowd.of(tally.without_room.values()).files
    return {
        "found": tally.found + later,
        "arrived": tally.arrived,
        "already_here": tally.already_here,
        "ignored": tally.ignored,
        "failed": tally.failed,
        "ignored_by": json.dumps(dict(tally.ignored_by)),
        "failures": tally.failures,
        "brought_home": tally.brought_home,
        "brought_back": tally.brought_back,
        "repaired": tally.repaired,
        "set_beside": tally.set_beside,
        "size_bytes": tally.size_bytes,
        "read_bytes": tally.read_bytes,
        "waiting": later,
        "waiting_for": _named(waiting),
        "in_hand": _named(in_hand),
    }
