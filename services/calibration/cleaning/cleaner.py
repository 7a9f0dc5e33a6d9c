"""The job of a clean-up.

1. For each type in its order: all frames as sets, each judged (``fates``). Of a set that may go the master's stored
   bytes are read and hashed now; where they are not what they should be, the set stays.
2. A look ends there. Else the frames of the set are removed by ingest, which hashes each of them first, in parts whose
   ids follow from what is in them, and only while the master is whole; the job waits for each part.
3. Killed anywhere, the next attempt judges anew what is still there.

A type is done before the next one begins. Where ingest refuses a part, its frames stay, and the set says why.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from services.calibration.asking import LIBRARY, Ask, command_id
from services.calibration.cleaning.fates import Fate, RawSet, StoredMaster, judge, sets_of
from services.calibration.matching.rules import rules_of
from services.calibration.sets.grouping import MASTER_OF
from services.calibration.settings import CalibrationSettings, RigCalibration
from services.calibration.store import cleanings
from services.calibration.store.keeper_jobs import KeeperJob, keeper_jobs
from shared.db.pool import connected, transaction
from shared.errors import UserError
from shared.events.command import MOST_PLACES
from shared.events.commands import RemoveFiles, StoredFile
from shared.events.file import Location
from shared.events.frame import FrameType
from shared.jobs.job import Job
from shared.jobs.store import JobTable
from shared.library.hashing import Digest
from shared.library.roots import Root
from shared.library.stored import Condition, examine
from shared.quantities import counted

JOBS = JobTable("cleaning", "cleaning_id")
POLL_S = 0.5
ASK_AGAIN_S = 5.0
_Places = list[tuple[str, str]]


class Cleaner:
    """Works on ``calibration.cleaning``."""

    def __init__(
        self, pool: asyncpg.Pool, ask: Ask, settings: CalibrationSettings, rigs: Sequence[RigCalibration]
    ) -> None:
        self._pool = pool
        self._ask = ask
        self._settings = settings
        self._rigs = rigs

    async def work(self, job: Job) -> None:
        """Do a clean-up, or a look at what it would do.

        Raises:
            UserError: there is no library.
            Transient: it cannot be done now.
        """
        async with transaction(self._pool) as connection:
            number = await cleanings.begin(connection, job.id)
            folder = await cleanings.library_folder(connection)
        if folder is None:
            raise UserError("there is no library: set library.path")
        library = Root(LIBRARY, Path(folder))
        frames = removed = 0
        job.reports(lambda: {"frames": frames})
        for frame_type in map(FrameType, job["frame_types"]):
            raw_sets, masters = await self._read(frame_type)
            for raw in raw_sets:
                job.check()
                judged = await self._judge(raw, masters, library, archive_needed=job["archive_needed"])
                frames += len(raw.frames) if judged.may_go else 0
                await self._save(job, number, raw, judged, "may_go" if judged.may_go else "stays")
                if judged.may_go and not job["dry_run"]:
                    removed += await self._remove(job, number, raw, judged)
                number += 1
        await job.save(frames=frames, removed=job["removed"] + removed)

    async def _read(self, frame_type: FrameType) -> tuple[list[RawSet], list[StoredMaster]]:
        async with connected(self._pool) as connection:
            frames = await cleanings.raw_frames(connection, frame_type)
            masters = await cleanings.stored_masters(connection, MASTER_OF[frame_type])
        return sets_of(frames), masters

    async def _judge(
        self, raw: RawSet, masters: Sequence[StoredMaster], library: Root, *, archive_needed: bool
    ) -> Fate:
        rules = rules_of(raw.known.rig, raw.known.camera, self._settings, self._rigs)
        judged = judge(raw, masters, rules, archive_needed=archive_needed)
        if judged.master is None or judged.master.path is None:
            return judged
        found = await asyncio.to_thread(_examine, library, judged.master)
        if found is Condition.SOUND:
            return judged._replace(reason=f"{judged.reason}, and its stored bytes are whole")
        name = judged.master.master.name
        return Fate(False, f"its master {name} is {found.value} in the library: `nightbus locations walk` looks at it")

    async def _save(self, job: Job, number: int, raw: RawSet, judged: Fate, word: str) -> None:
        async with transaction(self._pool) as connection:
            await job.hold(connection)
            await cleanings.save(connection, job.id, number, raw, judged, word)

    async def _remove(self, job: Job, number: int, raw: RawSet, judged: Fate) -> int:
        """Have the frames of a set removed, part by part; how many frames went."""
        assert judged.master is not None
        places = [(frame.file_id, path) for frame in raw.frames for path in frame.paths]
        why = f"clean-up: its master {judged.master.path} is in the library, verified"
        refused: str | None = None
        for start in range(0, len(places), MOST_PLACES):
            part = places[start : start + MOST_PLACES]
            if (done := await self._remove_part(job, part, judged.master, why)).state != "done":
                refused = done.reason
        left = {file_id for file_id, _path in await self._still_there(places)}
        gone = len(raw.frames) - len(left)
        if left:
            reason = f"{counted(len(left), 'frame')} stay: {refused or 'ingest removed them not'}"
            await self._save(job, number, raw, Fate(False, reason, judged.master), "stays")
        else:
            await self._save(job, number, raw, judged, "removed")
        return gone

    async def _remove_part(self, job: Job, places: _Places, master: StoredMaster, why: str) -> KeeperJob:
        assert master.path is not None
        kept = StoredFile(file_id=master.master.file_id, location=Location(root=LIBRARY, path=master.path))
        files = tuple(
            StoredFile(file_id=file_id, location=Location(root=LIBRARY, path=path)) for file_id, path in places
        )
        what = command_id("clean", job.id, *(f"{file_id}/{path}" for file_id, path in places))
        command = RemoveFiles(command_id=what, files=files, reason=why, in_place_of=kept)
        while not await self._ask(command):
            await job.pause(ASK_AGAIN_S)
        while (found := await self._became(what)) is None or found.is_open:
            await job.pause(POLL_S)
        return found

    async def _became(self, what: UUID) -> KeeperJob | None:
        async with connected(self._pool) as connection:
            return (await keeper_jobs(connection, [what])).get(what)

    async def _still_there(self, places: _Places) -> set[tuple[str, str]]:
        async with connected(self._pool) as connection:
            return await cleanings.still_there(connection, places)


def _examine(library: Root, one: StoredMaster) -> Condition:
    """What became of the stored bytes of a master, read from the disk now."""
    assert one.path is not None
    content = Digest(one.master.file_id, one.size_bytes)
    return examine(library, one.path, content, whole_at_ns=None, hashing=True).condition
