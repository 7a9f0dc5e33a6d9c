"""Wiring of ingest."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from services.ingest.announce import Reconciler
from services.ingest.collector import Collector
from services.ingest.delete import SourceDeleter
from services.ingest.description import DESCRIPTION
from services.ingest.forgetting import INTERVAL_S as FORGETTING_INTERVAL_S
from services.ingest.forgetting import FailureForgetter
from services.ingest.gone import INTERVAL_S as GONE_INTERVAL_S
from services.ingest.gone import GoneFiles
from services.ingest.handlers import Commands
from services.ingest.imports import Imports
from services.ingest.library import Library
from services.ingest.placement import Placement
from services.ingest.roomwait import RoomWait
from services.ingest.scan import Scanner
from services.ingest.settings import IngestSettings
from services.ingest.shelf import Shelf
from services.ingest.source import Source
from services.ingest.sourcestate import SourceStates
from services.ingest.store import Store
from services.ingest.sweep import Sweep
from services.ingest.watch import Watcher
from shared.bus.janitor import INTERVAL_S as JANITOR_INTERVAL_S
from shared.bus.janitor import janitor
from shared.events.commands import CancelImport, ImportPaths, RereadFiles
from shared.library.room import Room
from shared.process import Process
from shared.retry import patiently
from shared.service import Service
from shared.settings import Settings, SourceSettings

LIBRARY_THREADS = 32
"""For calls to the library and single looks elsewhere, more than processors: they wait for disks. Each source has
threads of its own (``source.Source``)."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run ingest until its process stops; returns its exit code."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LIBRARY_THREADS, "library"))
    own = settings.section(IngestSettings)
    async with Service(DESCRIPTION, settings, process) as service, janitor(settings.nats) as sweep_stream:
        store = Store(service.pool)
        library = Library.of(settings.library, service.pool, service.waits)
        room = Room(settings.library.path, settings.library.reserve_mb)
        shelf = Shelf(store, library.root, room, quiet_s=own.settle_s) if library is not None else None
        collector = Collector(
            store,
            service.relay,
            library=library,
            shelf=shelf,
            room=room,
            placement=Placement(settings.library.template),
            incomplete_wait_s=own.incomplete_wait_s,
        )
        scanner = Scanner(store, collector)
        imports = Imports(store, scanner, room, service.waits, settings)
        commands = Commands(service.pool, store, imports, service.relay)
        service.answers(ImportPaths, commands.import_paths)
        service.answers(CancelImport, commands.cancel_import)
        service.answers(RereadFiles, commands.reread_files)
        service.background(imports.run())
        await _watch_all(service, store, scanner, room)
        if library is not None and shelf is not None:
            sweep = Sweep(store, shelf, interval_s=own.library_check_interval_s)
            service.background(library.keep_open())
            service.background(library.then(SourceDeleter(service.pool, shelf, settings.sources).run))
            service.background(library.then(sweep.run))
        _look_after_events(service, store, own)
        service.every(JANITOR_INTERVAL_S, sweep_stream, first_after_s=JANITOR_INTERVAL_S)
        try:
            return await service.run()
        finally:
            collector.close()
            if library is not None:
                library.close()


def _look_after_events(service: Service, store: Store, own: IngestSettings) -> None:
    """Register what is done again and again so that no event is lost for good."""
    reconciler = Reconciler(service.pool, service.relay, age_s=own.reconcile_age_s)
    gone = GoneFiles(service.pool, service.relay)
    forgetter = FailureForgetter(store, [source.name for source in service.settings.sources])
    service.every(own.reconcile_interval_s, reconciler.announce_forgotten)
    service.every(own.reconcile_interval_s, reconciler.reconcile, first_after_s=own.reconcile_interval_s)
    service.every(GONE_INTERVAL_S, gone.look, first_after_s=GONE_INTERVAL_S)
    service.every(FORGETTING_INTERVAL_S, forgetter.look)


async def _watch_all(service: Service, store: Store, scanner: Scanner, room: Room) -> None:
    """Register the watch over each configured source."""
    sources, own = service.settings.sources, service.settings.section(IngestSettings)
    states = SourceStates(store.pool)
    await patiently(lambda: states.keep_only([source.name for source in sources]))
    for configured in sources:
        crowd = RoomWait(room, service.waits, f"the source {configured.name}")
        service.background(_watch(configured, own, store, scanner, states, crowd))


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
