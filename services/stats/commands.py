"""The commands that stats answers: each commits a job of ``upkeep`` and answers with its id."""

import asyncpg

from services.stats.upkeep import add
from shared.events.commands import CheckStats, RebuildStats, UpkeepAccepted
from shared.jobs.runner import Runner


class Commands:
    """Handlers of ``cmd.stats.*``."""

    def __init__(self, pool: asyncpg.Pool, upkeep: Runner) -> None:
        self._pool = pool
        self._upkeep = upkeep

    async def check(self, command: CheckStats) -> UpkeepAccepted:
        """Commit a check."""
        return await self._add(command, "check")

    async def rebuild(self, command: RebuildStats) -> UpkeepAccepted:
        """Commit a rebuild."""
        return await self._add(command, "rebuild")

    async def _add(self, command: CheckStats | RebuildStats, task: str) -> UpkeepAccepted:
        await add(self._pool, command.command_id, task, dry_run=command.dry_run)
        self._upkeep.wake()
        return UpkeepAccepted(job_id=command.command_id)
