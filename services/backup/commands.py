"""The commands that have archives made: each commits jobs and answers at once how many are under way."""

from collections.abc import Sequence

import asyncpg

from services.backup.look import found_session
from services.backup.store import archives, checks, dumps, looks
from shared import inert
from shared.db.pool import transaction
from shared.errors import UserError
from shared.events.commands import BackupAccepted, RetryBackup, RunBackup
from shared.jobs.runner import Runner

NO_DESTINATION = "no destination is set: `nightbus backup setup` adds one"


class Commands:
    """Handlers of ``cmd.backup.run`` and ``cmd.backup.retry``."""

    def __init__(self, pool: asyncpg.Pool, destinations: tuple[str, ...], runners: Sequence[Runner]) -> None:
        """``runners``: of looks, archives, dumps and checks."""
        self._pool = pool
        self._destinations = destinations
        self._runners = runners

    async def run(self, command: RunBackup) -> BackupAccepted:
        """Ask for archives of what destinations lack, and have what waits be tried now.

        What that is of all files, a look finds out: it is a job, which is answered with.

        Raises:
            UserError: there is no destination, or a session is not known or not finished.
        """
        self._require_destination()
        chosen: list[str] | None = None
        if (command.session_ids or command.year) and not command.everything:
            chosen = await self._ask(command.session_ids, command.year)
        async with transaction(self._pool) as connection:
            if chosen is None:
                await looks.ask(connection, command.command_id, everything=command.everything)
            for collection_id in chosen if chosen is not None else (None,):
                await archives.wake(connection, collection_id=collection_id)
            jobs = await archives.under_way(connection, chosen)
        self._wake()
        return BackupAccepted(jobs=jobs, job_id=command.command_id if chosen is None else None)

    async def retry(self, _command: RetryBackup) -> BackupAccepted:
        """Have archives, dumps and checks that wait or have failed be tried now.

        Raises:
            UserError: there is no destination.
        """
        self._require_destination()
        async with transaction(self._pool) as connection:
            jobs = await archives.retry(connection)
            jobs += await dumps.retry(connection, self._destinations)
            jobs += await checks.retry(connection, self._destinations)
        self._wake()
        return BackupAccepted(jobs=jobs)

    async def _ask(self, session_ids: Sequence[str], year: int | None) -> list[str]:
        async with transaction(self._pool) as connection:
            rows = await archives.sessions(connection, session_ids)
            if lacking := sorted(set(session_ids) - {row["session_id"] for row in rows}):
                raise UserError(f"there is no session {inert.name(lacking[0])}; `nightbus sessions` lists them")
            for row in rows:
                if not row["finished"]:
                    raise UserError(
                        f"the session {row['session_id']} is not finished: its night is not over, or files still come"
                    )
            if year is not None:
                rows += await archives.sessions_of_year(connection, year)
            found = [
                found_session(name, row["session_id"], row["night"], row["revision"])
                for row in rows
                for name in self._destinations
            ]
            await archives.ask_found(connection, found)
        return [row["session_id"] for row in rows]

    def _wake(self) -> None:
        for runner in self._runners:
            runner.wake()

    def _require_destination(self) -> None:
        if not self._destinations:
            raise UserError(NO_DESTINATION)
