"""The job of a read-back: the very members that hold some files are read, since their source waits to be freed."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from services.backup.proof.examine import damaged
from services.backup.proof.verify import Ready
from services.backup.restore.fetch import fetch
from services.backup.restore.unpack import damage_of
from services.backup.restore.wanted import Copy, runs
from services.backup.store import findings, proofs
from services.backup.store.findings import Finding
from shared.db.pool import connected, transaction
from shared.errors import Gone, Transient
from shared.jobs.job import Job
from shared.library.reading import shown
from shared.logging import get_logger
from shared.quantities import counted

log = get_logger(__name__)

PAGE_FILES = 500


@dataclass(slots=True)
class _Progress:
    """How far it is, by column of ``backup.check_job``."""

    files: int
    read_bytes: int
    problems: int

    def columns(self) -> Mapping[str, Any]:
        return {"files": self.files, "read_bytes": self.read_bytes, "problems": self.problems}

    def read(self, count: int) -> None:
        self.read_bytes += count


class ReadBack:
    """Works on the jobs of ``backup.check_job`` of the kind ``read_back``."""

    def __init__(self, pool: asyncpg.Pool, ready: Ready) -> None:
        self._pool = pool
        self._ready = ready

    async def work(self, job: Job) -> None:
        """Read one sound copy of each file, and note when that was; what is found damaged on the way is a finding.

        Files of which no archive has a sound copy are passed over: whoever asked sees that they were not read back.

        Raises:
            Transient: no destination with a copy of some of them can be read now.
        """
        progress = _Progress(job["files"], job["read_bytes"], job["problems"])
        job.reports(progress.columns)
        file_ids: Sequence[str] = job["file_ids"]
        for start in range(0, len(file_ids), PAGE_FILES):
            await self._read(job, file_ids[start : start + PAGE_FILES], progress)
        result = f"{progress.files} of {counted(len(file_ids), 'file')} read back"
        await job.save(**progress.columns(), result=result)
        log.info("files read back", files=progress.files, asked=len(file_ids), problems=progress.problems)

    async def _read(self, job: Job, file_ids: Sequence[str], progress: _Progress) -> None:
        async with connected(self._pool) as connection:
            archives = dict(await proofs.copies_of_files(connection, file_ids, job["created_at"]))
        left: dict[str, list[Copy]] = {}
        for copy in archives:
            left.setdefault(copy.file_id, []).append(copy)
        away: dict[str, Transient] = {}
        while turn := [copies.pop(0) for copies in left.values() if copies]:
            for run in runs(turn):
                job.check()
                judged: dict[Copy, bool] = {}
                try:
                    await self._judge(job, run, archives, judged, progress)
                except Transient as error:
                    away.update({copy.file_id: error for copy in run if copy not in judged})
                for copy in (copy for copy, is_sound in judged.items() if is_sound):
                    left[copy.file_id] = []
                    away.pop(copy.file_id, None)
        if away:
            raise next(iter(away.values()))

    async def _judge(
        self,
        job: Job,
        run: Sequence[Copy],
        archives: Mapping[Copy, UUID],
        judged: dict[Copy, bool],
        progress: _Progress,
    ) -> None:
        """Read members that lie one behind the other, and write for each whether it is sound."""
        destination = await self._ready(run[0].destination)
        try:
            async with aclosing(fetch(destination, run, damage_of, progress.read)) as fetched:
                async for copy, found in fetched:
                    reason = found
                    if found is not None:  # was it the way here?
                        reason = (await damaged(destination, [copy], progress.read)).get(copy.position)
                    await self._save(job, archives[copy], copy, reason, progress)
                    judged[copy] = reason is None
        except Gone as error:
            await self._ready(destination.name)  # a disk that was unplugged has lost nothing
            progress.problems += await self._save_gone(job, archives[run[0]], run[0], str(error))
            judged.update({copy: False for copy in run if copy not in judged})

    async def _save(self, job: Job, archive_id: UUID, copy: Copy, reason: str | None, progress: _Progress) -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if reason is None:
                await proofs.save_read_back(connection, archive_id, copy.position)
                progress.files += 1
                return
            await proofs.save_damaged(connection, archive_id, {copy.position: reason})
            found = Finding(copy.key, "member", reason, copy.position, copy.file_id)
            await findings.add(connection, job.id, archive_id, [found])
        progress.problems += 1
        log.error("found at a destination", destination=copy.destination, key=copy.key, reason=reason)

    async def _save_gone(self, job: Job, archive_id: UUID, copy: Copy, reason: str) -> bool:
        """Write that an archive is not there; False where retention let it go meanwhile."""
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if not await proofs.is_kept(connection, archive_id):
                return False
            await proofs.save_gone(connection, archive_id, reason)
            await findings.add(connection, job.id, archive_id, [Finding(copy.key, "missing", reason)])
        log.error("found at a destination", destination=copy.destination, key=shown(copy.key), reason=reason)
        return True
