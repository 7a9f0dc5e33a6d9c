"""Checks of what lies at the destinations: who asks for them, when they are due, and what is told of them."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4, uuid5

import asyncpg

from services.backup.commands import NO_DESTINATION
from services.backup.metrics import LAST_DRILL, LAST_VERIFICATION, OPEN_FINDINGS
from services.backup.proof.beside import Beside
from services.backup.proof.drill import Drill
from services.backup.proof.read_back import ReadBack
from services.backup.proof.verify import Ready, Verify
from services.backup.settings import BackupSettings, DestinationSettings, FolderDestination
from services.backup.store import checks, findings
from shared import inert
from shared.bus.transaction import Connection
from shared.db.pool import transaction
from shared.errors import UserError
from shared.events.base import EVENT_NAMESPACE
from shared.events.commands import BackupAccepted, ReadBackFiles, VerifyBackup
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.logging import get_logger

log = get_logger(__name__)

INTERVAL_S = 60.0
"""Between two looks whether a check is due, and whether what was found is mended."""
READ_BACKS_AT_ONCE = 2


class Checks:
    """Commits checks and runs them."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ready: Ready,
        installation_id: str,
        settings: BackupSettings,
        destinations: Sequence[DestinationSettings],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._destinations = {one.name: one for one in destinations}
        runner = partial(Runner, pool)
        verify = Verify(pool, ready, Beside(pool, installation_id))
        self._verify = runner(_table("verify"), verify.work, at_once=max(1, len(destinations)))
        self._read_back = runner(_table("read_back"), ReadBack(pool, ready).work, at_once=READ_BACKS_AT_ONCE)
        self._drill = runner(_table("drill"), Drill(pool, ready, settings.drill_files).work, at_once=1)
        self.runners = (self._verify, self._read_back, self._drill)

    async def verify(self, command: VerifyBackup) -> BackupAccepted:
        """Commit a verification at each destination, or at the one that is named.

        Raises:
            UserError: the settings name no such destination, or no archive is of such a session.
        """
        names = self._named(command.destination)
        async with transaction(self._pool) as connection:
            for session_id in command.session_ids:
                if not await checks.has_archive(connection, session_id):
                    raise UserError(f"no archive holds a file of the session {inert.name(session_id)}")
            ids = [uuid5(EVENT_NAMESPACE, f"backup.check\x1f{command.command_id}\x1f{name}") for name in names]
            for check_id, name in zip(ids, names, strict=True):
                await checks.ask(
                    connection, check_id, "verify", command_id=command.command_id, destination=name,
                    session_ids=command.session_ids, sample=max(1, command.sample), deep=command.deep,
                )  # fmt: skip
        self._verify.wake()
        return _accepted(ids)

    async def read_back(self, command: ReadBackFiles) -> BackupAccepted:
        """Commit a read-back of files."""
        async with transaction(self._pool) as connection:
            await checks.ask(
                connection, command.command_id, "read_back", command_id=command.command_id, file_ids=command.file_ids
            )
        self._read_back.wake()
        return _accepted([command.command_id])

    async def turn(self) -> None:
        """Commit the checks that are due, close the findings that are mended, and tell how it stands."""
        async with transaction(self._pool) as connection:
            await checks.forget_old(connection)
            for name, one in self._destinations.items():
                await self._ask_due(connection, name, deep=isinstance(one, FolderDestination))
            if mended := await findings.mend(connection):
                log.info("findings are mended", findings=mended)
            last = await checks.last(connection)
            found = {row["destination"]: row["findings"] for row in await findings.open_by_destination(connection)}
        for row in last:
            (LAST_DRILL if row["kind"] == "drill" else LAST_VERIFICATION).labels(row["destination"]).set(
                row["finished_s"]
            )
        for name in self._destinations:
            OPEN_FINDINGS.labels(name).set(found.get(name, 0))
        for runner in self.runners:
            runner.wake()

    async def _ask_due(self, connection: Connection, name: str, *, deep: bool) -> None:
        own = self._settings
        if own.verify_interval_s and await checks.is_due(connection, "verify", name, own.verify_interval_s):
            await checks.ask(connection, uuid4(), "verify", destination=name, sample=own.verify_sample, deep=deep)
        if own.drill_interval_s and await checks.is_due(connection, "drill", name, own.drill_interval_s):
            await checks.ask(connection, uuid4(), "drill", destination=name)

    def _named(self, name: str | None) -> list[str]:
        if not self._destinations:
            raise UserError(NO_DESTINATION)
        if name is None:
            return list(self._destinations)
        if name not in self._destinations:
            known = ", ".join(self._destinations)
            raise UserError(f"the settings name no destination {inert.name(name)}: there is {known}")
        return [name]


def _table(kind: checks.Kind) -> JobTable:
    return JobTable("check_job", "check_id", kind)


def _accepted(ids: Sequence[UUID]) -> BackupAccepted:
    return BackupAccepted(jobs=len(ids), job_id=ids[0] if len(ids) == 1 else None)
