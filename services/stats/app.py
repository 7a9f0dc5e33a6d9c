"""Wiring of the stats service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.stats.backlog import read_until
from services.stats.commands import Commands
from services.stats.dismissal import Dismissals
from services.stats.finish import LIMIT, SERVICE, finish_sessions, publish_targets, tell_forgotten
from services.stats.frames import frame_of
from services.stats.handlers import count_frames, record_arrivals, record_quarantine
from services.stats.upkeep import JOBS, Upkeep, add_due
from shared.bus.delivery import Desk, P, patiently, subscribe
from shared.bus.outbox import OutboxRelay
from shared.bus.provision import events_began_at
from shared.bus.publish import Publisher
from shared.bus.rpc import answer, ask
from shared.bus.streams import Consumer, consumer
from shared.bus.transaction import Connection, Effect, in_transaction
from shared.db.errors import translated
from shared.db.inbox import prune
from shared.db.pool import pool_of
from shared.events.base import Event, utc_now
from shared.events.commands import CheckStats, DismissFiles, FilesRescanned, RebuildStats, RescanFiles
from shared.events.file import FileArrived, FileQuarantined, ScannedFile
from shared.jobs.runner import Runner
from shared.logging import get_logger
from shared.service import Service
from shared.settings import Settings

log = get_logger(__name__)

DAY_S = 24 * 3600.0
INBOX_AGE_S = 31 * DAY_S
"""Longer than the stream keeps an event."""
TARGETS_INTERVAL_S = 1.0
CHECK_DUE_S = 900.0
"""How often is asked whether the daily check is due."""
RESCAN_TIMEOUT_S = 300.0


async def run(settings: Settings) -> int:
    """Run the service until a signal ends it; returns the process's exit code."""
    async with pool_of(settings.postgres, SERVICE) as pool, Service(SERVICE, settings) as service:
        relay = OutboxRelay(pool, service.js, SERVICE)
        register(service, pool)

        async def finish() -> int:
            now = utc_now()
            until = await read_until(service.js, service.consumers, now)
            async with _transaction(pool) as connection:
                return await finish_sessions(connection, settings.stats, now, read_until=until)

        async def publish() -> int:
            async with _transaction(pool) as connection:
                return await publish_targets(connection, utc_now())

        async def tell_again() -> int:
            began_at = await events_began_at(service.js)
            async with _transaction(pool) as connection:
                told = await tell_forgotten(connection, began_at)
            if told:
                log.warning("told again what was lost with an earlier stream", sessions=told)
            return told

        async def forget() -> int:
            async with _transaction(pool) as connection:
                await prune(connection, INBOX_AGE_S)
            return 0

        async def check_postgres() -> None:
            with translated():
                await pool.fetchval("SELECT 1")

        answer(service.broker, DismissFiles, Dismissals(pool).dismiss)

        async def rescan(request: UUID, file_ids: Sequence[str]) -> int:
            command = RescanFiles(command_id=request, file_ids=tuple(file_ids))
            return (await ask(service.client, command, FilesRescanned, timeout_s=RESCAN_TIMEOUT_S)).files

        async def known_until() -> datetime:
            return await read_until(service.js, service.consumers, utc_now())

        upkeep = Runner(pool, JOBS, Upkeep(pool, rescan, known_until).work, at_once=1)

        async def check_daily() -> int:
            await add_due(pool, settings.stats.check_interval_s)
            upkeep.wake()
            return 0

        commands = Commands(pool, upkeep)
        answer(service.broker, CheckStats, commands.check)
        answer(service.broker, RebuildStats, commands.rebuild)
        service.checks["postgres"] = check_postgres
        service.background(relay.run())
        # What was in hand when the service last ended comes again within that time.
        interval_s = settings.stats.session_check_interval_s
        service.background(_repeat(interval_s, finish, relay.wake, first_after_s=interval_s))
        service.background(_repeat(interval_s, tell_again, relay.wake))
        service.background(_repeat(TARGETS_INTERVAL_S, publish, relay.wake))
        service.background(_repeat(DAY_S, forget, relay.wake))
        service.background(upkeep.run())
        every_s = min(CHECK_DUE_S, settings.stats.check_interval_s)
        service.background(_repeat(every_s, check_daily, relay.wake, first_after_s=every_s))
        return await service.run()


def register(service: Service, pool: asyncpg.Pool) -> None:
    """Subscribe the service's consumers. What they do leaves nothing in the outbox; the periodic jobs fill that."""
    publisher = Publisher(service.js, SERVICE)
    zone = ZoneInfo(service.settings.stats.time_zone)

    def reads(desk: Desk[P], apply: Effect[P]) -> None:
        subscribe(service.broker, desk, in_transaction(pool, desk, apply, _nothing_to_send))

    def of(model: type[Event]) -> Consumer:
        return consumer(SERVICE, model.subject)

    reads(Desk(of(FileArrived), FileArrived, publisher), record_arrivals)
    reads(Desk(of(ScannedFile), ScannedFile, publisher, partial(frame_of, zone=zone)), count_frames)
    reads(Desk(of(FileQuarantined), FileQuarantined, publisher), record_quarantine)


def _nothing_to_send() -> None:
    pass


@contextlib.asynccontextmanager
async def _transaction(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            yield connection


async def _repeat(
    interval_s: float, job: Callable[[], Awaitable[int]], wake: Callable[[], None], *, first_after_s: float = 0.0
) -> None:
    """Run a job every ``interval_s``, again at once while it has its hands full."""
    await asyncio.sleep(first_after_s)
    while True:
        done = await patiently(job)
        if done:
            wake()
        if done < LIMIT:
            await asyncio.sleep(interval_s)
