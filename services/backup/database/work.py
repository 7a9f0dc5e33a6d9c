"""The jobs that dump the database: one for each destination, nightly and when a person asks."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import asyncpg

from services.backup.commands import NO_DESTINATION
from services.backup.database.layout import DATABASE, is_dump, note_key, read_note
from services.backup.database.make import Wish, look_at_server, make_dump
from services.backup.database.programs import find_programs
from services.backup.database.send import discard
from services.backup.destinations.port import Destination
from services.backup.kept_settings.copy import keep_settings
from services.backup.settings import BackupSettings
from services.backup.store import dumps, installation
from shared.db.pool import connected, transaction
from shared.db.roles import DUMPING
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE, utc_now
from shared.events.commands import BackupAccepted, BackupDatabase
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.logging import get_logger
from shared.settings import Settings

log = get_logger(__name__)

JOBS = JobTable("dump", "dump_id")
LOOK_S = 60.0
"""Between two looks whether a dump is due."""
UNPROVEN_FOR = timedelta(days=1)
"""So long nobody throws a dump away that was not read back yet."""

Opened = Callable[[str], Awaitable[Destination]]
"""Gives a destination of the settings, once it was looked at and found to be ours. Raises Transient, UserError."""


class Dumps:
    """Makes dumps, and knows when they are due."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, names: Sequence[str], opened: Opened) -> None:
        """``names`` are the destinations of the settings."""
        self._settings = settings
        self._own = settings.section(BackupSettings)
        self._pool = pool
        self._names = tuple(names)
        self._opened = opened
        self.runner = Runner(pool, JOBS, self.work, at_once=1)  # the role of dumps has connections for one

    async def ask(self, command: BackupDatabase) -> BackupAccepted:
        """Commit a dump to each destination.

        Raises:
            UserError: there is no destination.
        """
        if not self._names:
            raise UserError(NO_DESTINATION)
        async with transaction(self._pool) as connection:
            jobs = [
                await dumps.ask(connection, _id(name, str(command.command_id)), name, command.reason)
                for name in self._names
            ]
        self.runner.wake()
        return BackupAccepted(jobs=len(jobs), job_id=jobs[0] if len(jobs) == 1 else None)

    async def ask_nightly(self) -> None:
        """Commit the dump of the day once its time has come; one whose time passed while nothing ran is made up for."""
        day = due_day(utc_now(), time.fromisoformat(self._own.database_at), ZoneInfo(self._own.time_zone))
        async with transaction(self._pool) as connection:
            for name in self._names:
                await dumps.ask(connection, _id(name, day), name, "nightly")

    async def work(self, job: Job) -> None:
        """Make a dump, and keep the settings beside it.

        Raises:
            UserError: pg_dump is missing or too old.
            Transient: the destination is away or refuses, or pg_dump failed.
        """
        destination = await self._opened(job["destination"])
        await self._adopt(destination)
        programs = await find_programs(self._own.pg_dump)
        sent = 0

        def report(sent_bytes: int) -> None:
            nonlocal sent
            sent = sent_bytes

        job.reports(lambda: {"sent_bytes": sent})
        server = await look_at_server(self._settings.postgres, DUMPING)
        async with transaction(self._pool) as connection:
            wish = Wish(job.id, await installation.installation_id(connection), job["cause"])
        note = await make_dump(programs, self._settings.postgres, DUMPING, server, destination, wish, report)
        await job.save(
            key=note.key, heads=list(note.heads), server_version=note.server_version, sent_bytes=note.size_bytes,
            size_bytes=note.size_bytes, sha256=note.sha256, dumped_at=note.dumped_at, verified_at=utc_now(),
        )  # fmt: skip
        log.info("database dumped", destination=destination.name, key=note.key, size_bytes=note.size_bytes)
        await self._keep_settings(destination)

    async def _keep_settings(self, destination: Destination) -> None:
        try:
            key = await keep_settings(destination, type(self._settings), utc_now())
        except UserError as error:  # the file was changed since this service read it: the dump is none the worse
            log.warning("the settings were not kept", destination=destination.name, reason=str(error))
        else:
            if key is not None:
                log.info("settings kept", destination=destination.name, key=key)

    async def _adopt(self, destination: Destination) -> None:
        """Know of dumps that were made while this service did not run; throw away those that nobody proved in a day."""
        async with connected(self._pool) as connection:
            known = await dumps.known_keys(connection, destination.name)
        found = {stored.key: stored.modified_at async for stored in destination.list(DATABASE)}
        for key, modified_at in found.items():
            if not is_dump(key) or key in known:
                continue
            if note_key(key) not in found:  # it was interrupted before it was proven, or is about to be
                if modified_at is not None and modified_at < utc_now() - UNPROVEN_FOR:
                    await discard(destination, key)
                continue
            data = b"".join([piece async for piece in destination.read(note_key(key))])
            if (note := read_note(data)) is not None:
                async with transaction(self._pool) as connection:
                    await dumps.adopt(connection, destination.name, note)


def due_day(now: datetime, at: time, zone: ZoneInfo) -> str:
    """The day whose dump is due: today from its time on, else yesterday."""
    local = now.astimezone(zone)
    return (local.date() if local.time() >= at else local.date() - timedelta(days=1)).isoformat()


def _id(destination: str, of: str) -> UUID:
    return uuid5(EVENT_NAMESPACE, f"dump\x1f{destination}\x1f{of}")
