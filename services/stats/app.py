"""Wiring of the stats service."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from services.stats.backlog import read_until
from services.stats.commands import Commands
from services.stats.description import DESCRIPTION
from services.stats.dismissal import Dismissals
from services.stats.finish import LIMIT, finish_sessions, publish_targets, tell_forgotten
from services.stats.frames import frame_of
from services.stats.handlers import count_frames, forget_files, record_arrivals, record_moves, record_quarantine
from services.stats.measures import measure
from services.stats.mirror import INTERVAL_S as MIRROR_INTERVAL_S
from services.stats.mirror import Mirror
from services.stats.settings import StatsSettings
from services.stats.unkept import Unkept
from services.stats.upkeep import JOBS, Upkeep, add_due
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS
from shared.bus.provision import events_began_at
from shared.bus.rpc import ask
from shared.db.pool import pool_of, transaction
from shared.events.base import utc_now
from shared.events.commands import (
    CheckStats,
    DismissFiles,
    FilesReread,
    RebuildStats,
    RereadFiles,
    StateTold,
    state_question,
)
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, ScannedFile
from shared.jobs.runner import Runner
from shared.logging import get_logger
from shared.metrics import MEASURE_EVERY_S
from shared.periodic import DueIn
from shared.process import Process
from shared.service import Service
from shared.settings import Settings
from shared.waits import roots_in

log = get_logger(__name__)

TARGETS_INTERVAL_S = 1.0
CHECK_DUE_S = 900.0
"""How often is asked whether the daily check is due."""
REREAD_TIMEOUT_S = 300.0
RESTS = 2.0
"""Looks at sessions for which the scanner must have had nothing to do before files of the past are read anew."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run the service until its process stops; returns its exit code."""
    own = settings.section(StatsSettings)
    async with (
        Service(DESCRIPTION, settings, process) as service,
        pool_of(settings.postgres, service.name, unhurried=True) as unhurried,
    ):
        pool = service.pool
        read_events(service)

        async def finish() -> DueIn | None:
            now = utc_now()
            until = await read_until(service.js, service.consumers, now)
            async with transaction(pool) as connection:
                return _again(await finish_sessions(connection, own, now, read_until=until))

        async def publish() -> DueIn | None:
            async with transaction(pool) as connection:
                return _again(await publish_targets(connection, utc_now()))

        async def tell_again() -> DueIn | None:
            began_at = await events_began_at(service.js)
            async with transaction(pool) as connection:
                told = await tell_forgotten(connection, began_at)
            if told:
                log.warning("told again what was lost with an earlier stream", sessions=told)
            return _again(told)

        async def reread(request: UUID, file_ids: Sequence[str]) -> int:
            command = RereadFiles(command_id=request, file_ids=tuple(file_ids))
            return (await ask(service.client, command, FilesReread, timeout_s=REREAD_TIMEOUT_S)).files

        async def known_until() -> datetime:
            return await read_until(service.js, service.consumers, utc_now())

        upkeep = Runner(pool, JOBS, Upkeep(unhurried, reread, known_until).work, at_once=1)

        async def check_daily() -> None:
            await add_due(pool, own.check_interval_s)
            upkeep.wake()

        async def roots_away() -> list[str]:
            return roots_in((await ask(service.client, state_question("scanner")(), StateTold)).waits)

        interval_s = own.session_check_interval_s
        # While nothing waits for the scanner, sessions are looked at more than once.
        unkept = Unkept(pool, reread, roots_away, page_files=own.read_anew_files, rest_s=RESTS * interval_s)

        async def read_anew() -> None:
            await unkept.turn(utc_now())

        commands = Commands(pool, upkeep)
        service.answers(DismissFiles, Dismissals(pool).dismiss)
        service.answers(CheckStats, commands.check)
        service.answers(RebuildStats, commands.rebuild)
        # What was in hand when the service last ended comes again within that time.
        service.every(interval_s, finish, first_after_s=interval_s)
        service.every(interval_s, tell_again)
        service.every(interval_s, read_anew, first_after_s=interval_s)
        service.every(TARGETS_INTERVAL_S, publish)
        service.every(MEASURE_EVERY_S, partial(measure, pool))
        service.every(MIRROR_INTERVAL_S, Mirror(pool, Bucket(service.js, DECISIONS)).turn)
        service.background(upkeep.run())
        every_s = min(CHECK_DUE_S, own.check_interval_s)
        service.every(every_s, check_daily, first_after_s=every_s)
        return await service.run()


def read_events(service: Service) -> None:
    """Subscribe the service's consumers. What they do leaves nothing in the outbox; the periodic jobs fill that."""
    zone = ZoneInfo(service.settings.section(StatsSettings).time_zone)
    service.reads(FileArrived, record_arrivals)
    service.reads(ScannedFile, count_frames, partial(frame_of, zone=zone))
    service.reads(FileQuarantined, record_quarantine)
    service.reads(FileMoved, record_moves)
    service.reads(FileRemoved, forget_files)


def _again(done: int) -> DueIn | None:
    """A job that had its hands full is done again at once."""
    return DueIn(0.0) if done >= LIMIT else None
