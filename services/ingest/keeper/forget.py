"""Forgetting files for good, as a person wishes.

One transaction takes their rows away, leaves a tombstone for each, and writes file.removed; from then on it counts.
Only then, and only where that was asked for, their files are erased from the library, each after it was read and
hashed. Files in indexed folders and in sources stay in any case.
"""

from functools import partial

import asyncpg

from services.ingest.keeper.progress import Progress
from services.ingest.keeper.remove import Remover
from services.ingest.store import keeper, tombstones
from shared.db.pool import transaction
from shared.jobs.job import Job
from shared.retry import patiently


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
            await patiently(partial(self._commit, job, progress))
        if self._remover is not None and job["delete_files"]:
            await self._remover.erase(job, progress)
        progress.done = progress.files
        await job.save(**progress.columns())

    async def _commit(self, job: Job, progress: Progress) -> None:
        delete_files = job["delete_files"] and self._remover is not None
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            if await keeper.phase_of(connection, job.id) == "committed":
                return  # by the try before, whose answer was lost
            known, stay, _erased = await tombstones.forget(
                connection, job.id, job["file_ids"], job["why"], delete_files=delete_files
            )
            where = "in folders that are only indexed" if delete_files else "where they are"
            lines = [f"{stay} of their files stay {where}"] if stay else []
            await keeper.set_phase(connection, job.id, "committed", files=known, lines=lines)
        progress.files, progress.lines = known, lines
