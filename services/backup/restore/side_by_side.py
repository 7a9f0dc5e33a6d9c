"""Work that is done several at a time."""

import asyncio
from collections.abc import Coroutine, Iterable

AT_ONCE = 4


async def all_done(work: Iterable[Coroutine[object, object, None]]) -> None:
    """Do all of it, some side by side; the first error ends it."""
    waiting = iter(work)

    async def worker() -> None:
        for one in waiting:
            await one

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
