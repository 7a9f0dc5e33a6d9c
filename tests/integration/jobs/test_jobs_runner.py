"""The runner: side by side within limits, heartbeats, pauses, wishes to cancel, and failures that are heard."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.errors import Permanent, Transient, Unavailable
from shared.jobs import runner
from shared.jobs.job import Job
from shared.jobs.outcome import CANCELLED, FIRST_PAUSE_S, MOST_UNEXPECTED
from shared.jobs.runner import Runner
from shared.jobs.store import JobStore, JobTable
from tests.integration.jobs.conftest import TABLE, Chores, until


class Gate:
    """Work that waits until it is let through, and counts who is inside."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.open = asyncio.Event()

    async def work(self, job: Job) -> None:
        """Wait inside."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            while not self.open.is_set():
                await job.pause(0.02)
        finally:
            self.inside -= 1


async def test_jobs_run_side_by_side_within_the_limit(chores: Chores) -> None:
    """As many as the limit run at once and no more; the next begin as soon as one ends, and all are done."""
    ids = [await chores.add(str(number)) for number in range(7)]
    gate = Gate()
    async with chores.running(gate.work, at_once=3):
        await until(lambda: inside(gate, 3))
        assert await chores.pool.fetchval("SELECT count(*) FROM chore WHERE state = 'running'") == 3
        gate.open.set()
        for job_id in ids:
            await chores.become(job_id, "done")
    assert gate.most == 3


async def inside(gate: Gate, count: int) -> bool:
    """Whether so many are inside."""
    return gate.inside == count


async def test_each_kind_has_its_own_limit(chores: Chores) -> None:
    """Two kinds in one table: one that is full does not hold the other back, nor does its work."""
    slow = [await chores.add("slow", kind="slow") for _ in range(3)]
    quick = [await chores.add("quick") for _ in range(3)]
    gate = Gate()

    async def work(_job: Job) -> None:
        """Nothing to do."""

    async with chores.running(work, at_once=1):
        other = asyncio.create_task(Runner(chores.pool, JobTable("chore", kind="slow"), gate.work, at_once=2).run())
        for job_id in quick:
            await chores.become(job_id, "done")
        await until(lambda: inside(gate, 2))
        gate.open.set()
        for job_id in slow:
            await chores.become(job_id, "done")
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
    assert gate.most == 2


async def test_heartbeats_keep_a_job_for_longer_than_its_lease(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that takes several leases keeps its job and its attempt, and its progress is saved meanwhile."""
    monkeypatch.setattr(runner, "BEAT_S", 0.1)
    begun = asyncio.get_running_loop().time()

    async def work(job: Job) -> None:
        reporting = job["wish"] == "reporting"
        if reporting:
            job.reports(lambda: {"done": int(10 * (asyncio.get_running_loop().time() - begun)), "note": "on the way"})
        await job.pause(2.0)
        if reporting:
            await job.save(done=100)

    quiet, reporting = await chores.add("quiet"), await chores.add("reporting")
    async with chores.running(work, lease_s=0.5):

        async def seen() -> bool:
            row = await chores.row(reporting)
            return bool(row["state"] == "running" and row["done"] and row["note"] == "on the way")

        await until(seen)
        rows = [await chores.become(job_id, "done") for job_id in (quiet, reporting)]
    assert [(row["attempt"], row["unexpected"]) for row in rows] == [(1, 0), (1, 0)]
    assert rows[1]["done"] == 100


async def test_what_passes_is_tried_again_after_growing_pauses(chores: Chores) -> None:
    """A transient failure waits with its reason and holds no other back; it is done when it works."""
    tries: list[int] = []

    async def work(job: Job) -> None:
        if job["wish"] == "other":
            return
        tries.append(job.attempt)
        if len(tries) < 6:
            raise (Unavailable if len(tries) % 2 else Transient)("the disk is busy")

    job_id, other = await chores.add("stubborn"), await chores.add("other")
    async with chores.running(work, at_once=1):
        for turn in range(1, 6):
            row = await waiting_after(chores, job_id, turn)
            pause = (row["next_try_at"] - row["started_at"]).total_seconds()
            assert FIRST_PAUSE_S * 2 ** (turn - 1) <= pause < FIRST_PAUSE_S * 2 ** (turn - 1) + 9
            assert (row["reason"], row["postponed"], row["unexpected"]) == ("the disk is busy", turn, 0)
            await chores.make_due()
        assert (await chores.become(job_id, "done"))["reason"] is None
        await chores.become(other, "done")
    assert tries == [1, 2, 3, 4, 5, 6]


async def waiting_after(chores: Chores, job_id: Any, attempt: int) -> dict[str, Any]:
    """A job's row once it waits after so many attempts."""

    async def waits() -> bool:
        row = await chores.row(job_id)
        return bool((row["state"], row["attempt"]) == ("waiting", attempt))

    await until(waits)
    return await chores.row(job_id)


async def test_the_third_unexpected_failure_is_the_last(chores: Chores) -> None:
    """A mistake in the work is logged with its trace, tried again twice, and then the job is dead with the reason."""

    async def work(job: Job) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(broken(job))

    job_id = await chores.add()
    with capture_logs() as logs:
        async with chores.running(work):
            for turn in range(1, MOST_UNEXPECTED):
                await waiting_after(chores, job_id, turn)
                await chores.make_due()
            row = await chores.become(job_id, "dead")

            async def is_told() -> bool:
                return any(line.get("state") == "dead" for line in logs)

            await until(is_told)
    assert row["reason"] == "it failed unexpectedly: ZeroDivisionError('division by zero') (3 times in a row)"
    told = [line for line in logs if line["event"] == "job ended"]
    assert [(line["log_level"], line["state"]) for line in told] == [
        ("error", "waiting"), ("error", "waiting"), ("error", "dead")
    ]  # fmt: skip
    assert all(isinstance(line["exc_info"], ZeroDivisionError) for line in told)


async def broken(job: Job) -> None:
    """A mistake in a task within the work."""
    print(1 / (job.attempt - job.attempt))


async def test_a_task_that_dies_within_the_work_is_heard(chores: Chores) -> None:
    """A cancelled future inside the work is an unexpected failure too, and not taken for the end of the service."""

    async def work(_job: Job) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    job_id = await chores.add()
    async with chores.running(work):
        row = await waiting_after(chores, job_id, 1)
    assert (row["reason"], row["unexpected"]) == ("it failed unexpectedly: CancelledError()", 1)


async def test_a_refusal_fails_at_once(chores: Chores) -> None:
    """What no retry can help ends the job with its sentence; the next one goes on."""

    async def work(job: Job) -> None:
        if job["wish"]:
            raise Permanent(f"{job['wish']} is not a folder\0")

    job_id, other = await chores.add("x"), await chores.add()
    async with chores.running(work, at_once=1):
        row = await chores.become(job_id, "failed")
        await chores.become(other, "done")
    assert (row["reason"], row["attempt"], row["unexpected"]) == ("x is not a folder\\x00", 1, 0)
    assert row["finished_at"] is not None


async def test_a_wish_to_cancel_stops_the_work_cleanly(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting job is cancelled at once; a running one at its next heartbeat, and its own end is waited for."""
    monkeypatch.setattr(runner, "BEAT_S", 0.05)
    put_away: list[str] = []

    async def work(job: Job) -> None:
        if job["wish"] == "reporting":
            job.reports(lambda: {"done": 7})
        try:
            await job.pause(3600.0)
        finally:
            await asyncio.sleep(0.1)
            put_away.append(job["wish"])

    running, reporting, waiting = await chores.add("quiet"), await chores.add("reporting"), await chores.add("waiting")
    async with chores.running(work, at_once=2):
        await chores.become(running, "running")
        await chores.become(reporting, "running")
        assert await chores.store.cancel(waiting) == "cancelled"
        assert await chores.store.cancel(running) == "running"
        assert await chores.store.cancel(reporting) == "running"
        rows = [await chores.become(job_id, "cancelled") for job_id in (running, reporting, waiting)]
    assert sorted(put_away) == ["quiet", "reporting"]
    assert {row["reason"] for row in rows} == {CANCELLED}
    assert all(row["cancel_requested_at"] and row["finished_at"] for row in rows)
    assert await chores.store.cancel(running) == "cancelled"
    assert await JobStore(chores.pool, JobTable("chore", kind="other")).cancel(running) is None


async def test_a_wait_without_end_ends_with_the_job(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that waits for something that never comes hears of the wish to cancel; what does come is handed over."""
    monkeypatch.setattr(runner, "BEAT_S", 0.05)
    got: list[object] = []

    async def soon() -> str:
        return "a library"

    async def never() -> None:
        await asyncio.Event().wait()

    async def work(job: Job) -> None:
        got.append(await job.until(soon()))
        await job.until(never())

    job_id = await chores.add()
    async with chores.running(work):

        async def waits() -> bool:
            return got == ["a library"]

        await until(waits)
        await chores.store.cancel(job_id)
        await chores.become(job_id, "cancelled")


async def test_what_is_done_in_spite_of_a_wish_is_done(chores: Chores) -> None:
    """Work that ends by itself before it hears of the wish is done, and not said to be cancelled."""
    gate = asyncio.Event()

    async def work(job: Job) -> None:
        await gate.wait()
        await job.save(done=3)

    job_id = await chores.add()
    async with chores.running(work):
        await chores.become(job_id, "running")
        await chores.store.cancel(job_id)
        gate.set()
        row = await chores.become(job_id, "done")
    assert (row["done"], row["reason"]) == (3, None)


async def test_a_service_that_ends_gives_its_jobs_back(chores: Chores) -> None:
    """After a signal the next process begins at once; that is no failure of the job, and it counts no death."""
    gate = Gate()
    job_id = await chores.add()
    for attempt in range(1, MOST_UNEXPECTED + 2):
        async with chores.running(gate.work):
            await chores.become(job_id, "running")
        row = await chores.row(job_id)
        assert (row["state"], row["attempt"], row["unexpected"], row["postponed"]) == ("waiting", attempt, 0, 0)
        assert row["leased_until"] is None


async def test_progress_that_cannot_be_written_is_a_failure_of_that_job(
    chores: Chores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that the database refuses is logged and ends that job's work; the runner and others go on."""
    monkeypatch.setattr(runner, "BEAT_S", 0.05)

    async def work(job: Job) -> None:
        if job["wish"]:
            job.reports(lambda: {"done": 2**40})
        await job.pause(3600.0 if job["wish"] else 0.3)

    job_id, other = await chores.add("too many"), await chores.add()
    with capture_logs() as logs:
        async with chores.running(work):
            row = await waiting_after(chores, job_id, 1)
            await chores.become(other, "done")
    assert row["unexpected"] == 1
    assert "progress cannot be saved" in {line["event"] for line in logs}


async def test_a_job_that_was_lost_may_be_claimed_anew_by_the_same_process(chores: Chores) -> None:
    """The work of a lost attempt may end after that of the next one in this very process: the runner goes on."""
    lost, gate = asyncio.Event(), asyncio.Event()

    async def work(job: Job) -> None:
        if job.attempt == 1:
            await gate.wait()
            lost.set()

    job_id = await chores.add()
    async with chores.running(work):
        await chores.become(job_id, "running")
        await chores.expire(job_id)
        await chores.store.lose(())
        await chores.make_due()
        assert (await chores.become(job_id, "done"))["attempt"] == 2
        gate.set()
        await lost.wait()
        await chores.become(await chores.add(), "done")
        row = await chores.row(job_id)
    assert (row["state"], row["attempt"]) == ("done", 2)


async def test_an_outage_of_the_database_is_waited_out(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims, heartbeats and ends wait while the database is away; nothing is counted against the job."""
    monkeypatch.setattr("shared.retry.WAIT_S", (0.02, 0.05))
    monkeypatch.setattr(runner, "BEAT_S", 0.05)
    for name in ("claim", "beat", "save", "settle", "lose"):
        monkeypatch.setattr(JobStore, name, failing_twice(getattr(JobStore, name)))

    async def work(job: Job) -> None:
        await job.pause(0.5)
        await job.save(done=1)

    job_id = await chores.add()
    async with chores.running(work):
        row = await chores.become(job_id, "done")
    assert (row["done"], row["attempt"], row["postponed"], row["unexpected"]) == (1, 1, 0, 0)


def failing_twice(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """The method, away for the first two calls."""
    calls = 0

    async def called(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise Unavailable("the database does not answer")
        return await method(*args)

    return called


async def test_a_failure_of_the_runner_itself_is_raised(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the runner cannot write how a job ended, it ends with that error and takes its service along."""

    async def refused(*_args: object) -> bool:
        raise ValueError("no such state")

    monkeypatch.setattr(JobStore, "settle", refused)

    async def work(_job: Job) -> None:
        """Nothing to do."""

    await chores.add()
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(20):
            await Runner(chores.pool, TABLE, work, at_once=1).run()
    assert raised.group_contains(ValueError, match="no such state")


async def test_done_rows_may_be_forgotten(chores: Chores) -> None:
    """A table that nobody reads afterwards keeps no row of what is done, and every row of what is not."""
    table = JobTable("chore", forget_done=True)

    async def work(job: Job) -> None:
        if job["wish"] == "refused":
            raise Permanent("no")

    for wish in ("a", "b", "refused"):
        await chores.add(wish)
    task = asyncio.create_task(Runner(chores.pool, table, work, at_once=2).run())

    async def settled() -> bool:
        rows = await chores.pool.fetch("SELECT wish, state FROM chore")
        return [tuple(row) for row in rows] == [("refused", "failed")]

    await until(settled)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_progress_view_shows_the_jobs(chores: Chores) -> None:
    """The contract's view has state, attempt, reason and times of every job, for the reader too."""
    job_id = await chores.add()
    await chores.store.claim(1)
    (row,) = await chores.pool.fetch("SELECT * FROM chore_progress")
    assert (row["job_id"], row["kind"], row["state"], row["attempt"]) == (job_id, "chore", "running", 1)
    comment = await chores.pool.fetchval("SELECT obj_description('ingest.chore_progress'::regclass)")
    assert comment.startswith("Contract: ")
