"""Looks that end in time, whatever they look at."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.cli.doctor.finding import Finding, wrong
from shared.errors import Away, NightbusError

LOOK_S = 10.0
"""Longest that one look may take."""
FOLDER_S = 5.0
"""Longest that a folder may take to answer."""
T = TypeVar("T")


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
