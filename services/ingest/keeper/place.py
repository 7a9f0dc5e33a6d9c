"""Placing a file that another service made.

1. What was handed over is copied, hashed on the way in, and must hold what the command says.
2. It gets its name, or that with a suffix where another content has it. A crash after that finds it there again.
3. One transaction writes the place: of an original with file.arrived where it is new, of a derived file no more.
4. committed: below the library's folder for handing over the given file is removed, after both copies were hashed.

A derived file may be a link in place of a copy, where a person chose that (docs/adr/0042): what it leads to is hashed
all the same, and must be a file that stays.
"""

import asyncio
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import asyncpg

from services.ingest.keeper.plan import Plan
from services.ingest.keeper.progress import Progress
from services.ingest.mend import Place, look
from services.ingest.store import keeper, locations, placements, roots, tombstones
from services.ingest.store.files import Arrival
from services.ingest.store.keeper import Step
from services.ingest.store.roots import LIBRARY
from shared.bus.transaction import Connection
from shared.db.pool import connected
from shared.errors import UserError
from shared.events.commands import PlaceFile
from shared.jobs.job import Job
from shared.library.extensions import OWN_PREFIX
from shared.library.hashing import Digest
from shared.library.links import Linked, hard_link, symbolic_link
from shared.library.place import Placed, place, place_of
from shared.library.reading import shown
from shared.library.remove import remove_verified
from shared.library.room import Room
from shared.library.roots import Root, resolve
from shared.library.stage import discard, stage_file
from shared.library.stored import Condition
from shared.library.template import safe_path
from shared.retry import patiently

HANDOVER = f"{OWN_PREFIX}/handover/"
"""Where services put what is to be placed, below the library."""


def require_linkable(command: PlaceFile) -> None:
    """Make sure that a link may be made where one is asked for.

    Raises:
        UserError: what is to be placed is no derived file, or what it would lead to does not stay.
    """
    if command.how not in ("symlink", "hardlink"):
        return
    given = command.from_location
    if command.kind != "derived":
        raise UserError("only a derived file may be a link: an original is copied")
    if given.root == LIBRARY and given.path.startswith(OWN_PREFIX):
        raise UserError("a link leads to a file that stays: what is handed over is copied")
    if command.how == "hardlink" and given.root != LIBRARY:
        raise UserError(
            f"files of the root {shown(given.root)} get no hard links, since other programs write there: "
            "choose copy or reflink"
        )


class Placer:
    """Works on jobs whose task is ``place``."""

    def __init__(self, pool: asyncpg.Pool, library: Root, room: Room | None = None) -> None:
        self._pool = pool
        self._library = library
        self._room = room

    async def work(self, job: Job) -> None:
        """Do a job, or go on with one; raises as the keeper's other tasks do."""
        progress, plan = Progress(job), Plan(self._pool, job)
        command = PlaceFile.model_validate_json(job["command"])
        source = await patiently(partial(self._source_of, command))
        if job["phase"] == "planned":
            job.check()
            places = await patiently(partial(self._places_of, command))
            placed, links_to = await asyncio.to_thread(self._place, command, source, places)
            progress.say(f"placed as {placed.relative_path}")
            await plan.commit(partial(self._write, job, command, placed, links_to))
        await self._clear(plan, command, source, progress)
        progress.done = progress.files
        await job.save(**progress.columns())

    async def _source_of(self, command: PlaceFile) -> Root:
        async with connected(self._pool) as connection:
            known = await roots.find(connection, command.from_location.root)
        if known is None:
            raise UserError(f"there is no root {shown(command.from_location.root)}")
        return Root(command.from_location.root, known)

    async def _places_of(self, command: PlaceFile) -> Sequence[Place]:
        """Where an original lies already, which must not have been forgotten.

        What a derived file is made of must lie where it is said to: it may have been moved since.
        """
        given = command.from_location
        async with connected(self._pool) as connection:
            if command.kind == "derived":
                known = await locations.content_at(connection, given.root, given.path)
                if not given.path.startswith(OWN_PREFIX) and (known is None or known[0].file_id != command.file_id):
                    raise UserError(f"{shown(given.path)} is not known as the place of {command.file_id} any more")
                return ()
            if await tombstones.forgotten(connection, [command.file_id]):
                raise UserError(f"{command.file_id} was forgotten on request: only an import by name brings it back")
            return (await locations.places_in(connection, LIBRARY, [command.file_id])).get(command.file_id, ())

    def _place(self, command: PlaceFile, source: Root, places: Sequence[Place]) -> Linked:
        content = Digest(command.file_id, command.size_bytes)
        looked = look(self._library, content, places, hashing=True)
        if looked.condition is Condition.SOUND:
            where, found = looked.best
            return Linked(Placed(where.path, command.file_id, command.size_bytes, found.mtime_ns, already_here=True))
        to_path = command.to_location.path
        if (safe := safe_path(to_path)) != to_path:
            raise UserError(f"'{shown(to_path)}' is no name that every system can hold: '{shown(safe)}' is")
        given = command.from_location.path
        if command.how == "symlink":
            return symbolic_link(source, given, self._library, to_path, content)
        place_of(self._library, to_path)
        if command.how == "hardlink":
            return Linked(hard_link(self._library, given, to_path, content))
        sharing = command.how == "reflink"
        staged = stage_file(resolve(source, given), self._library, self._room, sharing=sharing)
        try:
            if Digest(staged.file_id, staged.size_bytes) != content:
                raise UserError(f"{shown(given)} does not hold what was handed over")
            return Linked(place(staged, self._library, to_path))
        finally:
            discard(staged, self._library)

    async def _write(
        self, job: Job, command: PlaceFile, placed: Placed, links_to: str | None, connection: Connection
    ) -> None:
        made = Arrival(
            placed.file_id, placed.size_bytes, LIBRARY, placed.relative_path, str(self._library.path),
            command.from_location.path, None, placed.mtime_ns, command.hints,
        )  # fmt: skip
        content = Digest(placed.file_id, placed.size_bytes)
        step = Step(0, content, command.from_location.root, command.from_location.path, LIBRARY, placed.relative_path)
        if command.kind == "library":
            await placements.add_original(connection, made, command.made_by)
        elif not await placements.add_derived(connection, made, command.made_by, links_to):
            raise UserError(f"{shown(placed.relative_path)} is an original, and no derived file")
        await keeper.add_steps(connection, job.id, [step])

    async def _clear(self, plan: Plan, command: PlaceFile, source: Root, progress: Progress) -> None:
        """Remove what was handed over, where that is our own folder for it."""
        given = command.from_location
        if given.root != LIBRARY or not given.path.startswith(HANDOVER):
            return
        for step in await plan.left():
            path = resolve(source, given.path)
            stored_at: Path = self._library.path / step.to_path
            remove = partial(remove_verified, stored_at=stored_at, library=self._library, rested_s=math.inf)
            try:
                await asyncio.to_thread(remove, path, Digest(command.file_id, command.size_bytes))
            except UserError as error:
                progress.keep(str(error))
            await plan.done(step)
