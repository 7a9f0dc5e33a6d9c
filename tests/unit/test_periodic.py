"""Jobs that are done again and again, by intervals and by the local clock."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared import periodic, retry
from shared.errors import Unavailable
from shared.periodic import DueIn, daily, every, next_time

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("after", "at", "due"),
    [
        (datetime(2026, 7, 1, 5, 59, tzinfo=UTC), time(8), datetime(2026, 7, 1, 6, tzinfo=UTC)),
        (datetime(2026, 7, 1, 6, 0, tzinfo=UTC), time(8), datetime(2026, 7, 2, 6, tzinfo=UTC)),
        (datetime(2026, 12, 1, 12, tzinfo=UTC), time(8), datetime(2026, 12, 2, 7, tzinfo=UTC)),
        # The night in which clocks skip from 2 to 3: half past two is when it would have been.
        (datetime(2026, 3, 28, 22, tzinfo=UTC), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # The night in which the hour from 2 to 3 comes twice: once is enough.
        (datetime(2026, 10, 24, 22, tzinfo=UTC), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), time(2, 30), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_local_time_comes_once_a_day(after: datetime, at: time, due: datetime) -> None:
    """The site's clock decides, also in the nights in which it changes."""
    assert next_time(at, BERLIN, after) == due


async def test_a_job_is_done_again_after_its_interval_or_when_it_says() -> None:
    """A job with its hands full is done again at once; other results change nothing."""
    done: list[float] = []
    loop = asyncio.get_running_loop()
    answers = iter([DueIn(0.0), DueIn(0.0), 5, None])

    async def job() -> object:
        done.append(loop.time())
        return next(answers)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.75):
            await every(0.5, job)
    assert len(done) == 4
    assert done[2] - done[0] < 0.2
    assert done[3] - done[2] >= 0.5


async def test_an_outage_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a dependency is away the job is tried again, sooner than its interval."""
    monkeypatch.setattr(retry, "WAIT_S", (0.01, 0.02))
    tries = 0

    async def job() -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise Unavailable("the database does not answer")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await every(3600.0, job)
    assert tries == 5


async def test_a_clock_that_is_set_moves_a_daily_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is looked at again and again: a job is due by what it says now, and once each day."""
    monkeypatch.setattr(periodic, "LONGEST_SLEEP_S", 0.01)
    now = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    done: list[datetime] = []

    def clock() -> datetime:
        nonlocal now
        now += timedelta(hours=5)
        return now

    async def job() -> None:
        done.append(now)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await daily(time(8), BERLIN, job, clock=clock)
    days = [moment.astimezone(BERLIN).date() for moment in done]
    assert len(days) > 2
    assert len(set(days)) == len(days)
    assert all(moment.astimezone(BERLIN).time() >= time(8) for moment in done)
