"""The commands that stats answers: a job of ``upkeep`` is committed and its id answered, or files are dismissed."""

import asyncpg

from services.stats.store import files, upkeep
from shared.db.inbox import claim
from shared.db.pool import connected, transaction
from shared.events.commands import CheckStats, DismissFiles, FilesDismissed, RebuildStats, UpkeepAccepted
from shared.jobs.runner import Runner
from shared.logging import get_logger

log = get_logger(__name__)


class Commands:
    """Handlers of the commands that ask for a job."""

    def __init__(self, pool: asyncpg.Pool, upkeep: Runner) -> None:
        self._pool = pool
        self._upkeep = upkeep

    async def check(self, command: CheckStats) -> UpkeepAccepted:
        """Commit a check."""
        return await self._add(command, "check")

    async def rebuild(self, command: RebuildStats) -> UpkeepAccepted:
        """Commit a rebuild."""
        return await self._add(command, "rebuild")

    async def check_if_due(self, interval_s: float) -> None:
        """Commit a check where none was asked for within an interval."""
        async with transaction(self._pool) as connection:
            await upkeep.add_due(connection, interval_s)
        self._upkeep.wake()

    async def _add(self, command: CheckStats | RebuildStats, task: str) -> UpkeepAccepted:
        async with connected(self._pool) as connection:
            await upkeep.add(connection, command.command_id, task, dry_run=command.dry_run)
        self._upkeep.wake()
        return UpkeepAccepted(job_id=command.command_id)


async def dismiss_files(pool: asyncpg.Pool, command: DismissFiles) -> FilesDismissed:
    """Count quarantined files as dismissed, or again as quarantined; a repeated request changes nothing more.

    A dismissed file stays dismissed when it is read again in vain; once it can be read it is scanned like others.
    """
    async with transaction(pool) as connection:
        if not await claim(connection, command.subject, [command.command_id]):
            return FilesDismissed()
        if command.undo:
            changed = await files.undo_dismissal(connection, command.file_ids)
        else:
            changed = await files.dismiss(connection, command.file_ids, command.reason)
    log.info("files dismissed", files=changed, undone=command.undo, reason=command.reason)
    return FilesDismissed(files=changed)
