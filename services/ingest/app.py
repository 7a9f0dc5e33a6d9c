"""Wiring of ingest."""

import asyncio
from uuid import UUID

from services.ingest.announce import Reconciler
from services.ingest.collector import Collector
from services.ingest.delete import SourceDeleter
from services.ingest.handlers import Commands
from services.ingest.imports import ImportRunner
from services.ingest.placement import Placement
from services.ingest.scan import Scanner
from services.ingest.source import Source
from services.ingest.store import LIBRARY, SERVICE, Store
from services.ingest.watch import Watcher
from shared.bus.delivery import patiently
from shared.bus.janitor import run_janitor
from shared.bus.outbox import OutboxRelay
from shared.bus.rpc import answer
from shared.db.pool import check_database, pool_of
from shared.errors import Transient, Unavailable
from shared.events.commands import ImportPaths, RescanFiles
from shared.library.access import Access
from shared.library.lock import LibraryLock
from shared.library.roots import Root, open_library
from shared.library.stage import clean_temporaries
from shared.logging import get_logger
from shared.service import Service
from shared.settings import LibrarySettings, Settings

log = get_logger(__name__)


async def run(settings: Settings) -> int:
    """Run ingest until a signal; returns the process's exit code."""
    async with pool_of(settings.postgres, SERVICE) as pool, Service(SERVICE, settings) as service:
        store = Store(pool)
        relay = OutboxRelay(pool, service.js, SERVICE)
        library = await _open_library(store, settings.library)
        lock = await _clean_up(library) if library is not None else None
        collector = Collector(
            store,
            relay,
            library=library,
            placement=Placement(settings.library.template),
            workers=settings.ingest.workers,
            incomplete_wait_s=settings.ingest.incomplete_wait_s,
        )
        scanner = Scanner(store, collector)
        imports = ImportRunner(store, scanner, settings)
        commands = Commands(pool, store, imports, relay)
        answer(service.broker, ImportPaths, commands.import_paths)
        answer(service.broker, RescanFiles, commands.rescan_files)
        service.checks["postgres"] = check_database(pool)
        service.background(relay.run())
        service.background(run_janitor(service.js))
        service.background(imports.run())
        for watcher in await _watchers(store, scanner, settings):
            service.background(watcher.run())
        if library is not None:
            service.background(SourceDeleter(pool, library).run())
        reconciler = Reconciler(
            pool, relay, interval_s=settings.ingest.reconcile_interval_s, age_s=settings.ingest.reconcile_age_s
        )
        service.background(reconciler.run())
        try:
            return await service.run()
        finally:
            collector.close()
            if lock is not None:
                lock.release()


async def _open_library(store: Store, settings: LibrarySettings) -> Root | None:
    """Open the library, waiting for its volume; its marker is made the first time and demanded ever after."""
    if (path := settings.path) is None:
        return None
    root = Root(LIBRARY, path, writable=True, access=Access.of(settings.mode, settings.group))
    await patiently(lambda: store.ensure_root(LIBRARY, path, LIBRARY))

    async def opened() -> None:
        known = await store.marker_id(LIBRARY)
        try:
            marker = await asyncio.to_thread(
                open_library, root, first_time=known is None, expected_id=known.hex if known else None
            )
        except Transient as error:
            raise Unavailable(str(error)) from error
        if known is None:
            await store.set_marker_id(LIBRARY, UUID(marker.id))

    await patiently(opened)
    return root


async def _clean_up(library: Root) -> LibraryLock:
    """Remove the copies that a crash left unfinished: all of them, unless another ingest may be writing there now."""
    lock = LibraryLock(library)
    alone = await asyncio.to_thread(lock.acquire)
    removed = await asyncio.to_thread(clean_temporaries, library, older_than_hours=0.0 if alone else 24.0)
    if removed:
        log.info("removed unfinished copies of an earlier crash", files=removed)
    return lock


async def _watchers(store: Store, scanner: Scanner, settings: Settings) -> list[Watcher]:
    watchers = []
    for configured in settings.sources:
        source = Source.make(configured.name, configured.path, configured.mode, settings.ingest, configured)
        await _register(store, source)
        exclude = scanner.excluded(source)
        watchers.append(Watcher(source, scanner, rescan_interval_s=configured.rescan_interval_s, exclude=exclude))
    return watchers


async def _register(store: Store, source: Source) -> None:
    await patiently(lambda: store.ensure_root(source.name, source.path, source.kind))
