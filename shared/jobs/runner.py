"""The runner: claims jobs, keeps their leases alive, runs the work, and writes how each ended."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import asyncpg

from shared.errors import Away, TooEarly, Unavailable
from shared.jobs.job import Job
from shared.jobs.outcome import Lost, Outcome, Stopped, outcome_of
from shared.jobs.store import LEASE_S, JobStore, JobTable
from shared.logging import get_logger
from shared.metrics import JOBS
from shared.retry import patiently

log = get_logger(__name__)

POLL_S = 1.0
BEAT_S = 1.0
GIVE_BACK_S = 3.0
"""How long a service that ends may take to give its jobs back; what it does not give back is taken over later."""

Work = Callable[[Job], Awaitable[None]]


class Runner:
    """Runs the jobs of one kind, up to ``at_once`` side by side in this process."""

    def __init__(
        self, pool: asyncpg.Pool, table: JobTable, work: Work, *, at_once: int, lease_s: float = LEASE_S
    ) -> None:
        self.store = JobStore(pool, table, lease_s=lease_s)
        self._work = work
        self._at_once = at_once
        self._held: dict[tuple[UUID, int], Job] = {}
        """Jobs in hand by id and attempt: one that was lost and goes on may be claimed anew by this very process."""
        self._news = asyncio.Event()
        self._kind = table.kind or table.name

    def wake(self) -> None:
        """Say that a job was committed; the runner also looks by itself every second."""
        self._news.set()

    async def run(self) -> None:
        """Run jobs for ever. What fails besides the work itself is raised, so that it ends the service."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_leases())
                await self._claim_for_ever(tasks)
        except asyncio.CancelledError:
            await self._give_back()
            raise

    async def _claim_for_ever(self, tasks: asyncio.TaskGroup) -> None:
        looked_at = float("-inf")
        while True:
            if time.monotonic() - looked_at >= POLL_S:
                looked_at = time.monotonic()
                await patiently(self._lose_abandoned)
            self._news.clear()
            free = self._at_once - len(self._held)
            for row in await patiently(partial(self.store.claim, free)) if free else ():
                job = Job(self.store, row)
                self._held[job.id, job.attempt] = job
                tasks.create_task(self._hold(job))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()

    async def _lose_abandoned(self) -> None:
        for row in await self.store.lose({job_id for job_id, _ in self._held}):
            say = log.error if row["state"] == "dead" else log.warning
            say(
                "job lost its process", kind=self._kind, job_id=str(row["id"]), attempt=row["attempt"],
                state=row["state"], reason=row["reason"],
            )  # fmt: skip
            JOBS.labels(self._kind, row["state"]).inc()

    async def _hold(self, job: Job) -> None:
        """Do one job and write how it ended."""
        began = time.monotonic()
        error: BaseException | None = None
        try:
            await self._work(job)
        except asyncio.CancelledError as cancelled:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise  # the service ends; the job is given back
            error = cancelled  # something inside was cancelled and not we: a failure, and not to be passed over
        except Exception as raised:  # noqa: BLE001 - every outcome is judged by its type
            error = _single(raised)
        await self._settle(job, error, time.monotonic() - began)
        del self._held[job.id, job.attempt]
        self._news.set()

    async def _settle(self, job: Job, error: BaseException | None, lasted_s: float) -> None:
        if isinstance(error, Lost):
            log.warning("job lost to another holder", kind=self._kind, job_id=str(job.id), attempt=job.attempt)
            return
        outcome = outcome_of(error, postponed=job["postponed"], unexpected=job["unexpected"], lasted_s=lasted_s)
        ours = await patiently(lambda: self.store.settle(job.id, job.attempt, outcome))
        unexpected = outcome.unexpected > job["unexpected"]
        first = outcome.state == "waiting" and outcome.postponed == 1
        if isinstance(error, TooEarly | Away):
            first = False  # nothing is wrong with this job, and who notices that a root is away says so once
        level = "error" if unexpected else "warning" if first or outcome.state == "failed" else "debug"
        getattr(log, level)(
            "job ended", kind=self._kind, job_id=str(job.id), attempt=job.attempt, state=outcome.state,
            reason=outcome.reason, pause_s=outcome.pause_s, ours=ours, exc_info=error if unexpected else None,
        )  # fmt: skip
        JOBS.labels(self._kind, outcome.state).inc()

    async def _give_back(self) -> None:
        """Leave the jobs in hand to whoever comes next: the service ends, and that is no failure of theirs."""
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                for job in self._held.values():
                    outcome = Outcome("waiting", job["reason"], job["postponed"], job["unexpected"])
                    await self.store.settle(job.id, job.attempt, outcome)
        except (Unavailable, TimeoutError) as error:
            log.warning("jobs not given back", kind=self._kind, jobs=len(self._held), reason=str(error))

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            quiet = [job for job in self._held.values() if job.report is None]
            if quiet:
                await self._beat(quiet)
            for job in [job for job in self._held.values() if job.report is not None]:
                await _report(job)

    async def _beat(self, jobs: list[Job]) -> None:
        held = [(job.id, job.attempt) for job in jobs]
        alive = await patiently(lambda: self.store.beat(held))
        for job in jobs:
            if (job.id, job.attempt) not in alive:
                job.lost()
            elif alive[job.id, job.attempt]:
                job.stop(Stopped())


async def _report(job: Job) -> None:
    """Save the progress of a job, which renews its lease. A report that cannot be written is the job's own failure."""
    assert job.report is not None
    try:
        await job.save(**job.report())
    except Stopped:
        return  # the work hears of it where it next asks
    except Exception as error:
        log.exception("progress cannot be saved", job_id=str(job.id), attempt=job.attempt)
        job.stop(error)


def _single(error: Exception) -> Exception:
    """The failure of a task within the work, where there is one only."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
