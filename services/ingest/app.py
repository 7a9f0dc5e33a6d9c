"""Wiring of ingest."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from services.ingest.announce import Reconciler
from services.ingest.collector import Collector
from services.ingest.delete import SourceDeleter
from services.ingest.forgetting import FailureForgetter
from services.ingest.gone import GoneFiles
from services.ingest.handlers import Commands
from services.ingest.imports import Imports
from services.ingest.library import Library
from services.ingest.placement import Placement
from services.ingest.roomwait import RoomWait
from services.ingest.scan import Scanner
from services.ingest.shelf import Shelf
from services.ingest.source import Source
from services.ingest.sourcestate import SourceStates
from services.ingest.store import SERVICE, Store
from services.ingest.sweep import Sweep
from services.ingest.watch import Watcher
from shared.bus.delivery import patiently
from shared.bus.janitor import run_janitor
from shared.bus.outbox import OutboxRelay
from shared.bus.rpc import answer
from shared.db.pool import check_database, pool_of
from shared.events.commands import CancelImport, ImportPaths, RescanFiles
from shared.library.room import Room
from shared.service import Service
from shared.settings import IngestSettings, Settings, SourceSettings

LIBRARY_THREADS = 32
"""For calls to the library and single looks elsewhere, more than processors: they wait for disks. Each source has
threads of its own (``source.Source``)."""


async def run(settings: Settings) -> int:
    """Run ingest until a signal; returns the process's exit code."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LIBRARY_THREADS, "library"))
    async with pool_of(settings.postgres, SERVICE) as pool, Service(SERVICE, settings) as service:
        store = Store(pool)
        relay = OutboxRelay(pool, service.js, SERVICE)
        library = Library.of(settings.library, pool, service.waits)
        room = Room(settings.library.path, settings.library.reserve_mb)
        shelf = Shelf(store, library.root, room, quiet_s=settings.ingest.settle_s) if library is not None else None
        collector = Collector(
            store,
            relay,
            library=library,
            shelf=shelf,
            room=room,
            placement=Placement(settings.library.template),
            incomplete_wait_s=settings.ingest.incomplete_wait_s,
        )
        scanner = Scanner(store, collector)
        imports = Imports(store, scanner, room, service.waits, settings)
        commands = Commands(pool, store, imports, relay)
        answer(service.broker, ImportPaths, commands.import_paths)
        answer(service.broker, CancelImport, commands.cancel_import)
        answer(service.broker, RescanFiles, commands.rescan_files)
        service.checks["postgres"] = check_database(pool)
        service.background(relay.run())
        service.background(run_janitor(service.js))
        service.background(imports.run())
        states = SourceStates(store.pool)
        await patiently(lambda: states.keep_only([source.name for source in settings.sources]))
        for configured in settings.sources:
            crowd = RoomWait(room, service.waits, f"the source {configured.name}")
            service.background(_watch(configured, settings.ingest, store, scanner, states, crowd))
        if library is not None and shelf is not None:
            sweep = Sweep(store, shelf, interval_s=settings.ingest.library_check_interval_s)
            service.background(library.open())
            service.background(library.then(SourceDeleter(pool, shelf).run))
            service.background(library.then(sweep.run))
        reconciler = Reconciler(
            pool, relay, interval_s=settings.ingest.reconcile_interval_s, age_s=settings.ingest.reconcile_age_s
        )
        service.background(reconciler.run())
        service.background(GoneFiles(pool, relay).run())
        service.background(FailureForgetter(store, [source.name for source in settings.sources]).run())
        try:
            return await service.run()
        finally:
            collector.close()
            if library is not None:
                library.close()


async def _watch(
    configured: SourceSettings,
    settings: IngestSettings,
    store: Store,
    scanner: Scanner,
    states: SourceStates,
    crowd: RoomWait,
) -> None:
    """Watch a source for ever. Each begins by itself: a share that hangs keeps no other from its start."""
    name, path, mode = configured.name, configured.path, configured.mode
    source = await asyncio.to_thread(Source.make, name, path, mode, settings, configured)
    await patiently(lambda: store.ensure_root(name, path, source.kind))
    exclude = scanner.excluded(source)
    watcher = Watcher(source, scanner, states, crowd, rescan_interval_s=configured.rescan_interval_s, exclude=exclude)
    await watcher.run()
