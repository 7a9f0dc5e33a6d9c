"""Blocking work in threads, none of which goes on unseen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import ParamSpec, TypeVar

from shared.errors import NightbusError
from shared.tasks import start_task

T = TypeVar("T")
P = ParamSpec("P")
_PAGE = 500


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work to its end, also where the caller is cancelled meanwhile: then it is cancelled after that.

    A thread cannot be ended, and one that went on writing would get in the way of whoever tries again.
    """
    task = start_task(
        asyncio.to_thread(partial(work, *args, **kwargs)), name="work on a disk", expected=(NightbusError,)
    )
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # it is raised below, whoever else asks meanwhile
                await asyncio.wait({task})
        raise


async def from_thread(items: Iterator[T]) -> AsyncIterator[T]:
    """What a blocking iterator gives, taken from it in threads, page by page."""
    while page := await in_thread(lambda: list(islice(items, _PAGE))):
        for item in page:
            yield item
