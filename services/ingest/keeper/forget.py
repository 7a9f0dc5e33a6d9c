"""Forgetting files for good, as a person wishes.

One transaction takes their rows away, leaves a tombstone for each, and writes file.removed; from then on it counts.
Only then, and only where that was asked for, their files are erased from the library, each after it was read and
hashed. Files in indexed folders and in sources stay in any case.
"""

import asyncpg

from services.ingest.keeper.plan import Plan
from services.ingest.keeper.progress import Progress
from services.ingest.keeper.remove import Remover
from services.ingest.store import keeper, tombstones
from shared.bus.transaction import Connection
from shared.jobs.job import Job


class Forgetter:
    """Works on jobs whose task is ``forget``."""

    def __init__(self, pool: asyncpg.Pool, remover: Remover | None) -> None:
        """``remover`` erases files; None where there is no library."""
        self._pool = pool
        self._remover = remover

    async def work(self, job: Job) -> None:
        """Do a job, or go on with one; raises as the keeper's other tasks do."""
        progress = Progress(job)
        if job["phase"] == "planned":
            job.check()
            await self._forget(job, progress)
        if self._remover is not None and job["delete_files"]:
            await self._remover.erase(job, progress)
        progress.done = progress.files
        await job.save(**progress.columns())

    async def _forget(self, job: Job, progress: Progress) -> None:
        delete_files = job["delete_files"] and self._remover is not None

        async def forget(connection: Connection) -> None:
            progress.files, stay = await tombstones.forget(
                connection, job.id, job["file_ids"], job["why"], delete_files=delete_files
            )
            where = "in folders that are only indexed" if delete_files else "where they are"
            progress.lines = [f"{stay} of their files stay {where}"] if stay else []
            await keeper.set_files(connection, job.id, progress.files, progress.lines)

        await Plan(self._pool, job).commit(forget)
