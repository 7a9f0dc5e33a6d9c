"""Jobs that are done again and again, in the background of a service."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.events.base import utc_now
from shared.retry import patiently

LONGEST_SLEEP_S = 60.0
"""Between two looks at the clock, which may be set, or stand still while the machine sleeps."""


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


async def daily(at: time, zone: ZoneInfo, job: Job, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Do a job for ever, once a day at a local time; where the clocks skip that time, when they have."""
    due_at = next_time(at, zone, clock())
    while True:
        while (left_s := (due_at - clock()).total_seconds()) > 0:  # noqa: ASYNC110 - the clock sets no event
            await asyncio.sleep(min(left_s, LONGEST_SLEEP_S))
        done = await patiently(job)
        now = clock()
        due_at = now + timedelta(seconds=done.seconds) if isinstance(done, DueIn) else next_time(at, zone, now)


def next_time(at: time, zone: ZoneInfo, after: datetime) -> datetime:
    """When it is ``at`` in a zone for the first time after a moment (aware); in UTC."""
    day = after.astimezone(zone).date()
    moments = (datetime.combine(day + timedelta(days=days), at, zone).astimezone(UTC) for days in range(3))
    return next(moment for moment in moments if moment > after)
