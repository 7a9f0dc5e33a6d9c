"""Moving files: a set, all or nothing.

1. planned: every file is looked at, and every new name must be free. What is wrong ends the job; nothing is changed.
2. naming: each file gets its new name beside the old one.
3. One transaction that counts only while the job is ours moves all places and writes the events.
4. committed: the old names go, each after its file was seen under the new one.

Whatever goes wrong, or is cancelled, before 3 is undone: the new names are taken back. What comes after 3 is never
undone; a file that was replaced meanwhile by somebody else's stays, and the job says so.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import asyncpg

from services.ingest.keeper.plan import Plan
from services.ingest.keeper.progress import Progress
from services.ingest.store import relocations
from services.ingest.store.keeper import Step
from services.ingest.store.locations import content_at
from services.ingest.store.relocations import Relocation
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.db.pool import connected
from shared.errors import Permanent, UserError
from shared.jobs.job import Job
from shared.jobs.outcome import CANCELLED, Lost, Stopped
from shared.library.extensions import Kind, classify
from shared.library.reading import shown
from shared.library.rename import Renaming, add_name, check_name, drop_name, take_name_back
from shared.library.room import Room
from shared.library.roots import Root, read_marker
from shared.library.stored import Condition, examine
from shared.logging import get_logger
from shared.retry import patiently

log = get_logger(__name__)


class Mover:
    """Works on jobs whose task is ``move``."""

    def __init__(self, pool: asyncpg.Pool, library: Root, room: Room | None = None) -> None:
        self._pool = pool
        self._library = library
        self._room = room

    async def work(self, job: Job) -> None:
        """Do a job, or go on with one.

        Raises:
            UserError: it cannot be done; nothing is changed.
            Transient: it cannot be done now.
        """
        progress, plan = Progress(job), Plan(self._pool, job)
        phase = job["phase"]
        steps = await plan.left()
        if phase == "planned":
            await self._check(job, steps)
            await job.save(phase="naming")
        if phase in ("planned", "naming"):
            try:
                await self._name_all(job, plan, steps, progress)
            except Lost:
                raise  # another holder goes on
            except (UserError, Permanent, Stopped) as error:
                await job.save(phase="undoing", lines=[str(error) or CANCELLED])
                await self._undo(job, steps)
                raise
        elif phase == "undoing":
            await self._undo(job, steps)
            raise UserError(job["lines"][0])
        await self._clear(plan, steps, progress)
        await job.save(**progress.columns())

    async def _check(self, job: Job, steps: Sequence[Step]) -> None:
        """Make sure that all can be done, as far as that can be seen."""
        targets: set[str] = set()
        for step in steps:
            job.check()
            if step.to_path in targets:
                raise UserError(f"two files are to be {shown(step.to_path)}")
            targets.add(step.to_path)
            whole_at_ns = await patiently(partial(self._whole_at, step))
            await asyncio.to_thread(self._check_one, step, whole_at_ns)

    async def _whole_at(self, step: Step) -> int | None:
        async with connected(self._pool) as connection:
            known = await content_at(connection, step.root, step.path)
        if known is None or known[0].file_id != step.content.file_id:
            raise UserError(f"{shown(step.path)} is not known as the place of {step.content.file_id}")
        return known[1]

    def _check_one(self, step: Step, whole_at_ns: int | None) -> None:
        found = examine(self._library, step.path, step.content, whole_at_ns=whole_at_ns, hashing=False)
        if found.condition is not Condition.SOUND:
            raise UserError(f"{shown(step.path)} is {found.condition.value}: it is not what it was")
        check_name(self._library, step.to_path)
        kind, to_kind = (classify(path.rpartition("/")[2]).kind for path in (step.path, step.to_path))
        if kind is Kind.CAPTURE and to_kind is not Kind.CAPTURE:
            raise UserError(f"{shown(step.path)} would be no capture any more as {shown(step.to_path)}")

    async def _name_all(self, job: Job, plan: Plan, steps: Sequence[Step], progress: Progress) -> None:
        moves = []
        for step in steps:
            job.check()
            mtime_ns = await asyncio.to_thread(add_name, self._library, _renaming(step), self._room)
            moves.append(Relocation(step.content.file_id, LIBRARY, step.path, LIBRARY, step.to_path, mtime_ns))
            progress.done += 1
        await asyncio.to_thread(read_marker, self._library)
        await plan.commit(partial(self._relocate, moves))

    async def _relocate(self, moves: Sequence[Relocation], connection: Connection) -> None:
        if len(await relocations.relocate(connection, moves)) != len(moves):
            raise UserError("one of the files was moved, removed or forgotten meanwhile")

    async def _undo(self, job: Job, steps: Sequence[Step]) -> None:
        """Take the new names back. A file that has only that one by now keeps it."""
        for step in reversed(steps):
            try:
                await asyncio.to_thread(take_name_back, self._library, _renaming(step))
            except (UserError, Permanent) as error:
                log.warning("a name that a file was to have stays", job_id=str(job.id), reason=str(error))

    async def _clear(self, plan: Plan, steps: Sequence[Step], progress: Progress) -> None:
        """Remove the old names. From here on nothing ends the work but its end."""
        for step in steps:
            try:
                await asyncio.to_thread(drop_name, self._library, _renaming(step))
            except (UserError, Permanent) as error:
                progress.keep(str(error))
            await plan.done(step)
        progress.done = progress.files


def _renaming(step: Step) -> Renaming:
    return Renaming(step.content, step.path, step.to_path)
