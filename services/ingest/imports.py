"""Imports that a person asked for: job rows, claimed with a lease, run to the last settled file."""

import asyncio
import contextlib
from pathlib import Path

import asyncpg

from services.ingest.scan import Pass, Scanner
from services.ingest.source import Mode, Source
from services.ingest.store import LEASE_S, Store
from services.ingest.tally import Tally
from shared.bus.delivery import patiently
from shared.errors import UserError
from shared.logging import get_logger
from shared.settings import Settings

log = get_logger(__name__)

POLL_S = 1.0
LOOK_AGAIN_S = 1.0
"""Least pause between two looks at files that are still growing."""


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
        import_id = row["import_id"]
        total = Tally()
        log.info("import started", import_id=str(import_id), paths=row["paths"], mode=row["mode"])
        progress = Pass()
        reporter = asyncio.create_task(self._report(import_id, total, lambda: progress))
        error = None
        try:
            for path in row["paths"]:
                source, folder, only = await self._source_of(Path(path), row["mode"])
                waiting = only
                while True:
                    progress = Pass()
                    await self._scanner.scan(
                        source, (folder,), recursive=only is None, only=waiting, import_id=import_id, progress=progress
                    )
                    total.add(progress.tally)
                    if not progress.unsettled:
                        progress = Pass()
                        break
                    waiting = frozenset(progress.unsettled)
                    await asyncio.sleep(max(source.settle_s, LOOK_AGAIN_S))
        except UserError as refused:
            error = str(refused)
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)
        await patiently(lambda: self._store.finish_import(import_id, total, error))
        log.info(
            "import done", import_id=str(import_id), found=total.found, arrived=total.arrived,
            already_here=total.already_here, ignored=total.ignored, failed=total.failed, error=error,
        )  # fmt: skip

    async def _report(self, import_id: object, total: Tally, current: object) -> None:
        """Save progress and renew the lease well before it runs out."""
        while True:
            await asyncio.sleep(min(1.0, LEASE_S / 5))
            now = Tally()
            now.add(total)
            step: Pass = current()  # type: ignore[operator]
            now.add(step.tally)
            await self._store.save_progress(import_id, now, now.found + len(step.unsettled))  # type: ignore[arg-type]

    async def _source_of(self, path: Path, mode: Mode) -> tuple[Source, str, frozenset[str] | None]:
        """The source of a path, the folder to walk below it, and the only file to take where the path is a file.

        Raises:
            UserError: there is nothing, or no library to copy into.
        """
        if mode != "index" and self._settings.library.path is None:
            raise UserError(f"cannot {mode} without a library: set library.path, or use --mode index")
        try:
            resolved = await asyncio.to_thread(path.resolve, strict=True)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        folder = resolved.parent if resolved.is_file() else resolved
        kind = "indexed" if mode == "index" else "source"
        name, root = await patiently(lambda: self._store.root_of(folder, kind))
        below = folder.relative_to(root).as_posix() if folder != root else ""
        only = frozenset({resolved.relative_to(root).as_posix()}) if resolved.is_file() else None
        configured = next((item for item in self._settings.sources if item.name == name), None)
        return Source.make(name, root, mode, self._settings.ingest, configured), below, only
