"""``nightbus up``: everything on one machine until Ctrl-C."""

import asyncio
import contextlib
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Literal, TextIO, cast

from services.backup.database.before import NotDumped, dump_before
from services.backup.destinations.kinds import opened
from services.backup.settings import BackupSettings
from services.descriptions import SCHEMAS
from services.ingest.settings import SourceSettings
from services.scanner.settings import ScannerSettings
from services.settings import enabled_services, load_settings
from services.standalone.binaries import own_pg_dump, with_own_programs
from services.standalone.calling import command
from services.standalone.home import Home, closed_above
from services.standalone.own_servers import require_obeyable
from services.standalone.readablelog import LOG_FILE, Kept, OwnLines, ReadableLog
from services.standalone.restoring.ground import require_whole
from services.standalone.stack import Stack
from shared.db.schemas import heads
from shared.descriptors import raise_limit
from shared.errors import NightbusError
from shared.library.settings import LibrarySettings
from shared.logging import configure_logging
from shared.settings import PostgresSettings, Settings, config_file
from shared.tasks import start_task


def up(home: Path | None) -> int:
    """Run the whole stack until SIGINT or SIGTERM; returns the process's exit code.

    Raises:
        NightbusError: it did not come up; one sentence.
    """
    raise_limit()
    settings = load_settings()
    require_obeyable(settings, Home.resolve(home))
    as_json = log_format(settings) == "json"
    kept = Kept(settings.log.rotate_mb * 1024**2, settings.log.keep_files)
    with Home.open(home) as own_home, ReadableLog(own_home.log / LOG_FILE, kept=kept, as_json=as_json) as log:
        require_whole(own_home.path)
        own = settings.log.model_copy(update={"format": log_format(settings)})  # as the services' lines beside ours
        configure_logging(own, "up", cast("TextIO", OwnLines(log)))
        log.line("up", read_from())
        return asyncio.run(_run(own_home, settings, log))


async def _run(home: Home, settings: Settings, log: ReadableLog) -> int:
    started = time.monotonic()
    stack = Stack(
        home,
        extra_environment=environment_of(home, settings),
        log_line=log.line,
        stream_max_bytes=settings.nats.max_bytes,
        services=enabled_services(settings),
        before_migration=partial(_dump_before, settings, log),
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        start = start_task(stack.start(), name="start", expected=(NightbusError,))
        stop = start_task(stopping.wait(), name="wait for a signal")
        await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            start.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await start
            return 0
        for sentence in (not_ready := await start):
            log.line("up", sentence)
        log.line(
            "up", f"{'started' if not_ready else 'ready'} after {time.monotonic() - started:.1f} s; home {home.path}"
        )
        for line in _where_to_look(home, settings):
            log.line("up", line)
        supervision = start_task(stack.supervise(), name="supervision")
        await asyncio.wait({supervision, stop}, return_when=asyncio.FIRST_COMPLETED)
        supervision.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervision
    finally:
        log.line("up", "stopping")
        await stack.stop()
        log.line("up", "stopped")
    return 0


async def _dump_before(settings: Settings, log: ReadableLog, postgres: PostgresSettings) -> None:
    """Dump the database before it changes; where that fails, say so, and go on."""
    try:
        note = await dump_before(with_own_programs(settings), postgres, heads(SCHEMAS), opened)
    except NotDumped as error:
        for sentence in str(error).splitlines():
            log.line("up", sentence)
    else:
        if note is not None:
            log.line("up", f"the database was dumped before it changes: {note.key} at {note.destination}")


def read_from() -> str:
    """Which settings file holds, or where one was looked for."""
    file = config_file()
    if file is None:
        return f"no nightbus.toml found, looked at {Path('nightbus.toml').absolute()}; defaults and environment hold"
    return f"settings of {file.resolve()}"


def environment_of(home: Home, settings: Settings) -> dict[str, str]:
    """What the services are told beyond addresses: folders under the home, where the settings name none."""
    told = {"NIGHTBUS_LOG__FORMAT": log_format(settings), "NIGHTBUS_HEALTH__HOST": settings.health.host}
    if settings.section(LibrarySettings).path is None:
        told["NIGHTBUS_LIBRARY__PATH"] = str(home.path / "library")
    if settings.section(BackupSettings).pg_dump is None:
        told["NIGHTBUS_BACKUP__PG_DUMP"] = str(own_pg_dump())
    scanner = settings.section(ScannerSettings)
    if scanner.previews and scanner.previews_dir is None:
        told["NIGHTBUS_SCANNER__PREVIEWS_DIR"] = str(home.path / "previews")
    return told


def log_format(settings: Settings) -> Literal["console", "json"]:
    """How all processes of this stack log: as the settings ask, else for people on a terminal and JSON elsewhere."""
    if settings.log.format != "auto":
        return settings.log.format
    return "console" if sys.stdout.isatty() else "json"


def _where_to_look(home: Home, settings: Settings) -> list[str]:
    own = settings.section(LibrarySettings).path
    library = own or home.path / "library"
    closed = closed_above(home.path) if own is None else None
    alone = f" (other users cannot read it: {closed} is closed to them)" if closed is not None else ""
    watched = settings.sections(SourceSettings)
    sources = ", ".join(f"{source.name} ({source.where})" for source in watched) or "none configured"
    return [
        f"library {library}{alone}; sources: {sources}",
        f"log {home.log / LOG_FILE}; try: {command('status', *Home.words(home.path))}",
    ]
