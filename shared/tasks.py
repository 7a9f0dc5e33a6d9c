"""Child tasks, started in one way: none of them dies unheard.

asyncio says nothing of a failed task until somebody awaits it or the garbage collector comes by. Here each failure is
logged the moment it happens, and then it ends the parent (``beside``, ``on_failure``) or the work begins anew after a
pause that grows (``restarted``). Failures are all that a task can end with but its own cancellation: libraries in other
languages raise BaseException, and a future that somebody else cancelled ends whoever awaits it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from shared.logging import get_logger

log = get_logger(__name__)

PAUSES_S = (1.0, 60.0)
"""First and longest pause before failed work begins anew. Work that lasted longer than the longest starts over."""

CANCEL_AGAIN_S = 5.0
"""Longer than any clean-up of ours, and well within the time that a service has for its end."""

T = TypeVar("T")
_NO_FAILURES = (GeneratorExit, KeyboardInterrupt, SystemExit)
_running: set[asyncio.Task[Any]] = set()
"""The event loop keeps weak references only: a task that nobody holds could vanish halfway."""


def start_task(
    coroutine: Coroutine[Any, Any, T],
    *,
    name: str,
    expected: tuple[type[BaseException], ...] = (),
    on_failure: Callable[[], None] | None = None,
) -> asyncio.Task[T]:
    """Start a task whose failure is logged when it happens, with its traceback, and raised to whoever awaits it.

    Args:
        coroutine: what it does.
        name: how logs call it.
        expected: errors that whoever awaits the task deals with; they are not logged here.
        on_failure: called after the failure was logged, to end the parent.
    """
    task = asyncio.create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(partial(_hear, expected, on_failure))
    return task


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks of ``start_task`` and wait for their end. One that fails instead has said so itself.

    One that goes on is cancelled again: before Python 3.12 ``asyncio.wait_for``, which nats-py uses, forgets a
    cancellation that comes in the moment of the answer.
    """
    ending = set(tasks)
    while ending:
        for task in ending:
            task.cancel()
        _, ending = await asyncio.wait(ending, timeout=CANCEL_AGAIN_S)


@asynccontextmanager
async def beside(
    coroutine: Coroutine[Any, Any, T], *, name: str, expected: tuple[type[BaseException], ...] = ()
) -> AsyncIterator[asyncio.Task[T]]:
    """Run a task for as long as the block lasts; a failure of either ends the other and is raised as it is.

    A task that simply ends leaves the block alone. Give it ``restarted`` work where the block should outlive failures.
    """
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(coroutine, name=name)
            task.add_done_callback(partial(_hear, expected, None))
            yield task
            task.cancel()
    except BaseExceptionGroup as failures:
        failure = failures.exceptions[-1]  # the block's own where both failed: the task's was logged
    if failure is not None:
        raise failure


async def restarted(
    work: Callable[[], Awaitable[object]], *, name: str, pauses_s: tuple[float, float] = PAUSES_S
) -> None:
    """Do ``work`` until it returns: whenever it fails, log that and begin anew after a growing pause."""
    first_s, longest_s = pauses_s
    pause_s = first_s
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
        except _NO_FAILURES:
            raise
        except BaseException as error:
            if _is_being_cancelled():
                raise
            if loop.time() - began > longest_s:
                pause_s = first_s
            log.error(
                "a task failed and begins anew", task=name, reason=_reason(error), pause_s=pause_s, exc_info=error
            )
        else:
            return
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)


def _hear(
    expected: tuple[type[BaseException], ...], on_failure: Callable[[], None] | None, task: asyncio.Task[Any]
) -> None:
    _running.discard(task)
    if task.cancelled():
        if task.cancelling():
            return
        error: BaseException | None = asyncio.CancelledError("what it waited for was cancelled")
    else:
        error = task.exception()
    if error is None:
        return
    if not isinstance(error, expected):
        log.error("a task failed", task=task.get_name(), reason=_reason(error), exc_info=error)
    if on_failure is not None:
        on_failure()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return str(error) or type(error).__name__
