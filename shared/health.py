"""The pages /livez, /readyz and /metrics of a process and the services in it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.metrics import READY
from shared.settings import HealthSettings
from shared.tasks import start_task

if TYPE_CHECKING:
    from shared.process import Health, Process

Check = Callable[[], Awaitable[None]]
"""Raises when something that the service needs does not answer; its message names it."""
CHECK_TIMEOUT_S = 2.0


async def failures(checks: Mapping[str, Check]) -> list[str]:
    """Run every check; what fails, one sentence each."""

    async def failure(name: str, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever fails is what is reported
            return f"{name}: {str(error) or 'does not answer'}"
        return None

    found = await asyncio.gather(*(failure(name, check) for name, check in checks.items()))
    return [sentence for sentence in found if sentence is not None]


def health_app(process: "Process") -> Starlette:
    """The ASGI application: /livez says the loop runs, /readyz runs every check, /metrics is for Prometheus.

    A service that waits for something is ready all the same: it does what can be done. /readyz names what it waits for;
    where several services share the process, each line names its own.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        states = await asyncio.gather(*(_state(name, health) for name, health in process.health.items()))
        lines = [
            line if len(states) == 1 else f"{name}: {line}"
            for name, (_, said) in zip(process.health, states, strict=True)
            for line in said
        ]
        return PlainTextResponse("\n".join(lines) + "\n", status_code=200 if all(ok for ok, _ in states) else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def _state(name: str, health: "Health | None") -> tuple[bool, list[str]]:
    """Whether a service is ready, and what it says, a line each."""
    if health is None:
        READY.labels(name).set(0)
        return False, ["waits for its servers"]
    failed = await failures(health.checks)
    READY.labels(name).set(0 if failed else 1)
    lines = [f"waits for {wait.what}: {wait.reason}" for wait in health.waits.now()]
    return not failed, [*(failed or ["ok"]), *lines]


@contextlib.asynccontextmanager
async def health_pages(settings: HealthSettings, process: "Process") -> AsyncIterator[None]:
    """Serve the pages while the context lasts; nothing is served when the port is 0."""
    if settings.port == 0:
        yield
        return
    config = uvicorn.Config(
        health_app(process), host=settings.host, port=settings.port, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign,unused-ignore]
    task = start_task(server._serve(), name="health pages")  # noqa: SLF001 - serve() would take the signals
    try:
        yield
    finally:
        server.should_exit = True
        await task
