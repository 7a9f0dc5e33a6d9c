"""The upkeep of the schema: a check that finds what is lost or spoilt and has it mended, and a rebuild of all totals.

A check reads one snapshot, with pauses, so that the writers need not wait for it. What follows from the frames is then
written anew under the writers' lock; what only the files can tell is read anew, by ``cmd.ingest.reread``.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from services.stats import spoilt
from services.stats.check import Difference, suspects
from services.stats.store import frames, known
from services.stats.store import upkeep as store
from services.stats.store.derived import TABLES
from services.stats.store.differences import differences, misplaced
from services.stats.store.rebuild import prepare, rebuild, unhurried
from shared import inert
from shared.bus.transaction import Connection
from shared.db.pool import connected, snapshot, transaction
from shared.errors import Transient, UserError
from shared.events.base import EVENT_NAMESPACE
from shared.events.commands import MOST_IDS
from shared.jobs.job import Job
from shared.jobs.store import JobTable

JOBS = JobTable("upkeep")
MOST_LINES = 100
MOST_ON_SUSPICION = 20_000
"""Files that a check has read anew because something is wrong near them; beyond it a person decides."""
GRACE = timedelta(minutes=10)
"""What was announced more recently may still be on its way."""
PAGE = 2000

Reread = Callable[[UUID, Sequence[str]], Awaitable[int]]
"""Asks ingest to have files read anew, once per id; how many it took. Raises UserError where nobody answers."""
ReadUntil = Callable[[], Awaitable[datetime]]
"""Until when this service has read all events."""


@dataclass
class _Findings:
    """What a check found, for the job's row and for the mending."""

    to_mend: int = 0
    """Rows that differ and that other rows tell how to put right."""
    to_read: int = 0
    """Rows that differ and that only their files can tell."""
    unknown: int = 0
    """Rows of files that ingest does not know: they stay."""
    left_alone: int = 0
    """Rows that differ and stay, these and others."""
    lines: list[str] = field(default_factory=list)
    totals: bool = False
    """Whether anything differs that a rebuild puts right."""
    rules: list[known.Rule] = field(default_factory=list)
    announced_before: datetime | None = None
    """Until when the announcements of ingest must be known; None where its files were not looked at."""
    not_compared: int = 0
    """Files that were announced later."""
    again_at: datetime | None = None
    """When a further check compares these."""
    suspected: list[str] = field(default_factory=list)
    """Files whose frames contradict themselves or the totals, and that can be read anew."""

    def mend(self, lines: Iterable[str], count: int | None = None) -> bool:
        """Take in ``count`` rows to be put right, a sentence for each or for the first of them; whether any are."""
        count = self._say(lines, count)
        self.to_mend += count
        return count > 0

    def read(self, lines: Iterable[str], count: int) -> None:
        """Take in rows of files to be read anew."""
        self.to_read += self._say(lines, count)

    def leave(self, count: int, line: str) -> None:
        """Say of rows that they stay as they are, and why."""
        self._say([line], count)
        self.left_alone += count

    @property
    def differences(self) -> int:
        """Rows that differ."""
        return self.to_mend + self.to_read + self.unknown

    def _say(self, lines: Iterable[str], count: int | None) -> int:
        said = list(lines)
        self.lines += map(inert.sentence, said[: MOST_LINES - len(self.lines)])
        return len(said) if count is None else count


class Upkeep:
    """Works on ``stats.upkeep``."""

    def __init__(self, pool: asyncpg.Pool, reread: Reread, read_until: ReadUntil, *, grace: timedelta = GRACE) -> None:
        self._pool = pool
        self._reread = reread
        self._read_until = read_until
        self._grace = grace

    async def work(self, job: Job) -> None:
        """Do one job.

        Raises:
            Transient: ingest does not answer, so that lost files cannot be read anew yet.
        """
        progress = _Progress(job)
        everything = job["task"] == "rebuild"
        found = await self._look(progress, files=not everything)
        mended, read_anew = job["mended"], job["read_anew"]  # by an attempt before, which did not come to its end
        if not job["dry_run"]:
            await progress.step("writing anew what differs")
            if everything or found.to_mend or found.to_read or found.suspected:
                await self._mend(job, found, everything=everything)
                mended += found.to_mend
                await job.save(mended=mended)
            await progress.step("having files read anew")
            read_anew += await self._read_anew(job, found)
        await progress.done(mended, read_anew)

    async def _look(self, progress: "_Progress", *, files: bool) -> _Findings:
        found = progress.found
        read_until = await self._read_until() if files else None
        async with snapshot(self._pool) as connection:
            await unhurried(connection)
            await progress.step("counting frames")
            progress.frames = await frames.count(connection)
            await progress.step("where each frame belongs")
            count, lines = await misplaced(connection)
            found.totals |= found.mend(lines, count)
            rows: list[Difference] = []
            for derived in TABLES:
                await progress.step(f"totals: {derived.table}")
                differ = await differences(connection, derived)
                found.totals |= found.mend(row.sentence for row in differ)
                rows += differ
            for rule in known.RULES:
                await progress.step(f"rules: {rule.table}")
                keys = await known.breaking(connection, rule)
                if found.mend(f"{rule.table} {key}: {rule.words}" for key in keys):
                    found.rules.append(rule)
            if read_until is not None:
                await self._look_at_files(connection, progress, rows, read_until - self._grace)
        return found

    async def _look_at_files(
        self, connection: Connection, progress: "_Progress", rows: list[Difference], announced_before: datetime
    ) -> None:
        found = progress.found
        await progress.step("frames by themselves")
        suspected = await self._contradictions(connection, progress)
        await progress.step("files that ingest knows")
        found.announced_before = before = await known.settled_before(connection, announced_before)
        found.not_compared = await known.not_compared(connection, before)
        count, lines = await known.lost(connection, before, MOST_LINES)
        found.read(lines, count)
        for table, count in (await known.unknown(connection)).items():
            found.unknown += count
            found.leave(count, f"{table}: {count} rows are of files that ingest does not know; they stay")
        await progress.step("frames behind totals that differ")
        if sessions := suspects(rows):
            suspected |= set(await frames.of_sessions(connection, sessions, MOST_ON_SUSPICION + 1))
        if len(suspected) > MOST_ON_SUSPICION:
            words = f"more than {MOST_ON_SUSPICION} files would have to be read anew; `nightbus reread` does that"
            found.leave(len(suspected), f"frame: {words}")
            return
        # What the check before had read anew and is wrong again is no matter of its file.
        checked = await store.checked_before(connection)
        since = before if checked is None else min(before, checked)
        found.suspected = await known.readable(connection, suspected, since)
        if kept := len(suspected) - len(found.suspected):
            words = "of these are of files that are nowhere any more, or were read anew just now; they stay"
            found.leave(kept, f"frame: {kept} {words}")

    async def _contradictions(self, connection: Connection, progress: "_Progress") -> set[str]:
        """Frames that contradict themselves, or that cannot be read at all; the first of them."""
        found = dict.fromkeys(await frames.unreadable(connection), "times that cannot be")
        count = len(found)
        async for page in frames.pages(connection, PAGE):
            began = time.monotonic()
            wrong = {row["file_id"]: what for row in page if (what := spoilt.contradiction(row)) is not None}
            count += len(wrong)
            if len(found) <= MOST_ON_SUSPICION:
                found |= wrong
            await progress.breathe(began)
        lines = (f"frame {file_id}: {what} does not follow from the rest" for file_id, what in found.items())
        progress.found.read(lines, count)
        return set(found)

    async def _mend(self, job: Job, found: _Findings, *, everything: bool) -> None:
        """Put right what the rows themselves tell, in one transaction that counts only if the job is still ours.

        Totals may go down with rows of files that were not compared, which may have been lost as well: they are
        compared by a further check once they are old enough.
        """
        async with transaction(self._pool) as connection:
            await prepare(connection)
            if found.announced_before is not None:
                await known.drop_contradictions(connection, found.announced_before)
            for rule in found.rules:
                await known.mend(connection, rule)
            if everything or found.totals or any(not rule.mend for rule in found.rules):
                await rebuild(connection)
            if found.to_mend and found.not_compared:
                further = uuid5(EVENT_NAMESPACE, f"{job.id}\x1fagain")
                found.again_at = await store.add_again(connection, further, self._grace)
            await job.hold(connection)

    async def _read_anew(self, job: Job, found: _Findings) -> int:
        """Ask for the files that are lost, then for the suspected ones; how many ingest took."""
        before, taken, after = found.announced_before, 0, ""
        if before is None:
            return 0
        while part := await self._next_lost(before, after):
            taken += await self._ask(job, part)
            after = part[-1]
        for start in range(0, len(found.suspected), MOST_IDS):
            async with connected(self._pool) as connection:  # without those that were lost as well
                part = await known.readable(connection, found.suspected[start : start + MOST_IDS], before)
            taken += await self._ask(job, part) if part else 0
        return taken

    async def _next_lost(self, before: datetime, after: str) -> list[str]:
        async with transaction(self._pool) as connection:
            await unhurried(connection)
            return await known.lost_after(connection, before, after, MOST_IDS)

    async def _ask(self, job: Job, file_ids: Sequence[str]) -> int:
        job.check()
        # The same after a restart of this job, so that nothing is read twice.
        request = uuid5(EVENT_NAMESPACE, f"{job.id}\x1f{','.join(file_ids)}")
        try:
            return await self._reread(request, file_ids)
        except UserError as error:
            raise Transient(f"{len(file_ids)} files wait to be read anew: {error}") from error


class _Progress:
    """How far a job is. Between two steps it rests as long as the step took, so that it uses half a processor."""

    def __init__(self, job: Job) -> None:
        self.found = _Findings(again_at=job["again_at"])
        self.frames = 0
        self._job = job
        self._began = time.monotonic()
        self._step, self._done = "", -1
        self._steps = len(TABLES) + len(known.RULES) + (7 if job["task"] == "check" else 4)
        job.reports(self._columns)

    async def step(self, words: str) -> None:
        """Begin a step."""
        await self.breathe(self._began)
        self._step, self._done, self._began = words, self._done + 1, time.monotonic()

    async def breathe(self, began: float) -> None:
        """Rest, and end here when the job is to end."""
        await self._job.pause(min(time.monotonic() - began, 2.0))

    async def done(self, mended: int, read_anew: int) -> None:
        """Write what came of it."""
        self._step, self._done = "", self._steps
        await self._job.save(**self._columns(), mended=mended, read_anew=read_anew)

    def _columns(self) -> dict[str, Any]:
        found = self.found
        return {
            "step": self._step, "steps_done": max(self._done, 0), "steps": self._steps, "frames": self.frames,
            "differences": found.differences, "left_alone": found.left_alone, "lines": found.lines,
            "compared_until": found.announced_before, "not_compared": found.not_compared, "again_at": found.again_at,
        }  # fmt: skip
