"""Imports that a person asked for: jobs that run side by side, each to its last settled file."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from services.ingest.large import collect_finished, leave
from services.ingest.rate import Meter
from services.ingest.roomwait import RoomWait
from services.ingest.scan import Pass, Scanner
from services.ingest.settings import IngestSettings
from services.ingest.source import Mode, Source
from services.ingest.store import Store
from services.ingest.survey import Place, Totals, count
from services.ingest.tally import Crowd, Tally
from shared.errors import UserError
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.jobs.verdict import State
from shared.library.reading import shown
from shared.library.room import Room
from shared.library.roots import real_path
from shared.logging import get_logger
from shared.quantities import size
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


@dataclass(slots=True)
class _Running:
    """An import under way: what is counted for good, and the walk in hand."""

    job: Job
    total: Tally = field(default_factory=Tally)
    step: Pass = field(default_factory=Pass)
    meter: Meter = field(default_factory=Meter)
    sources: Sequence[Source] = ()
    below: Totals | None = None
    """What lies below its paths, once that was counted."""

    def columns(self) -> Mapping[str, Any]:
        """How far it is, by column of ``ingest.import``."""
        now, waiting = Tally(), self.step.unsettled.copy()
        now.add(self.total)
        now.add(self.step.tally)
        large_bytes = sum(hand.read_bytes for source in self.sources for hand in source.in_hand.values())
        now.read_bytes += large_bytes
        size_bytes = now.size_bytes + large_bytes
        self.meter.look(files=now.found, size_bytes=size_bytes, read_bytes=now.read_bytes)
        for source in self.sources:
            waiting |= {path: hand.lack for path, hand in source.in_hand.items() if path in waiting}
        columns = _counts(now, waiting)
        columns |= {"files_per_s": self.meter.files_per_s, "bytes_per_s": self.meter.bytes_per_s}
        if self.below is not None:
            files, rest_bytes = self.below.files - now.found, self.below.size_bytes - size_bytes
            left_s = self.meter.left_s(files=max(files, 0), size_bytes=max(rest_bytes, 0))
            columns |= self.totals() | {"left_s": left_s}
        return columns

    def totals(self) -> dict[str, Any]:
        """What lies below the paths, by column of ``ingest.import``; nothing before it was counted."""
        return {} if self.below is None else {"total_files": self.below.files, "total_bytes": self.below.size_bytes}


class Imports:
    """Runs imports, some side by side."""

    def __init__(self, store: Store, scanner: Scanner, room: Room, waits: Waits, settings: Settings) -> None:
        self._store = store
        self._scanner = scanner
        self._room = room
        self._waits = waits
        self._settings = settings
        self._own = settings.section(IngestSettings)
        self._runner = Runner(store.pool, IMPORTS, self._import, at_once=self._own.imports_at_once)
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
        running = _Running(job)
        log.info("import started", import_id=str(job.id), paths=job["paths"], mode=job["mode"], attempt=job.attempt)
        try:
            places = [await self._source_of(Path(path), job["mode"]) for path in job["paths"]]
            running.sources = [source for source, _, _ in places]
            job.reports(running.columns)
            async with beside(self._count(places, running), name=f"count of import {job.id}"):
                for source, folder, only in places:
                    await self._take(source, folder, only, running)
        except Exception:
            for source in running.sources:
                await leave(source)
            await job.save(**_counts(running.total, {}))
            raise
        total = running.total
        await job.save(**_counts(total, {}), **running.totals())
        log.info(
            "import done", import_id=str(job.id), found=total.found, arrived=total.arrived,
            already_here=total.already_here, ignored=total.ignored, failed=total.failed,
            brought_back=total.brought_back, repaired=total.repaired, set_beside=total.set_beside,
        )  # fmt: skip

    async def _take(self, source: Source, folder: str, only: frozenset[str] | None, running: _Running) -> None:
        """Look at one path until nothing in it is still growing."""
        folders, recursive = [folder], only is None
        waiting = only

        async def look() -> None:
            running.step = Pass()  # after an outage anew: what was committed is counted from the ledger
            await self._scanner.scan(
                source, folders, recursive=recursive, only=waiting, job=running.job, verify=running.job["verify"],
                progress=running.step,
            )  # fmt: skip

        room = RoomWait(self._room, self._waits, f"the import of {shown(source.path / folder)}")
        while True:
            try:
                await patiently(look)
                while room.looked_at_all(running.step.tally.without_room):
                    await room.until_over(running.job.pause)
                    await patiently(look)
            finally:
                room.end()
                running.total.add(running.step.tally)
                running.step = Pass(unsettled=running.step.unsettled)
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

    async def _count(self, places: Sequence[tuple[Source, str, frozenset[str] | None]], running: _Running) -> None:
        """Count what lies below the paths, while the import has begun."""
        stop = Event()
        excluded = self._scanner.excluded(*(source for source, _, _ in places))
        below = [Place(source.path / folder, _only_name(only)) for source, folder, only in places]
        try:
            running.below = await asyncio.get_running_loop().run_in_executor(
                self._counting, count, below, excluded, stop
            )
        finally:
            stop.set()

    async def _source_of(self, path: Path, mode: Mode) -> tuple[Source, str, frozenset[str] | None]:
        """The source of a path, the folder to walk below it, and the only file to take where the path is a file.

        Raises:
            UserError: there is nothing, or no library to copy into.
        """
        if mode != "index" and self._settings.library.path is None:
            raise UserError(f"cannot {mode} without a library: set library.path, or use --mode index")
        resolved = await asyncio.to_thread(real_path, path)
        folder = resolved.parent if resolved.is_file() else resolved
        kind = "indexed" if mode == "index" else "source"
        name, root = await patiently(lambda: self._store.root_of(folder, kind))
        below = folder.relative_to(root).as_posix() if folder != root else ""
        only = frozenset({resolved.relative_to(root).as_posix()}) if resolved.is_file() else None
        configured = next((item for item in self._settings.sources if item.name == name), None)
        source = await asyncio.to_thread(Source.make, name, root, mode, self._own, configured)
        return source, below, only


def _only_name(only: frozenset[str] | None) -> str | None:
    return None if only is None else min(only).rpartition("/")[2]


def _counts(tally: Tally, waiting: Mapping[str, str]) -> dict[str, Any]:
    """Counts by column of ``ingest.import``; ``waiting`` are files that are looked at again, and what they lack."""
    crowd = Crowd.of(tally.without_room.values())
    waiting_for = [f"{path}: {lack}" for path, lack in islice(waiting.items(), MOST_NAMED)]
    if crowd:
        waiting_for.insert(0, f"{crowd.files} files ({size(crowd.size_bytes)}): the library has no room")
    return {
        "found": tally.found + len(waiting) + crowd.files,
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
        "waiting": len(waiting) + crowd.files,
        "waiting_for": waiting_for,
    }
