"""Questions to folders that may never answer: a share that hangs keeps one thread waiting, and nobody who asks."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.errors import Away
from shared.tasks import start_task

SILENT_AFTER_S = 10.0
"""A folder that has not answered by then counts as away."""
T = TypeVar("T")


class Questions(Generic[T]):
    """Asks one thing of folders, each by its name; one that does not answer is not asked again meanwhile."""

    def __init__(self, what: str) -> None:
        """``what`` is how the tasks of the question are called."""
        self._what = what
        self._open: dict[str, asyncio.Task[T]] = {}

    async def ask(self, name: str, call: Callable[[], T]) -> T:
        """What ``call`` says in a thread, or said late to an earlier question; what it raises is raised.

        Raises:
            Away: there is no answer yet.
        """
        task = self._open.get(name)
        if task is None:
            task = self._open[name] = start_task(
                asyncio.to_thread(call), name=f"{self._what} {name}", expected=(OSError,)
            )
        done, _ = await asyncio.wait({task}, timeout=SILENT_AFTER_S)
        if not done:
            raise Away(f"{name} does not answer")
        del self._open[name]
        return task.result()
