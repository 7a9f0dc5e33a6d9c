"""Removing files of the library, with a reason; and erasing those that are to go with what was forgotten.

1. planned: every file is read and hashed, and must hold what was named. What is wrong ends the job; nothing is changed.
2. One transaction writes that the files are gone: an original stays known, as missing, with the reason; where another
   of its places is there, file.moved tells of that; of a derived file the place is forgotten.
3. committed: each file is hashed once more, and removed.

A symbolic link must say what it said when it was made; it is removed, and never what it leads to.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import asyncpg

from services.ingest.keeper.plan import Plan
from services.ingest.keeper.progress import Progress
from services.ingest.store import removals
from services.ingest.store.keeper import Step
from shared.bus.transaction import Connection
from shared.errors import Permanent, UserError
from shared.jobs.job import Job
from shared.library.erase import erase
from shared.library.links import drop_link, require_link
from shared.library.reading import shown
from shared.library.roots import Root
from shared.library.stored import Condition, examine


class Remover:
    """Works on jobs whose task is ``remove``, and on what a forgetting leaves to be erased."""

    def __init__(self, pool: asyncpg.Pool, library: Root) -> None:
        self._pool = pool
        self._library = library

    async def work(self, job: Job) -> None:
        """Do a job, or go on with one; raises as the keeper's other tasks do."""
        progress, plan = Progress(job), Plan(self._pool, job)
        if job["phase"] == "planned":
            steps = await plan.left()
            for step in steps:
                job.check()
                await asyncio.to_thread(self._require, step)
                progress.done += 1
            await plan.commit(partial(self._remove, steps, job["why"]))
        await self.erase(job, progress)
        await job.save(**progress.columns())

    async def erase(self, job: Job, progress: Progress) -> None:
        """Remove the files of all steps that are left; one that holds other bytes by now stays, and is told."""
        plan = Plan(self._pool, job)
        steps = await plan.left()
        progress.done = max(progress.files - len(steps), 0)
        for step in steps:
            try:
                await asyncio.to_thread(self._erase, step)
            except (UserError, Permanent) as error:
                progress.keep(str(error))
            await plan.done(step)
            progress.done += 1

    def _erase(self, step: Step) -> None:
        if step.links_to is not None:
            drop_link(self._library, step.path, step.links_to)
        else:
            erase(self._library, step.path, step.content)

    def _require(self, step: Step) -> None:
        if step.links_to is not None:
            require_link(self._library, step.path, step.links_to)
            return
        found = examine(self._library, step.path, step.content, whole_at_ns=None, hashing=True)
        if found.condition is not Condition.SOUND:
            raise UserError(f"{shown(step.path)} is {found.condition.value}: it is not what was to be removed")

    async def _remove(self, steps: Sequence[Step], why: str, connection: Connection) -> None:
        if not await removals.remove(connection, steps, why):
            raise UserError("one of the files was moved, removed or forgotten meanwhile")
