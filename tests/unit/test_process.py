"""Several services in one process: they end together, and each logs under its own name."""

import asyncio
import os
import signal

import pytest
from structlog.contextvars import get_contextvars

from shared.errors import UserError
from shared.exits import EX_TEMPFAIL
from shared.health import Health
from shared.process import Process, run_services
from shared.settings import Settings
from shared.waits import Waits


async def until_told(_settings: Settings, process: Process) -> int:
    """A service that runs until its process stops."""
    for name, health in process.health.items():
        process.health[name] = health or Health({}, Waits(name))
    await process.stopping.wait()
    return 0


async def test_a_service_that_still_waits_for_its_servers_ends_at_once() -> None:
    """A signal ends also what never became ready: with code 0, and without waiting for a server that is away."""

    async def waits(_settings: Settings, _process: Process) -> int:
        await asyncio.sleep(3600)
        return 1

    running = asyncio.create_task(run_services({"waits": waits}, Settings()))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 10) == 0


async def test_a_signal_ends_all() -> None:
    """SIGTERM is taken once, for all services of the process; the exit code is 0."""
    running = asyncio.create_task(run_services({"one": until_told, "other": until_told}, Settings()))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 10) == 0


async def test_a_service_that_ends_takes_the_others_with_it() -> None:
    """One that wants to be started again ends the process with its code; the others end in order."""
    ended: list[str] = []

    async def patient(settings: Settings, process: Process) -> int:
        code = await until_told(settings, process)
        ended.append("patient")
        return code

    async def failing(_settings: Settings, _process: Process) -> int:
        return EX_TEMPFAIL

    assert await run_services({"patient": patient, "failing": failing}, Settings()) == EX_TEMPFAIL
    assert ended == ["patient"]


async def test_settings_that_one_cannot_run_with_are_said() -> None:
    """The sentence of the one that cannot run reaches whoever started the process, after the others have ended."""

    async def refuses(_settings: Settings, _process: Process) -> int:
        raise UserError("api.dead_letter_dir cannot be used")

    with pytest.raises(UserError, match="dead_letter_dir"):
        await run_services({"patient": until_told, "refuses": refuses}, Settings())


async def test_each_service_logs_under_its_own_name() -> None:
    """What a service and its tasks log carries its name, whichever others share the process."""
    names: dict[str, object] = {}

    def naming(name: str) -> object:
        async def run(_settings: Settings, _process: Process) -> int:
            await asyncio.create_task(_remember(name))
            return 0

        async def _remember(key: str) -> None:
            names[key] = get_contextvars()["service"]

        return run

    await run_services({name: naming(name) for name in ("one", "other")}, Settings())  # type: ignore[misc]
    assert names == {"one": "one", "other": "other"}
