"""A job in hand: what its row asks for, and what its holder may do with it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from shared.bus.transaction import Connection
from shared.jobs.outcome import Lost, Stopped
from shared.jobs.store import JobStore
from shared.retry import patiently
from shared.tasks import end_tasks, start_task

Columns = Mapping[str, Any]
T = TypeVar("T")


class Job:
    """One claimed job. ``job["column"]`` is what the row held when it was claimed."""

    def __init__(self, store: JobStore, row: asyncpg.Record) -> None:
        self.id: UUID = row[store.table.key]
        self.attempt: int = row["attempt"]
        self.report: Callable[[], Columns] | None = None
        self._store = store
        self._row = row
        self._told = asyncio.Event()
        self._stop: Exception | None = None

    def __getitem__(self, column: str) -> Any:
        return self._row[column]

    def reports(self, columns: Callable[[], Columns]) -> None:
        """Save what this returns, by column, with every heartbeat."""
        self.report = columns

    async def save(self, **columns: Any) -> None:
        """Write columns of the row now; waits while the database is away.

        Raises:
            Lost: the job was taken over or has ended; nothing was written.
        """
        cancelled = await patiently(lambda: self._store.save(self.id, self.attempt, columns))
        if cancelled is None:
            raise self.lost()
        if cancelled:
            self.stop(Stopped())

    async def hold(self, connection: Connection) -> None:
        """Make a transaction count only if the job is still ours when it commits.

        Raises:
            Lost: it is not; the caller's transaction is to be rolled back.
        """
        if not await self._store.holds(connection, self.id, self.attempt):
            raise self.lost()

    def check(self) -> None:
        """Ask whether to go on; to be called wherever the work can end cleanly.

        Raises:
            Stopped: the job was cancelled, or (Lost) is another holder's.
        """
        if self._stop is not None:
            raise self._stop

    async def pause(self, seconds: float) -> None:
        """Sleep, and check: at once when the job is told to stop meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()
        self.check()

    async def until(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Wait for something that may take as long as it likes, but no longer than the job is ours to do.

        Raises:
            Stopped: the job was told to stop meanwhile.
        """
        task = start_task(awaited, name=f"wait of {self._store.table.name} {self.id}", expected=(Exception,))
        told = start_task(self._told.wait(), name=f"end of {self._store.table.name} {self.id}")
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self.check()
            return await task
        finally:
            await end_tasks((task, told))

    def stop(self, why: Exception) -> None:
        """Have the work end: ``check`` raises this from now on. What was told first stays, but a loss outranks it."""
        if self._stop is None or isinstance(why, Lost):
            self._stop = why
        self._told.set()

    def lost(self) -> Lost:
        """Know that the job is not ours any more; the exception to raise."""
        lost = Lost(f"attempt {self.attempt} of {self._store.table.name} {self.id} has ended or was taken over")
        self.stop(lost)
        return lost
