"""Wiring of backup."""

from datetime import timedelta
from functools import partial

from services.backup.archiver import JOBS, Archiver, Means
from services.backup.bandwidth import Bandwidth
from services.backup.commands import Commands
from services.backup.database.work import LOOK_S as DUMP_LOOK_S
from services.backup.database.work import Dumps
from services.backup.description import DESCRIPTION
from services.backup.destinations.kinds import all_opened
from services.backup.handlers import ask_archives, forget_files
from services.backup.hours import QuietHours
from services.backup.look import JOBS as LOOKS
from services.backup.look import Look
from services.backup.memory import give_back_large_blocks
from services.backup.places import INTERVAL_S as PLACES_INTERVAL_S
from services.backup.places import Places
from services.backup.proof.checks import INTERVAL_S as CHECKS_INTERVAL_S
from services.backup.proof.checks import Checks
from services.backup.proof.here import Here
from services.backup.retention.remove import AT_ONCE as REMOVALS_AT_ONCE
from services.backup.retention.remove import JOBS as REMOVALS
from services.backup.retention.remove import Retention
from services.backup.settings import KEYS, BackupSettings
from services.backup.store.installation import installation_id
from services.backup.strays import INTERVAL_S as STRAYS_INTERVAL_S
from services.backup.strays import Strays
from services.backup.upload import Pace
from shared.db.pool import transaction
from shared.events.commands import (
    BackupDatabase,
    ReadBackFiles,
    RetryBackup,
    RunBackup,
    RunRetention,
    VerifyBackup,
)
from shared.events.file import FileRemoved
from shared.events.session import SessionFinished
from shared.jobs.runner import Runner
from shared.process import Process
from shared.retry import patiently
from shared.service import Service
from shared.settings import Settings

DAY_S = 24 * 3600.0
RETENTION_AFTER_S = 3600.0
"""From the start to the first look at what may go."""


async def run(settings: Settings, process: Process | None = None) -> int:
    """Run backup until its process stops; returns its exit code."""
    assert isinstance(settings, KEYS)
    give_back_large_blocks()
    own, configured = settings.section(BackupSettings), settings.destinations
    names = tuple(one.name for one in configured)
    async with Service(DESCRIPTION, settings, process) as service:
        pool = service.pool

        async def who_we_are() -> str:
            async with transaction(pool) as connection:
                return await installation_id(connection)

        installation = await patiently(who_we_are)
        async with all_opened(configured, installation) as opened:
            places = Places(pool, service.waits, opened, installation)
            await patiently(partial(places.know, configured))
            quiet = QuietHours.of(own.quiet_hours, own.time_zone) if own.quiet_hours is not None else None
            pace = Pace(Bandwidth(own.megabytes_per_s), quiet)
            means = Means(pool, places, own, pace, installation, service.relay.wake)
            runner = Runner(pool, JOBS, Archiver(means).work, at_once=own.uploads_at_once)
            look = Look(pool, names, timedelta(seconds=own.arrival_wait_s), runner.wake, across=own.copy_across)
            looks = Runner(pool, LOOKS, look.work, at_once=1)
            dumps = Dumps(settings, pool, names, places.ready)
            checks = Checks(pool, places.ready, installation, own, configured)
            commands = Commands(pool, names, (looks, runner, dumps.runner, *checks.runners))
            service.answers(RunBackup, commands.run)
            service.answers(RetryBackup, commands.retry)
            service.answers(BackupDatabase, dumps.ask)
            service.reads(SessionFinished, partial(ask_archives, destinations=names))
            service.reads(FileRemoved, forget_files)
            service.every(own.look_interval_s, look.turn)
            service.every(PLACES_INTERVAL_S, places.turn, first_after_s=PLACES_INTERVAL_S)
            service.every(STRAYS_INTERVAL_S, Strays(pool, opened).turn)
            service.every(DUMP_LOOK_S, dumps.ask_nightly)
            service.background(runner.run())
            service.background(looks.run())
            service.background(dumps.runner.run())
            _let_go(service, own, places)
            service.answers(VerifyBackup, checks.verify)
            service.answers(ReadBackFiles, checks.read_back)
            for check_runner in checks.runners:
                service.background(check_runner.run())
            service.every(CHECKS_INTERVAL_S, checks.turn)
            service.every(CHECKS_INTERVAL_S, Here(pool).turn)
            return await service.run()


def _let_go(service: Service, own: BackupSettings, places: Places) -> None:
    """Register what deletes at destinations what is kept no longer."""
    retention = Retention(service.pool, own, places.ready)
    service.answers(RunRetention, retention.run)
    service.every(DAY_S, retention.turn, first_after_s=RETENTION_AFTER_S)
    service.background(Runner(service.pool, REMOVALS, retention.work, at_once=REMOVALS_AT_ONCE).run())
