"""Watching configured sources: hints from inotify, the truth from rescans."""

import asyncio
import os
import stat
from pathlib import Path

from watchfiles import awatch

from services.ingest.scan import Pass, Scanner
from services.ingest.source import Source
from shared.bus.delivery import patiently
from shared.errors import Unavailable
from shared.library.extensions import is_system_folder
from shared.logging import get_logger
from shared.tasks import beside, restarted

log = get_logger(__name__)

MOST_HINTS = 500
"""Beyond this many folders at once a full scan is cheaper than following each hint."""
HINT_DEBOUNCE_MS = 400
MISSING_POLL_S = 5.0
"""Between two looks for a source whose folder is not there."""


class Watcher:
    """Follows one source for as long as the service runs."""

    def __init__(self, source: Source, scanner: Scanner, *, rescan_interval_s: float) -> None:
        self._source = source
        self._scanner = scanner
        self._rescan_interval_s = rescan_interval_s
        self._hinted: set[str] = set()
        self._hint = asyncio.Event()
        self._mounted: tuple[int, int] | None = None

    async def run(self) -> None:
        """Scan, then follow hints and look at growing files again until the next full scan is due.

        Hints come from one mounted folder: where it goes away, or another one is mounted there, they are asked anew.
        """
        while True:
            self._mounted = await self._until_there()
            name = f"hints of {self._source.name}"
            async with beside(restarted(self._follow_hints, name=name), name=name):
                await asyncio.sleep(0)  # hints are on before the scan begins, so that nothing falls between them
                while _identity(self._source.path) == self._mounted:
                    unsettled = await self._full_scan()
                    await self._between_scans(unsettled)

    async def _until_there(self) -> tuple[int, int]:
        """Wait for the source's folder; returns what tells it from another one in its place."""
        said = False
        while (found := _identity(self._source.path)) is None:
            if not said:
                log.warning("source is not there", source=self._source.name, path=str(self._source.path))
                said = True
            await asyncio.sleep(MISSING_POLL_S)
        return found

    async def _full_scan(self) -> set[str]:
        source = self._source
        self._hinted.clear()
        if await patiently(lambda: self._scanner.looks_unmounted(source)):
            log.error(
                "source holds none of its known files: empty or foreign mount? Nothing is changed",
                source=source.name, path=str(source.path),
            )  # fmt: skip
            return set()
        done = await patiently(lambda: self._scanner.scan(source))
        source.settler.retain(set(done.unsettled))
        self._log("source scanned", done)
        return set(done.unsettled)

    async def _between_scans(self, unsettled: set[str]) -> None:
        loop = asyncio.get_running_loop()
        full_at = loop.time() + self._rescan_interval_s
        while (left_s := full_at - loop.time()) > 0:
            look_again_s = max(self._source.settle_s / 2, 0.2) if unsettled else left_s
            try:
                await asyncio.wait_for(self._hint.wait(), min(left_s, look_again_s))
            except TimeoutError:
                if not unsettled:
                    return
            self._hint.clear()
            folders = self._hinted | {_parent(path) for path in unsettled}
            self._hinted = set()
            if len(folders) > MOST_HINTS or _identity(self._source.path) != self._mounted:
                return
            unsettled = await self._look_at(sorted(folders))

    async def _look_at(self, folders: list[str]) -> set[str]:
        there = [folder for folder in folders if _walked(self._source.path, folder)]
        try:
            done = await self._scanner.scan(self._source, there, recursive=False)
        except Unavailable as error:
            log.warning("look postponed", source=self._source.name, reason=str(error))
            self._hinted.update(folders)
            await asyncio.sleep(1.0)
            return set()
        self._log("files looked at", done)
        return set(done.unsettled)

    def _log(self, event: str, done: Pass) -> None:
        tally = done.tally
        if tally.arrived or tally.failed or event == "source scanned":
            log.info(
                event, source=self._source.name, found=done.seen, arrived=tally.arrived, failed=tally.failed,
                already_here=tally.already_here, ignored=tally.ignored, unsettled=len(done.unsettled),
            )  # fmt: skip

    async def _follow_hints(self) -> None:
        """Collect folders in which something happened. Network shares send no hints; their rescans do all."""
        source = self._source
        while not source.network:
            try:
                async for changes in awatch(source.path, debounce=HINT_DEBOUNCE_MS, ignore_permission_denied=True):
                    for _change, name in changes:
                        self._add_hint(Path(name))
                    self._hint.set()
            except (OSError, RuntimeError) as error:
                log.warning("no hints from the file system, rescans go on", source=source.name, reason=str(error))
                await asyncio.sleep(60.0)

    def _add_hint(self, path: Path) -> None:
        relative = path.relative_to(self._source.path).as_posix() if path != self._source.path else ""
        if path.is_dir():
            # A folder that was moved in brings files for which no hint comes.
            self._hinted.add("" if relative == "." else relative)
            self._hinted.update(
                (Path(relative) / sub.relative_to(path)).as_posix() for sub in path.rglob("*") if sub.is_dir()
            )
        else:
            self._hinted.add(_parent(relative))


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a folder, or None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _walked(root: Path, folder: str) -> bool:
    """Whether a full scan would come to this folder: it is there, not hidden, and no link leads to it."""
    if any(part.startswith(".") or is_system_folder(part) for part in folder.split("/")):
        return False
    place = os.path.join(os.path.realpath(root), folder).rstrip("/")  # noqa: PTH118 - compared with a real path
    # Path.is_dir raises what a share that went away answers (EIO, EHOSTDOWN); here it is a folder that is not there.
    return os.path.realpath(place) == place and os.path.isdir(place)  # noqa: PTH112


def _parent(relative: str) -> str:
    return relative.rpartition("/")[0]
