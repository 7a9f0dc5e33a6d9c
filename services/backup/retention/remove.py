"""Deleting what retention lets go: a job for each object, which is written down as gone right before it is deleted.

So the database never tells of an object that may not be there. A destination that deletes nothing, as with a key that
may only write, keeps it, and the job says so in a sentence; it is asked again after a week.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid5

import asyncpg

from services.backup.archive.keys import parse_raw, sums_key
from services.backup.database.layout import note_key
from services.backup.destinations.port import Destination, Refused
from services.backup.retention.model import Removal
from services.backup.retention.plan import read_plan
from services.backup.settings import BackupSettings
from services.backup.store import retention
from shared.bus.transaction import Connection
from shared.db.pool import transaction
from shared.errors import Ignorable, Permanent
from shared.events.base import EVENT_NAMESPACE
from shared.events.commands import BackupAccepted, RunRetention
from shared.jobs.job import Job
from shared.jobs.store import JobTable
from shared.logging import get_logger

log = get_logger(__name__)

JOBS = JobTable("removal", "removal_id")
AT_ONCE = 1
"""One after the other: each looks at what those before left."""

Ready = Callable[[str], Awaitable[Destination]]
"""Gives a destination of the settings, once it was looked at and found to be ours. Raises Transient."""


class Retention:
    """Plans and deletes."""

    def __init__(self, pool: asyncpg.Pool, settings: BackupSettings, ready: Ready) -> None:
        self._pool = pool
        self._settings = settings
        self._ready = ready

    async def turn(self) -> None:
        """Let go what is due, as every day; warn of what is over its cap."""
        await self._ask(again=False)

    async def run(self, _command: RunRetention) -> BackupAccepted:
        """Let go what is due, now; what was refused before is tried again."""
        return BackupAccepted(jobs=await self._ask(again=True))

    async def work(self, job: Job) -> None:
        """Delete one object.

        Raises:
            Ignorable: it has to stay after all.
            Permanent: the destination does not delete it, or what lies beside it.
            Transient: the destination is away, or failed.
        """
        destination = await self._ready(job["destination"])
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if not await retention.goes(connection, job):
                raise Ignorable(f"{job['key']} stays: it is the last good copy there now")
            first, *others = await _keys(connection, job)
        try:
            await destination.delete(first)
        except Refused as error:
            async with transaction(self._pool) as connection:
                await job.hold(connection)
                await retention.stays(connection, job)
            raise Permanent(f"{job['key']} stays at {destination.name}, which deletes nothing: {error}") from error
        for key in others:  # what is deleted counts no more, whatever becomes of the rest
            try:
                await destination.delete(key)
            except Refused as error:
                raise Permanent(f"{key} stays at {destination.name}, without {first}: {error}") from error
        log.info("deleted", what=job["what"], destination=destination.name, key=job["key"], reason=job["why"])

    async def _ask(self, *, again: bool) -> int:
        async with transaction(self._pool) as connection:
            plan = await read_plan(connection, self._settings)
            asked = await retention.ask(connection, [(_id(one), one) for one in plan.removals], again=again)
        for sentence in plan.warnings:
            log.warning(sentence)
        return asked


async def _keys(connection: Connection, job: Job) -> list[str]:
    """What is deleted: of a dump its note first, without which it counts as none; with an archive its manifest."""
    if job["what"] == "dump":
        return [note_key(job["key"]), job["key"]]
    manifest = await retention.manifest_of_gone(connection, job["row_id"])
    parsed = parse_raw(manifest) if manifest is not None else None
    if manifest is None or parsed is None:
        return [job["key"]]
    return [job["key"], manifest, sums_key(parsed.year, parsed.collection_id, parsed.number)]


def _id(removal: Removal) -> UUID:
    return uuid5(EVENT_NAMESPACE, f"removal\x1f{removal.destination}\x1f{removal.what}\x1f{removal.key}")
