"""Child tasks: whatever ends one is heard, and ends its parent or has it begin anew."""

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from shared import tasks as child_tasks
from shared.errors import Unavailable
from shared.tasks import beside, end_tasks, restarted, start_task


class Foreign(BaseException):
    """What libraries in other languages raise, such as a panic in Rust."""


async def fail(error: BaseException) -> None:
    """End with an error, after the event loop had a turn."""
    await asyncio.sleep(0)
    raise error


async def await_what_was_cancelled() -> None:
    """Wait for a future that somebody else has cancelled."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


FAILURES: dict[str, Callable[[], Awaitable[None]]] = {
    "an exception": lambda: fail(ValueError("it broke")),
    "a group of them": lambda: fail(ExceptionGroup("inner", [ValueError("it broke")])),
    "a foreign panic": lambda: fail(BaseExceptionGroup("outer", [Foreign("it broke")])),
    "a cancelled future": await_what_was_cancelled,
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failed_task_is_heard_and_ends_its_parent(failure: str) -> None:
    """However a task fails, the log has its name and reason at that moment, and its parent is told once."""

    async def work() -> None:
        await FAILURES[failure]()

    ended: list[bool] = []
    with capture_logs() as logs:
        task = start_task(work(), name="worker", on_failure=lambda: ended.append(True))
        await asyncio.wait([task])
    (line,) = logs
    assert (line["event"], line["task"], line["log_level"]) == ("a task failed", "worker", "error")
    assert line["reason"] in {"it broke", "what it waited for was cancelled"}
    assert ended == [True]


async def test_what_was_expected_is_not_logged_but_still_raised() -> None:
    """An error that whoever awaits the task deals with makes no line; it is raised where the task is awaited."""
    with capture_logs() as logs:
        task = start_task(fail(Unavailable("away")), name="worker", expected=(Unavailable,))
        with pytest.raises(Unavailable, match="away"):
            await task
    assert logs == []


async def test_cancelled_and_finished_tasks_are_no_failures() -> None:
    """Ending tasks waits for their end; a cancelled one and one that is done make no line and end no parent."""
    ended: list[str] = []

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    with capture_logs() as logs:
        tasks = [
            start_task(lasting(), name="lasting", on_failure=lambda: ended.append("parent")),
            start_task(asyncio.sleep(0), name="short", on_failure=lambda: ended.append("parent")),
        ]
        await asyncio.sleep(0)
        await end_tasks(tasks)
        await end_tasks([])
    assert (logs, ended) == ([], ["cleaned up"])
    assert all(task.done() for task in tasks)


async def test_a_forgotten_cancellation_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task whose library loses a cancellation, as asyncio.wait_for of Python 3.11 does, ends all the same."""
    monkeypatch.setattr(child_tasks, "CANCEL_AGAIN_S", 0.01)
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def forgetting() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await answer
        await asyncio.Event().wait()

    task = start_task(forgetting(), name="forgetting")
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end_tasks([task])
    assert task.cancelled()


async def test_a_task_that_nobody_holds_goes_on() -> None:
    """A task is kept until its end, though its caller keeps no reference to it."""
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(0)
        done.set()

    start_task(work(), name="worker")
    gc.collect()
    await asyncio.wait_for(done.wait(), 10)


@pytest.mark.parametrize("failure", FAILURES)
async def test_failed_work_begins_anew(failure: str) -> None:
    """However work fails, that is said with the pause, which doubles up to its limit, and the work is done again."""
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            await FAILURES[failure]()

    with capture_logs() as logs:
        await restarted(work, name="worker", pauses_s=(0.001, 0.004))
    assert tries == 5
    assert [line["pause_s"] for line in logs] == [0.001, 0.002, 0.004, 0.004]
    assert {line["event"] for line in logs} == {"a task failed and begins anew"}


async def test_cancelling_ends_restarted_work_whatever_it_raises() -> None:
    """Work that is cancelled does not begin anew, not even where its clean-up fails."""

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("in clean-up")

    with capture_logs() as logs:
        task = start_task(restarted(work, name="worker"), name="worker")
        await asyncio.sleep(0)
        await end_tasks([task])
    assert isinstance(task.exception(), ValueError)
    assert [line["event"] for line in logs] == ["a task failed"]


async def test_a_failing_child_ends_its_block() -> None:
    """A block is cancelled when the task beside it fails, and the failure is raised as it is, not in a group."""
    with pytest.raises(Unavailable, match="away"):
        async with beside(fail(Unavailable("away")), name="child", expected=(Unavailable,)):
            await asyncio.Event().wait()


async def test_the_end_of_a_block_ends_its_child() -> None:
    """At the end of its block a task is cancelled and waited for; the block's own error is raised as it is."""
    ended: list[str] = []

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("child")

    async with beside(lasting(), name="child"):
        await asyncio.sleep(0)
    assert ended == ["child"]
    error = Unavailable("the block's")
    with pytest.raises(Unavailable) as raised:
        async with beside(lasting(), name="child"):
            await asyncio.sleep(0)
            raise error
    assert raised.value is error
    assert ended == ["child", "child"]


async def test_a_child_that_is_done_leaves_its_block_alone() -> None:
    """A block goes on when the task beside it simply ends."""
    async with beside(asyncio.sleep(0, "answer"), name="child") as child:
        assert await child == "answer"
        await asyncio.sleep(0)


async def test_cancelling_a_block_ends_both() -> None:
    """Whoever cancels the parent ends the block and the task beside it, and no error is made of that."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def lasting() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def parent() -> None:
        async with beside(lasting(), name="child"):
            await asyncio.Event().wait()

    with capture_logs() as logs:
        task = start_task(parent(), name="parent")
        await began.wait()
        await end_tasks([task])
    assert task.cancelled()
    assert ended.is_set()
    assert logs == []
