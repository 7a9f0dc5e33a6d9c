"""The job that builds a master: plan it, write it, have ingest place it, tell it.

1. asked: in one transaction the frames, the master that is subtracted from flats, and all that the header says are
   fixed, so that each attempt writes the same bytes.
2. planned: the file is written into the library's folder for handing over, whole or not at all.
3. written: ingest is asked to place it, under an id that follows from the build; the job waits for that.
4. built: the event ``master.built`` and the end of the build are committed together.

Whoever is killed on the way leaves a row that says how far it is; the next attempt goes on from there.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from services.calibration.asking import LIBRARY, Ask, command_id
from services.calibration.description import DESCRIPTION
from services.calibration.filing import names
from services.calibration.integration import handover
from services.calibration.integration.made import Made
from services.calibration.integration.planning import (
    MOST_FRAMES,
    PEDESTALS,
    Frame,
    described,
    made_of,
    pedestal_for,
    plan_of,
)
from services.calibration.matching.model import Master
from services.calibration.matching.rules import Rules
from services.calibration.pixels.whereabouts import Place, path_at
from services.calibration.properties import Properties
from services.calibration.sets.grouping import MASTER_OF
from services.calibration.settings import CalibrationSettings
from services.calibration.store import builds, masters, raw_sets
from services.calibration.store.builds import Build
from services.calibration.store.keeper_jobs import KeeperJob, keeper_jobs
from services.calibration.store.places import places_of
from services.calibration.store.raw_sets import SetState
from shared.bus.outbox import enqueue
from shared.bus.transaction import Connection
from shared.db.pool import connected, transaction
from shared.errors import TooEarly, UserError
from shared.events.base import utc_now
from shared.events.calibration import MasterBuilt
from shared.events.commands import PlaceFile
from shared.events.file import Hints, Location
from shared.events.frame import FrameType
from shared.jobs.job import Job
from shared.jobs.outcome import Stopped
from shared.jobs.store import JobTable
from shared.library.roots import Root
from shared.logging import get_logger
from shared.retry import patiently

if TYPE_CHECKING:
    from services.calibration.integration.master import Input, Written

log = get_logger(__name__)

JOBS = JobTable("build", "build_id")
ASK_AGAIN_S, LOOK_S = 5.0, 0.5
"""Pauses while ingest does not answer, and while it places the file."""
_MOST_PLACINGS = 3

RulesOf = Callable[[str | None, str | None], Rules]
"""The rules of a rig and a camera."""


class Builder:
    """Works on ``calibration.build``."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        library: Root | None,
        own: CalibrationSettings,
        rules_of: RulesOf,
        ask: Ask,
        told: Callable[[], None],
    ) -> None:
        """``ask`` gives ingest a command; ``told`` is called when an event was left in the outbox."""
        self._pool = pool
        self._library = library
        self._own = own
        self._rules_of = rules_of
        self._ask = ask
        self._told = told
        self.writing: set[tuple[UUID, int]] = set()
        """Builds that are written in this process now, with their attempts."""

    async def work(self, job: Job) -> None:
        """Build a master, from wherever an attempt before ended.

        Raises:
            TooEarly: its frames are not measured yet, or what flats need is still being built.
            UserError: it cannot be built: one sentence why.
            Permanent: one of its frames cannot be read.
            Transient: a file cannot be read or written now.
        """
        if self._library is None:
            raise UserError("there is no library to put masters into: set library.path")
        build = await self._read(job)
        if build.phase == "asked":
            await patiently(partial(self._plan, job))
            build = await self._read(job)
        while build.phase != "built":
            if build.phase == "planned":
                await self._write(job, build, self._library)
            else:
                await self._place(job, build, self._library)
            build = await self._read(job)
        self._told()

    async def clear(self) -> None:
        """Remove unfinished and forgotten files of builds that are over."""
        if self._library is None:
            return
        async with connected(self._pool) as connection:
            open_builds = await builds.still_open(connection)
        removed = await asyncio.to_thread(handover.clear, self._library, open_builds, list(self.writing))
        if removed:
            log.info("unfinished masters are removed", files=removed)

    async def _read(self, job: Job) -> Build:
        async def read() -> Build:
            async with connected(self._pool) as connection:
                return await builds.read(connection, job.id)

        return await patiently(read)

    async def _plan(self, job: Job) -> None:
        async with transaction(self._pool) as connection:
            found = await raw_sets.states(connection, [job["set_no"]], 0.0)
            if not found:
                raise UserError(f"there is no set {job['set_no']} any more")
            (one,) = found
            require_ready(one)
            frames = [_frame(row) for row in await raw_sets.kept(connection, one.set_no)][:MOST_FRAMES]
            left_out = await raw_sets.left_out(connection, one.set_no)
            properties = described(one.common, frames)
            pedestal = None
            if one.frame_type is FrameType.FLAT:
                pedestal = await self._pedestal(connection, properties, frames)
            plan = plan_of(MASTER_OF[one.frame_type], properties, frames, left_out, pedestal, utc_now())
            path = self._path_of(MASTER_OF[one.frame_type], properties)
            await job.hold(connection)
            await builds.save_plan(connection, job.id, plan, path, one.kept_digest)

    async def _pedestal(self, connection: Connection, flat: Properties, frames: Sequence[Frame]) -> Master:
        """The master that is subtracted from flats."""
        rules = self._rules_of(flat.rig, flat.camera)
        untested = await builds.untested(connection)
        known = [one for one in await masters.masters(connection) if one.file_id not in untested]
        answer = pedestal_for(flat, frames, known, rules)
        if answer is not None:
            return answer.master
        if await builds.is_awaited(connection, list(PEDESTALS)):
            raise TooEarly("a master bias or dark-flat is built and tested first: one is subtracted from the flats")
        raise UserError(
            "no master dark-flat or master bias fits these flats, and one is subtracted before they are scaled: "
            "build a master of biases of this camera and gain first"
        )

    def _path_of(self, master_type: FrameType, properties: Properties) -> str:
        if properties.camera is None:
            raise UserError("its camera is not known: `nightbus calibration describe` supplies it")
        path = names.library_path(master_type, properties, None, "master.fits", self._own)
        assert path is not None, "the camera is known"
        return path

    async def _write(self, job: Job, build: Build, library: Root) -> None:
        made = made_of(build.plan)
        inputs, pedestal = await patiently(partial(self._inputs, made))
        rows = 0
        job.reports(lambda: {"rows_done": rows})
        is_over = threading.Event()

        def check(rows_done: int) -> None:
            nonlocal rows
            rows = rows_done
            job.check()
            if is_over.is_set():
                raise Stopped

        with self._writing(job):
            unfinished = await asyncio.to_thread(handover.unfinished_path, library, job.id, job.attempt)
            try:
                written = await asyncio.to_thread(_write, made, inputs, pedestal, unfinished, check)
            finally:
                is_over.set()  # a thread cannot be cancelled: it ends at the next rows
            await asyncio.to_thread(handover.finish, library, unfinished, job.id)
        await patiently(partial(self._save_written, job, written))

    @contextlib.contextmanager
    def _writing(self, job: Job) -> Iterator[None]:
        key = (job.id, job.attempt)
        self.writing.add(key)
        try:
            yield
        finally:
            self.writing.discard(key)

    async def _inputs(self, made: Made) -> "tuple[list[Input], Input | None]":
        """Where the frames are now."""
        subtracted = [] if made.subtracted is None else [made.subtracted[1]]
        async with connected(self._pool) as connection:
            places = await places_of(connection, [*made.inputs, *subtracted], also_missing=True)
        found = await asyncio.to_thread(_located, [*made.inputs, *subtracted], places)
        return found[: len(made.inputs)], found[-1] if subtracted else None

    async def _save_written(self, job: Job, written: "Written") -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await builds.save_written(
                connection, job.id, written.content.file_id, written.content.size_bytes, written.combined.samples,
                written.combined.rejected,
            )  # fmt: skip

    async def _place(self, job: Job, build: Build, library: Root) -> None:
        """Have ingest place the file; once it is there, tell it."""
        assert build.file_id is not None
        assert build.size_bytes is not None
        asked = command_id("master", job.id, build.place_attempt)
        keeper_job, path = await patiently(partial(self._placed, asked, build.file_id))
        if path is not None:
            await patiently(partial(self._tell, job, build, path))
        elif keeper_job is None:
            if await asyncio.to_thread(handover.size_of, library, job.id) != build.size_bytes:
                log.warning("a written master is not there any more and is written anew", build_id=str(job.id))
                await patiently(partial(self._back, job))
            elif not await self._ask(_command(asked, job.id, build)):
                await job.pause(ASK_AGAIN_S)
        elif keeper_job.is_open:
            await job.pause(LOOK_S)
        elif build.place_attempt >= _MOST_PLACINGS:
            raise UserError(f"ingest did not place it: {keeper_job.reason or 'it is not where it was placed'}")
        else:
            await patiently(partial(self._ask_anew, job))

    async def _placed(self, asked: UUID, file_id: str) -> tuple[KeeperJob | None, str | None]:
        async with connected(self._pool) as connection:
            keeper_job = (await keeper_jobs(connection, [asked])).get(asked)
            places = (await places_of(connection, [file_id])).get(file_id, [])
        in_library = [place.path for place in places if place.root == LIBRARY]
        is_over = keeper_job is None or not keeper_job.is_open
        return keeper_job, in_library[0] if in_library and is_over else None

    async def _tell(self, job: Job, build: Build, path: str) -> None:
        made = made_of(build.plan)
        known = {name: value for name, value in made.properties._asdict().items() if name in MasterBuilt.model_fields}
        assert build.file_id is not None
        event = MasterBuilt(
            file_id=build.file_id, master_type=made.master_type, input_count=len(made.inputs),
            input_file_ids=tuple(made.inputs), **known,
        )  # fmt: skip
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await builds.save_built(connection, job.id, path)
            await enqueue(connection, DESCRIPTION.name, [event])
        log.info("a master was built", build_id=str(job.id), master_type=made.master_type, path=path)

    async def _back(self, job: Job) -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await builds.back_to_plan(connection, job.id)

    async def _ask_anew(self, job: Job) -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await builds.place_again(connection, job.id)


def require_ready(one: SetState) -> None:
    """Refuse a set of which no master can be made now.

    Raises:
        TooEarly: its frames are still being measured.
        UserError: too few of them are fit.
    """
    if one.state == "measuring":
        raise TooEarly(f"the frames of set {one.set_no} are still being measured")
    if one.kept < one.wanted:
        raise UserError(f"set {one.set_no} has {one.kept} frames that are fit for a master, {one.wanted} are needed")


def _frame(row: Mapping[str, Any]) -> Frame:
    return Frame(*(row[name] for name in Frame._fields))


def _located(file_ids: Sequence[str], places: dict[str, list[Place]]) -> "list[Input]":
    from services.calibration.integration.master import Input

    return [Input(file_id, path_at(file_id, places.get(file_id, ()))) for file_id in file_ids]


def _write(
    made: Made, inputs: "Sequence[Input]", pedestal: "Input | None", to_path: Path, check: Callable[[int], None]
) -> "Written":
    """`write_master`, whose numbers are loaded when the first master is written."""
    from services.calibration.integration.master import write_master

    return write_master(made, inputs, pedestal, to_path, check)


def _command(asked: UUID, build_id: UUID, build: Build) -> PlaceFile:
    assert build.file_id is not None
    assert build.path is not None
    assert build.size_bytes is not None
    return PlaceFile(
        command_id=asked,
        file_id=build.file_id,
        size_bytes=build.size_bytes,
        from_location=Location(root=LIBRARY, path=handover.relative_path(build_id)),
        to_location=Location(root=LIBRARY, path=build.path),
        kind="library",
        made_by=DESCRIPTION.name,
        hints=Hints(),
    )
