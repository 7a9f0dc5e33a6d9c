"""Members read from a destination by their range of bytes, each given to a thread that makes something of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar, cast

from services.backup.destinations.port import Destination
from services.backup.destinations.threads import in_thread
from services.backup.restore.unpack import Readable
from services.backup.restore.wanted import Copy
from shared.errors import Transient

T = TypeVar("T")
Take = Callable[[Readable, Copy], T]
"""Makes something of a member's stored bytes, in a thread; what it leaves unread is passed over."""
Told = Callable[[int], object]
"""Told of the stored bytes as they come."""


async def fetch(
    destination: Destination, run: Sequence[Copy], take: Take[T], told: Told
) -> AsyncGenerator[tuple[Copy, T], None]:
    """Read a run of members (``wanted.runs``) in one go; for each what ``take`` made of it.

    No byte outside the run is read.

    Raises:
        Gone: the archive is not there.
        Transient: it cannot be read now; those that were not given are still to be fetched.
    """
    pieces = destination.read(run[0].key, run[0].stored_offset, run[-1].stored_end)
    async with aclosing(cast("AsyncGenerator[bytes, None]", pieces)):
        pulled = _Pulled(pieces.__anext__, told)
        for copy in run:
            window = _Window(pulled, copy.stored_bytes)
            yield copy, await in_thread(take, window, copy)
            await in_thread(window.pass_over)


class _Pulled:
    """What an asynchronous iterator gives, as a thread reads it; a task that is cancelled reads no further."""

    def __init__(self, pull: Callable[[], object], told: Told) -> None:
        self._pull = pull
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._owner = asyncio.current_task()
        self._rest = memoryview(b"")

    def read(self, most: int) -> memoryview:
        """At most so many of the next bytes; none at the end."""
        if not self._rest:
            self._rest = memoryview(asyncio.run_coroutine_threadsafe(self._next(), self._loop).result())
        data, self._rest = self._rest[:most], self._rest[most:]
        return data

    async def _next(self) -> bytes:
        if self._owner is not None and self._owner.cancelling():
            raise Transient("the reading was stopped")
        try:
            data = cast("bytes", await self._pull())  # type: ignore[misc]
        except StopAsyncIteration:
            return b""
        self._told(len(data))
        return data


class _Window:
    """The next bytes of what is pulled, up to the end of one member."""

    def __init__(self, pulled: _Pulled, size_bytes: int) -> None:
        self._pulled = pulled
        self._left = size_bytes

    def read(self, size: int, /) -> memoryview:
        """At most so many of the next bytes; none at the end of the member, and where the archive ends before it."""
        data = self._pulled.read(min(size, self._left)) if size and self._left else memoryview(b"")
        self._left -= len(data)
        return data

    def pass_over(self) -> None:
        """Read what is left of the member, and throw it away."""
        while self._left and (data := self._pulled.read(self._left)):
            self._left -= len(data)
