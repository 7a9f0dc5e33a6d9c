"""Keeping a child running: started again when it ends, ended when it is alive and does nothing.

A server that hangs (stopped by a signal, stuck in the kernel) or that answers that it cannot go on looks like one that
runs. So it is asked every few seconds; after several bad answers in a row it is killed, which all of them survive, and
started again like any other that ended.
"""

import asyncio
import time
from typing import Protocol

from services.standalone.room import Room
from shared.errors import NightbusError
from shared.logging import get_logger
from shared.tasks import beside, restarted

log = get_logger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STABLE_AFTER_S = 60.0
LOOK_EVERY_S = 5.0
BAD_LOOKS = 6
"""So many in a row are enough: half a minute for a bad answer, a minute for none."""


class Child(Protocol):
    """Anything that is kept running."""

    async def start(self) -> None:
        """Start it; returns when it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end."""
        ...

    async def ailment(self) -> str | None:
        """What is wrong with it, as the end of a sentence that begins with its name; None when it works."""
        ...

    async def kill(self) -> None:
        """End it at once."""
        ...


async def keep(name: str, child: Child, room: Room) -> None:
    """Keep a child running, for ever."""
    pause_s = FIRST_PAUSE_S
    while True:
        started = time.monotonic()
        async with beside(restarted(lambda: _watch(name, child, room), name=f"watch over {name}"), name=name):
            code = await child.wait()
        if time.monotonic() - started > STABLE_AFTER_S:
            pause_s = FIRST_PAUSE_S
        log.warning("ended, will be started again", name=name, exit_code=code, pause_s=pause_s)
        reason = None
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            try:
                await child.start()
            except (NightbusError, OSError) as error:
                # A server whose start failed is stopped again, so there is nothing to wait for: it is tried anew.
                say = log.debug if str(error) == reason else log.error
                reason = str(error)
                say("did not start, will be tried again", name=name, reason=reason, pause_s=pause_s)
            else:
                break


async def _watch(name: str, child: Child, room: Room) -> None:
    """Kill the child once it was found ailing several times in a row; returns then.

    On a full disk a server may be unable to go on, and could not start either: it is left until there is room.
    """
    bad = 0
    while bad < BAD_LOOKS:
        await asyncio.sleep(LOOK_EVERY_S)
        ailment = await child.ailment()
        bad = bad + 1 if ailment and not room.is_full() else 0
    log.error("is ended to be started again", name=name, reason=f"{name} {ailment}")
    await child.kill()
