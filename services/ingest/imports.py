"""Imports that a person asked for: job rows, claimed with a lease, run to the last settled file."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg

from services.ingest.scan import Pass, Scanner
from services.ingest.source import Mode, Source
from services.ingest.store import LEASE_S, Store
from services.ingest.tally import Tally
from shared.bus.delivery import patiently
from shared.errors import UserError
from shared.library.roots import real_path
from shared.logging import get_logger
from shared.settings import Settings
from shared.tasks import beside, restarted

log = get_logger(__name__)

POLL_S = 1.0
LOOK_AGAIN_S = 1.0
"""Least pause between two looks at files that are still growing."""


@dataclass(slots=True)
class _Running:
    """An import under way: what is counted for good, and the walk in hand."""

    import_id: UUID
    mode: Mode
    verify: bool
    total: Tally = field(default_factory=Tally)
    step: Pass = field(default_factory=Pass)


class ImportRunner:
    """Runs one import at a time."""

    def __init__(self, store: Store, scanner: Scanner, settings: Settings) -> None:
        self._store = store
        self._scanner = scanner
        self._settings = settings
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Say that an import was committed; the runner also looks by itself every second."""
        self._work.set()

    async def run(self) -> None:
        """Run imports for ever."""
        while True:
            row = await patiently(self._store.claim_import)
            if row is None:
                self._work.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), POLL_S)
                continue
            await self._run_one(row)

    async def _run_one(self, row: asyncpg.Record) -> None:
        running = _Running(row["import_id"], row["mode"], row["verify"])
        log.info("import started", import_id=str(running.import_id), paths=row["paths"], mode=running.mode)
        name = f"report of import {running.import_id}"
        error = None
        try:
            async with beside(restarted(lambda: self._report(running), name=name), name=name):
                for path in row["paths"]:
                    await self._take(Path(path), running)
        except UserError as refused:
            error = str(refused)
        total = running.total
        await patiently(lambda: self._store.finish_import(running.import_id, total, error))
        log.info(
            "import done", import_id=str(running.import_id), found=total.found, arrived=total.arrived,
            already_here=total.already_here, ignored=total.ignored, failed=total.failed, error=error,
            brought_back=total.brought_back, repaired=total.repaired, set_beside=total.set_beside,
        )  # fmt: skip

    async def _take(self, path: Path, running: _Running) -> None:
        """Look at one path until nothing in it is still growing."""
        source, folder, only = await self._source_of(path, running.mode)
        recursive = only is None
        waiting = only

        async def look() -> None:
            running.step = Pass()  # after an outage anew: what was committed is counted from the ledger
            await self._scanner.scan(
                source, (folder,), recursive=recursive, only=waiting, import_id=running.import_id,
                verify=running.verify, progress=running.step,
            )  # fmt: skip

        while True:
            await patiently(look)
            running.total.add(running.step.tally)
            running.step = Pass(unsettled=running.step.unsettled)
            if not running.step.unsettled:
                return
            waiting = frozenset(running.step.unsettled)
            await asyncio.sleep(max(source.settle_s, LOOK_AGAIN_S))

    async def _report(self, running: _Running) -> None:
        """Save progress and renew the lease well before it runs out."""
        while True:
            await asyncio.sleep(min(1.0, LEASE_S / 5))
            now, step = Tally(), running.step
            now.add(running.total)
            now.add(step.tally)
            await patiently(partial(self._store.save_progress, running.import_id, now, step.unsettled.copy()))

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
        return Source.make(name, root, mode, self._settings.ingest, configured), below, only
