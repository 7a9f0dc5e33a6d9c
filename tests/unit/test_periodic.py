"""Jobs that are done again and again, by intervals."""

import asyncio

import pytest

from shared import retry
from shared.errors import Unavailable
from shared.periodic import DueIn, every


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
