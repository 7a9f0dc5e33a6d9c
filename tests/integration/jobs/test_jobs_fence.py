"""Killed at every step: a second holder takes over, and whatever the first one writes later changes nothing.

"Killed" means here that a holder stops where it is: it writes nothing more, its lease runs out, and it wakes up late.
"""

import asyncio

import asyncpg
import pytest

from shared.errors import Transient
from shared.jobs import runner
from shared.jobs.job import Job
from shared.jobs.outcome import DIED, LONGEST_PAUSE_S, MOST_UNEXPECTED, Lost, Outcome, Stopped
from shared.jobs.runner import Runner
from tests.integration.jobs.conftest import TABLE, Chores, until

DONE = Outcome("done")


async def claimed(chores: Chores) -> Job:
    """The one job that is due, in hand."""
    (row,) = await chores.store.claim(5)
    return Job(chores.store, row)


async def taken_over(chores: Chores, first: Job) -> Job:
    """The first holder stopped here: its lease runs out, and a second one has the job."""
    await chores.expire(first.id)
    (lost,) = await chores.store.lose(())
    assert (lost["id"], lost["state"], lost["reason"]) == (first.id, "waiting", DIED)
    second = await claimed(chores)
    assert (second.id, second.attempt) == (first.id, first.attempt + 1)
    return second


async def test_a_claim_is_exclusive(chores: Chores) -> None:
    """Of many that claim at once one gets each job, nobody waits for another, and the attempt is number 1."""
    ids = {await chores.add(str(number)) for number in range(20)}
    found = await asyncio.gather(*(chores.store.claim(4) for _ in range(10)))
    rows = [row for part in found for row in part]
    assert sorted(row["job_id"] for row in rows) == sorted(ids)
    assert {(row["state"], row["attempt"]) for row in rows} == {("running", 1)}


async def test_killed_after_the_claim(chores: Chores) -> None:
    """A holder that did nothing yet has lost the job once another claimed it: it may neither save nor settle."""
    await chores.add()
    first = await claimed(chores)
    second = await taken_over(chores, first)
    before = await chores.row(second.id)
    with pytest.raises(Lost):
        await first.save(done=1)
    for outcome in (DONE, Outcome("waiting"), Outcome("failed", "no"), Outcome("dead", "no"), Outcome("cancelled")):
        assert not await chores.store.settle(first.id, first.attempt, outcome)
    assert await chores.row(second.id) == before


async def test_a_clock_that_was_ahead_keeps_no_job(chores: Chores) -> None:
    """A lease and a pause that are longer than any can be are over: the job is claimed again, or cancelled.

    One within what they can be stays as it is.
    """
    ahead = "clock_timestamp() + interval '10 years'"
    running, wanted, waiting = [await chores.add(wish) for wish in ("running", "unwanted", "waiting")]
    await chores.store.claim(2)
    await chores.pool.execute(f"UPDATE chore SET leased_until = {ahead}, started_at = {ahead} WHERE state = 'running'")
    await chores.pool.execute(f"UPDATE chore SET next_try_at = {ahead} WHERE state = 'waiting'")
    assert await chores.store.cancel(wanted) == "running"
    lost = {row["id"]: row["state"] for row in await chores.store.lose(())}
    assert lost == {running: "waiting", wanted: "cancelled"}
    assert {row["job_id"] for row in await chores.store.claim(5)} == {running, waiting}
    pause = Outcome("waiting", "later", postponed=30, pause_s=LONGEST_PAUSE_S)
    attempt = (await chores.row(waiting))["attempt"]
    assert await chores.store.settle(waiting, attempt, pause)
    assert await chores.store.lose(()) == []
    assert await chores.store.claim(5) == []


async def test_killed_between_heartbeats(chores: Chores) -> None:
    """A late heartbeat renews nothing: the second holder's lease is its own, and the first one hears of the loss."""
    await chores.add()
    first = await claimed(chores)
    assert await chores.store.beat([(first.id, first.attempt)]) == {(first.id, first.attempt): False}
    second = await taken_over(chores, first)
    before = await chores.row(second.id)
    assert await chores.store.beat([(first.id, first.attempt)]) == {}
    assert await chores.row(second.id) == before
    assert await chores.store.beat([(second.id, second.attempt)]) == {(second.id, second.attempt): False}


async def test_killed_between_two_saves(chores: Chores) -> None:
    """Progress of a holder that was taken over is not written over that of the second, nor brings a done job back."""
    await chores.add()
    first = await claimed(chores)
    await first.save(done=50)
    second = await taken_over(chores, first)
    await second.save(done=10)
    with pytest.raises(Lost):
        await first.save(done=51)
    assert (await chores.row(second.id))["done"] == 10
    assert await chores.store.settle(second.id, second.attempt, DONE)
    done = await chores.row(second.id)
    with pytest.raises(Lost):
        await first.save(done=52)
    with pytest.raises(Lost):
        await second.save(done=53)
    assert await chores.row(second.id) == done
    assert (done["state"], done["done"], done["leased_until"]) == ("done", 10, None)


async def test_killed_before_the_finish(chores: Chores) -> None:
    """The finish of a holder that was taken over does not end the job of the second."""
    await chores.add()
    first = await claimed(chores)
    second = await taken_over(chores, first)
    assert not await chores.store.settle(first.id, first.attempt, DONE)
    assert (await chores.row(second.id))["state"] == "running"
    assert await chores.store.settle(second.id, second.attempt, DONE)


async def test_killed_after_the_finish(chores: Chores) -> None:
    """A job that is done stays done: no lease of it runs out, and nobody claims it again."""
    await chores.add()
    first = await claimed(chores)
    assert await chores.store.settle(first.id, first.attempt, DONE)
    assert await chores.store.lose(()) == []
    assert await chores.store.claim(5) == []
    assert (await chores.row(first.id))["state"] == "done"


async def test_killed_in_a_transaction_of_its_own(chores: Chores) -> None:
    """What a holder writes elsewhere counts only while the job is its own, and nobody takes it over in between."""
    await chores.add()
    first = await claimed(chores)
    second = await taken_over(chores, first)
    async with chores.pool.acquire() as connection:
        with pytest.raises(Lost):
            async with connection.transaction():
                await connection.execute("INSERT INTO chore (wish) VALUES ('written by the first')")
                await first.hold(connection)
    assert not await chores.pool.fetchval("SELECT count(*) FROM chore WHERE wish = 'written by the first'")
    async with chores.pool.acquire() as connection, connection.transaction():
        await second.hold(connection)
        await chores.pool.execute("SELECT FROM chore WHERE job_id = $1 FOR SHARE NOWAIT", second.id)
        with pytest.raises(asyncpg.LockNotAvailableError):  # whoever would take it over has to wait for us
            await chores.pool.execute("SELECT FROM chore WHERE job_id = $1 FOR UPDATE NOWAIT", second.id)


async def test_three_deaths_make_a_job_dead(chores: Chores) -> None:
    """A job whose holder dies each time is given up after the third, with a reason; others go on."""
    poison, other = await chores.add("poison"), await chores.add("other")
    for turn in range(1, MOST_UNEXPECTED + 1):
        await chores.make_due()
        rows = {row["job_id"]: row for row in await chores.store.claim(5)}
        assert rows[poison]["attempt"] == turn
        if other in rows:
            assert await chores.store.settle(other, rows[other]["attempt"], DONE)
        await chores.expire(poison)
        await chores.store.lose(())
    dead = await chores.row(poison)
    assert (dead["state"], dead["reason"]) == ("dead", f"{DIED} (3 times in a row)")
    assert dead["finished_at"] is not None
    await chores.make_due()
    assert await chores.store.claim(5) == []
    assert (await chores.row(other))["state"] == "done"


async def test_deaths_after_long_work_are_no_poison(chores: Chores) -> None:
    """An import of days that is cut off now and then goes on for ever: each long attempt clears the count."""
    job_id = await chores.add(unexpected=MOST_UNEXPECTED - 1)
    first = await claimed(chores)
    await chores.pool.execute(
        "UPDATE chore SET started_at = started_at - interval '1 day', leased_until = clock_timestamp()"
    )
    await until(lambda: lost_one(chores))
    row = await chores.row(job_id)
    assert (row["state"], row["unexpected"], row["attempt"]) == ("waiting", 1, first.attempt)


async def lost_one(chores: Chores) -> bool:
    """Whether a lease has run out."""
    return len(await chores.store.lose(())) == 1


async def test_our_own_jobs_are_not_lost_to_ourselves(chores: Chores) -> None:
    """After an outage of the database every lease has run out: whoever still works goes on, and keeps the attempt."""
    await chores.add()
    first = await claimed(chores)
    await chores.expire(first.id)
    assert await chores.store.lose({first.id}) == []
    assert await chores.store.beat([(first.id, first.attempt)]) == {(first.id, first.attempt): False}
    await first.save(done=1)
    assert await chores.store.lose(()) == []


async def test_a_holder_that_wakes_up_late_stops(chores: Chores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes: the first hangs beyond its lease, the second does the job, and the first ends without effect."""
    monkeypatch.setattr(runner, "BEAT_S", 3600.0)  # a process that hangs beats no more
    hang, seen = asyncio.Event(), list[str]()

    async def hanging(job: Job) -> None:
        await hang.wait()
        seen.append("woke up")
        await job.save(note="first")
        seen.append("went on")

    async def working(job: Job) -> None:
        await job.save(note=f"attempt {job.attempt}")

    job_id = await chores.add()
    first = Runner(chores.pool, TABLE, hanging, at_once=1)
    held = asyncio.create_task(first.run())
    await chores.become(job_id, "running")
    await chores.expire(job_id)
    async with chores.running(working):
        row = await chores.become(job_id, "done")
    assert (row["attempt"], row["note"]) == (2, "attempt 2")
    hang.set()

    async def has_woken() -> bool:
        return seen == ["woke up"]

    await until(has_woken)
    assert not held.done(), "whoever lost a job goes on with others"
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    assert seen == ["woke up"]
    assert await chores.row(job_id) == row


async def test_a_wish_to_cancel_outlives_the_holder(chores: Chores) -> None:
    """A job that was to be cancelled when its process died is cancelled, and not done by the next one."""
    job_id = await chores.add()
    first = await claimed(chores)
    assert await chores.store.cancel(job_id) == "running"
    assert await chores.store.beat([(first.id, first.attempt)]) == {(first.id, first.attempt): True}
    await chores.expire(job_id)
    (row,) = await chores.store.lose(())
    assert row["state"] == "cancelled"
    again = await chores.add()
    second = await claimed(chores)
    await chores.store.cancel(again)
    assert await chores.store.settle(second.id, second.attempt, Outcome("waiting", "busy", 1, 0, 10.0))
    assert (await chores.row(again))["state"] == "cancelled"
    with pytest.raises(Stopped):
        second.stop(Stopped())
        second.check()


async def test_a_transient_failure_of_a_taken_over_job_changes_nothing(chores: Chores) -> None:
    """A late failure neither postpones the second holder's work nor counts against it."""
    await chores.add()
    first = await claimed(chores)
    second = await taken_over(chores, first)
    before = await chores.row(second.id)
    outcome = Outcome("waiting", str(Transient("late")), 9, 2, 3600.0)
    assert not await chores.store.settle(first.id, first.attempt, outcome)
    assert await chores.row(second.id) == before
