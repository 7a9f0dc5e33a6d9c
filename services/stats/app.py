"""Wiring of the stats service."""

from functools import partial
from zoneinfo import ZoneInfo

from services.stats.commands import Commands, dismiss_files
from services.stats.description import DESCRIPTION
from services.stats.finish import Teller
from services.stats.frames import frame_of
from services.stats.handlers import count_frames, forget_files, record_arrivals, record_moves, record_quarantine
from services.stats.mirror import INTERVAL_S as MIRROR_INTERVAL_S
from services.stats.mirror import Mirror
from services.stats.others import Others
from services.stats.settings import StatsSettings
from services.stats.unkept import Unkept
from services.stats.upkeep import JOBS, Upkeep
from shared.bus.bucket import Bucket
from shared.bus.names import DECISIONS
from shared.db.pool import pool_of
from shared.events.commands import CheckStats, DismissFiles, RebuildStats
from shared.events.file import FileArrived, FileMoved, FileQuarantined, FileRemoved, ScannedFile
from shared.jobs.runner import Runner
from shared.process import Process
from shared.service import Service
from shared.settings import Settings

TARGETS_INTERVAL_S = 1.0
CHECK_DUE_S = 900.0
"""How often is asked whether the daily check is due."""
RESTS = 2.0
"""Looks at sessions for which the scanner must have had nothing to do before files of the past are read anew."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run the service until its process stops; returns its exit code."""
    own = settings.section(StatsSettings)
    async with (
        Service(DESCRIPTION, settings, process) as service,
        pool_of(settings.postgres, service.name, unhurried=True) as unhurried,
    ):
        pool, others = service.pool, Others(service)
        read_events(service)
        upkeep = Runner(pool, JOBS, Upkeep(unhurried, others.reread, others.read_until).work, at_once=1)
        commands = Commands(pool, upkeep)
        service.answers(DismissFiles, partial(dismiss_files, pool))
        service.answers(CheckStats, commands.check)
        service.answers(RebuildStats, commands.rebuild)
        service.background(upkeep.run())
        often_s = min(CHECK_DUE_S, own.check_interval_s)
        service.every(often_s, partial(commands.check_if_due, own.check_interval_s), first_after_s=often_s)
        service.every(MIRROR_INTERVAL_S, Mirror(pool, Bucket(service.js, DECISIONS)).turn)
        teller, interval_s = Teller(pool, own, others), own.session_check_interval_s
        # What was in hand when the service last ended comes again within that time.
        service.every(interval_s, teller.finish_sessions, first_after_s=interval_s)
        service.every(interval_s, teller.tell_forgotten)
        service.every(TARGETS_INTERVAL_S, teller.publish_targets)
        # While nothing waits for the scanner, sessions are looked at more than once.
        rest_s = RESTS * interval_s
        unkept = Unkept(pool, others.reread, others.roots_away, page_files=own.read_anew_files, rest_s=rest_s)
        service.every(interval_s, unkept.turn, first_after_s=interval_s)
        return await service.run()


def read_events(service: Service) -> None:
    """Subscribe the service's consumers. What they do leaves nothing in the outbox; the periodic jobs fill that."""
    zone = ZoneInfo(service.settings.section(StatsSettings).time_zone)
    service.reads(FileArrived, record_arrivals)
    service.reads(ScannedFile, count_frames, partial(frame_of, zone=zone))
    service.reads(FileQuarantined, record_quarantine)
    service.reads(FileMoved, record_moves)
    service.reads(FileRemoved, forget_files)
