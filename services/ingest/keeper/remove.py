"""Removing files of the library, with a reason; and erasing those that are to go with what was forgotten.

1. planned: every file is read and hashed, and must hold what was named. What stands for the files, where the command
   names that, must be whole in the library. A derived file that is the last whole copy of an original stays. What is
   wrong ends the job; nothing is changed.
2. One transaction writes that the files are gone: an original stays known, as missing, with the reason; where another
   of its places is there, file.moved tells of that; of a derived file the place is forgotten.
3. committed: each file is hashed once more, and removed.

A symbolic link must say what it said when it was made; it is removed, and never what it leads to.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial

import asyncpg

from services.ingest.keeper.plan import Plan
from services.ingest.keeper.progress import Progress
from services.ingest.store import removals
from services.ingest.store.keeper import Step
from services.ingest.store.removals import Original
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.db.pool import connected
from shared.errors import Permanent, UserError
from shared.events.commands import StoredFile
from shared.jobs.job import Job
from shared.library.erase import erase
from shared.library.hashing import Digest, sha256_file
from shared.library.links import drop_link, require_link
from shared.library.reading import shown
from shared.library.roots import Root, resolve
from shared.library.stored import Condition, examine
from shared.retry import patiently


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
            await self._require_originals(steps)
            if job["command"] is not None:  # last, since hashing took its time
                await self._require_kept(StoredFile.model_validate(json.loads(job["command"])["in_place_of"]))
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

    async def _require_kept(self, kept: StoredFile) -> None:
        """Make sure that what stands for the files is an original of the library, and whole now."""

        async def content() -> Digest | None:
            async with connected(self._pool) as connection:
                return await removals.original_at(connection, kept.file_id, kept.location.root, kept.location.path)

        path, known = kept.location.path, await patiently(content)
        if known is None:
            raise UserError(f"{shown(path)}, which is to stand for them, is not known there any more")
        found = await asyncio.to_thread(partial(examine, self._library, path, known, whole_at_ns=None, hashing=True))
        if found.condition is not Condition.SOUND:
            raise UserError(f"{shown(path)}, which is to stand for them, is {found.condition.value}")

    async def _require_originals(self, steps: Sequence[Step]) -> None:
        """Make sure that no derived file goes whose original has nothing whole left."""

        async def read() -> dict[str, list[Original]]:
            async with connected(self._pool) as connection:
                return await removals.originals(connection, steps)

        for path, originals in (await patiently(read)).items():
            if not await asyncio.to_thread(self._any_whole, originals):
                raise UserError(f"{shown(path)} stays: it is the last whole copy of {originals[0].content.file_id}")

    def _any_whole(self, originals: Sequence[Original]) -> bool:
        return any(self._is_whole(one) for one in originals if one.root is not None)

    def _is_whole(self, one: Original) -> bool:
        """Raises Transient where it cannot be read now."""
        assert one.root is not None
        if one.root.name == LIBRARY:
            found = examine(self._library, one.path, one.content, whole_at_ns=None, hashing=True)
            return found.condition is Condition.SOUND
        return sha256_file(resolve(one.root, one.path)) == one.content

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
