"""One process with the services that run in it: its signals, its health pages, and its end.

Each service logs under its own name. A service that ends takes the process with it, which whoever started it starts
again: the others lose nothing by it, as by any kill.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping

import structlog

from shared.descriptors import raise_limit
from shared.errors import UserError
from shared.health import Health, health_pages
from shared.logging import get_logger
from shared.settings import Settings
from shared.tasks import end_tasks, start_task

log = get_logger(__name__)


class Process:
    """What the services of one process share.

    ``health`` is each service's once it consumes, None before; ``stopping`` is set when all are to end.
    """

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.health: dict[str, Health | None] = dict.fromkeys(names)
        self.stopping = asyncio.Event()


Run = Callable[[Settings, Process], Awaitable[int]]
"""A service's ``run``: returns its exit code."""


async def run_services(services: Mapping[str, Run], settings: Settings) -> int:
    """Run services side by side until a signal, or until one of them ends; returns the process's exit code.

    Raises:
        UserError: one of them cannot run as the settings are; the others have ended then.
    """
    raise_limit()
    process = Process(tuple(services))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stopping.set)
    try:
        async with health_pages(settings.health, process.health):
            return await _run(services, settings, process)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _run(services: Mapping[str, Run], settings: Settings, process: Process) -> int:
    tasks = {
        name: start_task(_one(name, run, settings, process), name=name, expected=(UserError,))
        for name, run in services.items()
    }
    stop = start_task(process.stopping.wait(), name="wait for a signal")
    await asyncio.wait({*tasks.values(), stop}, return_when=asyncio.FIRST_COMPLETED)
    process.stopping.set()
    waiting = [task for name, task in tasks.items() if process.health[name] is None]
    await end_tasks(waiting)  # they wait for servers and hear of no end
    await asyncio.wait(tasks.values())
    return max(0 if task.cancelled() else task.result() for task in tasks.values())


async def _one(name: str, run: Run, settings: Settings, process: Process) -> int:
    structlog.contextvars.bind_contextvars(service=name)
    return await run(settings, process)
