"""Jobs that are done again and again, in the background of a service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.retry import patiently


@dataclass(frozen=True, slots=True)
class DueIn:
    """What a job returns that is due again at another time than usual: 0.0 when it had its hands full."""

    seconds: float


Job = Callable[[], Awaitable[object]]
"""Done once; what it returns counts only where it is a ``DueIn``."""


async def every(interval_s: float, job: Job, *, first_after_s: float = 0.0) -> None:
    """Do a job for ever, ``interval_s`` after it was done; while a dependency is away it waits."""
    await asyncio.sleep(first_after_s)
    while True:
        done = await patiently(job)
        await asyncio.sleep(done.seconds if isinstance(done, DueIn) else interval_s)
