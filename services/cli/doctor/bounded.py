"""Looks that end in time, whatever they look at."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from services.cli.doctor.finding import Finding, wrong
from shared.errors import Away, NightbusError

LOOK_S = 10.0
"""Longest that one look may take."""
FOLDER_S = 5.0
"""Longest that a folder may take to answer."""
LEAVE_S = 1.0
"""How long threads that have answered may take to end."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """Whether work came to its end in time, and whether something of it still hangs, which nobody may wait for."""

    in_time: bool
    hangs: bool


def in_a_thread(work: Callable[[], Coroutine[object, object, object]], limit_s: float) -> Ended:
    """Run asynchronous work beside this thread, so that not even a call that blocks it for ever keeps us waiting.

    What it raises is raised.
    """
    done = threading.Event()
    raised: list[BaseException] = []

    async def until_done() -> None:
        try:
            await work()
        finally:
            done.set()  # what follows waits for the threads of the loop, one of which may hang

    def run() -> None:
        try:
            asyncio.run(until_done())
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever waits
            raised.append(error)
            done.set()

    thread = threading.Thread(target=run, name="all looks of the doctor", daemon=True)
    thread.start()
    in_time = done.wait(limit_s)
    thread.join(LEAVE_S if in_time else 0.0)
    if raised:
        raise raised[0]
    return Ended(in_time, thread.is_alive())


async def look(about: str, work: Awaitable[list[Finding]], limit_s: float = LOOK_S) -> list[Finding]:
    """What a look found; that it failed, or took too long, is a finding as well."""
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError:
        return [wrong(about, f"does not answer within {limit_s:.0f} s")]
    except (NightbusError, OSError) as error:
        return [wrong(about, error)]
    except Exception as error:  # noqa: BLE001 - whatever fails is what is reported, and the others are looked at all the same
        return [wrong(about, f"could not be looked at: {error!r}", "tell us of it: this is a mistake in Nightbus")]


async def of_folder(call: Callable[[], T], limit_s: float = FOLDER_S) -> T:
    """What a call says that may hang on a disk or share.

    It runs in a thread that nobody waits for, not even the end of the program.

    Raises:
        Away: there is no answer in time. What the call raises is raised.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever waits
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="a look of the doctor", daemon=True).start()
    done, _ = await asyncio.wait({answer}, timeout=limit_s)
    if not done:
        answer.cancel()
        raise Away(f"does not answer within {limit_s:.0f} s: a share whose server is off, or a disk that fails")
    return answer.result()
