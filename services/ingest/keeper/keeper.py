"""The keeper: takes requests as jobs, and has each worked on."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from services.ingest.keeper.forget import Forgetter
from services.ingest.keeper.move import Mover
from services.ingest.keeper.place import Placer, require_linkable
from services.ingest.keeper.progress import Progress
from services.ingest.keeper.remove import Remover
from services.ingest.store import keeper as store
from services.ingest.store.keeper import CHANGES, WALKS, Asked, Step
from services.ingest.store.roots import LIBRARY
from services.ingest.sweep import Sweep, Swept
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.commands import (
    ForgetFiles,
    KeeperAccepted,
    MoveFiles,
    PlaceFile,
    RemoveFiles,
    WalkLibrary,
)
from shared.events.file import Location
from shared.jobs.job import Job
from shared.jobs.runner import Runner
from shared.jobs.store import JobTable
from shared.library.hashing import Digest
from shared.library.reading import shown
from shared.library.room import Room
from shared.library.roots import Root

CHANGE_JOBS = JobTable("keeper_job", "job_id", kind=CHANGES)
WALK_JOBS = JobTable("keeper_job", "job_id", kind=WALKS)

Work = Callable[[Job], Awaitable[None]]


class Keeper:
    """Alone moves, places, removes and forgets files of the library; one job after the other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        told: Callable[[], None],
        *,
        library: Root | None = None,
        room: Room | None = None,
        sweep: Sweep | None = None,
    ) -> None:
        """``told`` is called after whatever may have written events. Without a library files can be forgotten only."""
        self._pool = pool
        self._told = told
        self._sweep = sweep
        remover = Remover(pool, library) if library is not None else None
        self._tasks: dict[str, Work] = {"forget": Forgetter(pool, remover).work}
        if library is not None and remover is not None:
            self._tasks |= {
                "move": Mover(pool, library, room).work,
                "place": Placer(pool, library, room).work,
                "remove": remover.work,
            }
        self.changes = Runner(pool, CHANGE_JOBS, self._change, at_once=1)
        self.walks = Runner(pool, WALK_JOBS, self._walk, at_once=1)

    async def move(self, command: MoveFiles) -> KeeperAccepted:
        """Commit a move."""
        steps = [
            Step(
                number, Digest(move.file_id, 0), self._own(move.from_location), move.from_location.path,
                self._own(move.to_location), move.to_location.path,
            )
            for number, move in enumerate(command.moves)
        ]  # fmt: skip
        return await self._add(Asked(command.command_id, "move", command.reason, files=len(steps)), steps)

    async def place(self, command: PlaceFile) -> KeeperAccepted:
        """Commit a placement."""
        self._own(command.to_location)
        require_linkable(command)
        said = command.model_dump_json()
        return await self._add(Asked(command.command_id, "place", command=said, files=1))

    async def remove(self, command: RemoveFiles) -> KeeperAccepted:
        """Commit a removal."""
        steps = [
            Step(number, Digest(file.file_id, 0), self._own(file.location), file.location.path)
            for number, file in enumerate(command.files)
        ]
        kept = command.in_place_of
        if (
            kept is not None
            and self._own(kept.location)
            and any(kept.location == one.location for one in command.files)
        ):
            raise UserError("what stands for files that go cannot be one of them")
        said = None if kept is None else command.model_dump_json(include={"in_place_of"})
        asked = Asked(command.command_id, "remove", command.reason, command=said, files=len(steps))
        return await self._add(asked, steps)

    async def forget(self, command: ForgetFiles) -> KeeperAccepted:
        """Commit a forgetting."""
        file_ids = sorted(set(command.file_ids))
        asked = Asked(command.command_id, "forget", command.reason, command.delete_files, file_ids, files=len(file_ids))
        return await self._add(asked)

    async def walk(self, command: WalkLibrary) -> KeeperAccepted:
        """Commit a walk."""
        if self._sweep is None:
            raise UserError("there is no library to walk through: set library.path")
        return await self._add(Asked(command.command_id, "walk"))

    async def forget_old(self) -> None:
        """Forget jobs of months ago."""
        async with connected(self._pool) as connection:
            await store.forget_old(connection)

    def _own(self, location: Location) -> str:
        """The root of a place, which must be the library's.

        Raises:
            UserError: it is another one, or there is no library.
        """
        if "move" not in self._tasks:
            raise UserError("there is no library: set library.path")
        if location.root != LIBRARY:
            raise UserError(f"files of the root {shown(location.root)} stay where they are: only the library is kept")
        return location.root

    async def _add(self, asked: Asked, steps: Sequence[Step] = ()) -> KeeperAccepted:
        async with transaction(self._pool) as connection:
            if await store.add(connection, asked) and steps:
                await store.add_steps(connection, asked.job_id, steps)
        (self.walks if asked.task == "walk" else self.changes).wake()
        return KeeperAccepted(job_id=asked.job_id)

    async def _change(self, job: Job) -> None:
        try:
            if (work := self._tasks.get(job["task"])) is None:
                raise UserError("there is no library: set library.path")
            await work(job)
        finally:
            self._told()

    async def _walk(self, job: Job) -> None:
        if self._sweep is None:
            raise UserError("there is no library to walk through: set library.path")
        progress, swept = Progress(job), Swept()
        job.reports(lambda: {"files_done": swept.files})
        problem = await job.until(self._sweep.sweep(swept, gently=False))
        self._told()
        progress.files = progress.done = swept.files
        changed = f"{swept.changed} changed, " if swept.changed else ""
        progress.say(
            f"{swept.files} places: {swept.moved} moved by hand, {changed}{swept.gone} gone, "
            f"{len(swept.back)} there again; {swept.strangers} unknown captures"
        )
        if problem is not None:
            progress.say(problem)
        await job.save(**progress.columns())
