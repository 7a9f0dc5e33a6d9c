"""Wiring of ingest."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import asyncpg

from services.ingest.announce import announce_forgotten, announce_lost
from services.ingest.backed_up import INTERVAL_S as BACKUP_INTERVAL_S
from services.ingest.backed_up import look_for_backups
from services.ingest.collector import Collector
from services.ingest.delete import SourceDeleter
from services.ingest.description import DESCRIPTION
from services.ingest.forgetting import INTERVAL_S as FORGETTING_INTERVAL_S
from services.ingest.forgetting import forget_failures
from services.ingest.gone import INTERVAL_S as GONE_INTERVAL_S
from services.ingest.gone import look_for_gone
from services.ingest.handlers import cancel_import, import_paths, reread_files
from services.ingest.imports import Imports
from services.ingest.keeper.keeper import Keeper
from services.ingest.keeper.whereabouts import INTERVAL_S as ROOTS_INTERVAL_S
from services.ingest.keeper.whereabouts import Whereabouts
from services.ingest.library import Library
from services.ingest.measures import measure_files, measure_places, measure_stream
from services.ingest.placement import Placement
from services.ingest.roomwait import RoomWait
from services.ingest.settings import IngestSettings, SourceSettings
from services.ingest.shelf import Shelf
from services.ingest.source import Source
from services.ingest.sources.kinds import port_of
from services.ingest.space import INTERVAL_S as SPACE_INTERVAL_S
from services.ingest.space import SpaceWatch
from services.ingest.store import roots, sources
from services.ingest.sweep import Sweep
from services.ingest.walker import Walker
from services.ingest.watch import Watcher
from shared.bus.janitor import INTERVAL_S as JANITOR_INTERVAL_S
from shared.bus.janitor import janitor
from shared.bus.rpc import ask
from shared.db import total
from shared.db.pool import connected
from shared.events.commands import (
    BackupAccepted,
    CancelImport,
    ForgetFiles,
    ImportPaths,
    MoveFiles,
    PlaceFile,
    ReadBackFiles,
    RemoveFiles,
    RereadFiles,
    WalkLibrary,
)
from shared.library.room import Room
from shared.library.settings import LibrarySettings
from shared.metrics import MEASURE_EVERY_S
from shared.process import Process
from shared.retry import patiently
from shared.service import Service
from shared.settings import Settings

DAY_S = 24 * 3600.0
LIBRARY_THREADS = 32
"""For calls to the library and single looks elsewhere, more than processors: they wait for disks. Each source has
threads of its own (``source.Source``)."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run ingest until its process stops; returns its exit code."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LIBRARY_THREADS, "library"))
    own, kept = settings.section(IngestSettings), settings.section(LibrarySettings)
    configured = settings.sections(SourceSettings)
    async with (
        Service(DESCRIPTION, settings, process) as service,
        janitor(settings.nats, measure_stream) as sweep_stream,
    ):
        pool = service.pool
        library = Library.of(kept, pool, service.waits)
        room = Room(kept.path, kept.reserve_mb)
        shelf = Shelf(pool, library.root, room, quiet_s=own.settle_s) if library is not None else None
        collector = Collector(
            pool,
            service.relay,
            library=library,
            shelf=shelf,
            room=room,
            placement=Placement(kept.template),
            incomplete_wait_s=own.incomplete_wait_s,
        )
        walker = Walker(pool, collector)

        async def ask_backup(command: ReadBackFiles) -> BackupAccepted:
            return await ask(service.client, command, BackupAccepted)

        imports = Imports(pool, walker, room, service.waits, settings)
        service.answers(ImportPaths, partial(import_paths, pool, imports))
        service.answers(CancelImport, partial(cancel_import, imports))
        service.answers(RereadFiles, partial(reread_files, pool, service.relay))
        service.background(imports.run())
        await _watch_all(service, configured, own, walker, room)
        sweep = None
        if library is not None and shelf is not None:
            percent = kept.most_gone_percent
            sweep = Sweep(pool, shelf, interval_s=own.library_check_interval_s, most_gone_percent=percent)
            service.background(library.keep_open())
            service.background(library.then(SourceDeleter(pool, shelf, configured).run))
            service.every(BACKUP_INTERVAL_S, partial(look_for_backups, pool, ask_backup))
            service.background(library.then(sweep.run))
        _keep(service, library, room, sweep)
        _look_after_events(service, configured, own)
        _measure(service, kept)
        service.every(JANITOR_INTERVAL_S, sweep_stream, first_after_s=JANITOR_INTERVAL_S)
        try:
            return await service.run()
        finally:
            collector.close()
            if library is not None:
                library.close()


def _keep(service: Service, library: Library | None, room: Room, sweep: Sweep | None) -> None:
    """Register what the keeper of the library answers and does."""
    root = library.root if library is not None else None
    keeper = Keeper(service.pool, service.relay.wake, library=root, room=room, sweep=sweep)
    service.answers(MoveFiles, keeper.move)
    service.answers(PlaceFile, keeper.place)
    service.answers(RemoveFiles, keeper.remove)
    service.answers(ForgetFiles, keeper.forget)
    service.answers(WalkLibrary, keeper.walk)
    for runner in (keeper.changes, keeper.walks):
        service.background(runner.run() if library is None else library.then(runner.run))
    service.every(DAY_S, keeper.forget_old)
    service.every(ROOTS_INTERVAL_S, Whereabouts(service.pool, root).look, first_after_s=ROOTS_INTERVAL_S)


def _look_after_events(service: Service, configured: Sequence[SourceSettings], own: IngestSettings) -> None:
    """Register what is done again and again so that no event is lost for good."""
    pool, relay, interval_s = service.pool, service.relay, own.reconcile_interval_s
    watched = [source.name for source in configured]
    lost = partial(announce_lost, pool, relay, age_s=own.reconcile_age_s)

    async def recount() -> None:
        async with connected(pool) as connection:
            await total.mend(connection, "file")

    service.every(interval_s, partial(announce_forgotten, pool, relay))
    service.every(interval_s, lost, first_after_s=interval_s)
    service.every(GONE_INTERVAL_S, partial(look_for_gone, pool, relay), first_after_s=GONE_INTERVAL_S)
    service.every(FORGETTING_INTERVAL_S, partial(forget_failures, pool, watched))
    service.every(DAY_S, recount)


def _measure(service: Service, kept: LibrarySettings) -> None:
    """Register what measures disks, sources and files."""
    pool = service.pool
    service.every(SPACE_INTERVAL_S, SpaceWatch(pool, kept.reserve_mb).turn)
    service.every(MEASURE_EVERY_S, partial(measure_places, pool))
    service.every(MEASURE_EVERY_S, partial(measure_files, pool))


async def _watch_all(
    service: Service, configured: Sequence[SourceSettings], own: IngestSettings, walker: Walker, room: Room
) -> None:
    """Register the watch over each configured source."""

    async def keep_configured() -> None:
        async with connected(service.pool) as connection:
            await sources.keep_only(connection, [source.name for source in configured])

    await patiently(keep_configured)
    for source in configured:
        crowd = RoomWait(room, service.waits, f"the source {source.name}")
        service.background(_watch(source, own, service.pool, walker, crowd))


async def _watch(
    configured: SourceSettings, settings: IngestSettings, pool: asyncpg.Pool, walker: Walker, crowd: RoomWait
) -> None:
    """Watch a source for ever. Each begins by itself: a share that hangs keeps no other from its start."""
    name = configured.name
    port = port_of(configured, walker.excluded)
    source = await asyncio.to_thread(Source.make, name, port, configured.mode, settings, configured, configured.fate)

    async def register(folder: Path) -> None:
        async with connected(pool) as connection:
            await roots.save(connection, name, folder, source.kind)

    if port.folder is not None:
        await patiently(partial(register, port.folder))
    await Watcher(source, pool, walker, crowd, walk_interval_s=configured.walk_interval_s).run()
