"""The pages /livez, /readyz and /metrics of a process and the services in it.

They are given each service's health by its name: None until it consumes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.metrics import READY
from shared.settings import HealthSettings
from shared.tasks import start_task
from shared.waits import Waits

Check = Callable[[], Awaitable[None]]
"""Raises when something that the service needs does not answer; its message names it."""
CHECK_TIMEOUT_S = 2.0
MOST_CONNECTIONS = 64
"""Who watches a service has one or two. The oldest one gives way to one more, so that a crowd shuts nobody out."""
ASK_WITHIN_S = 10.0
"""A connection that has asked nothing for so long is closed."""


@dataclass(frozen=True, slots=True)
class Health:
    """What the health pages ask one service."""

    checks: Mapping[str, Check]
    waits: Waits


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


def health_app(services: Mapping[str, Health | None]) -> Starlette:
    """The ASGI application: /livez says the loop runs, /readyz and /metrics (for Prometheus) run every check.

    A service that waits for something is ready all the same: it does what can be done. /readyz names what it waits for;
    where several services share the process, each line names its own.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        states = await asyncio.gather(*(_state(name, health) for name, health in services.items()))
        lines = [
            line if len(states) == 1 else f"{name}: {line}"
            for name, (_, said) in zip(services, states, strict=True)
            for line in said
        ]
        return PlainTextResponse("\n".join(lines) + "\n", status_code=200 if all(ok for ok, _ in states) else 503)

    async def metrics(_request: Request) -> Response:
        await asyncio.gather(*(_state(name, health) for name, health in services.items()))  # whether they are ready now
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def _state(name: str, health: Health | None) -> tuple[bool, list[str]]:
    """Whether a service is ready, and what it says, a line each."""
    if health is None:
        READY.labels(name).set(0)
        return False, ["waits for its servers"]
    failed = await failures(health.checks)
    READY.labels(name).set(0 if failed else 1)
    lines = [f"waits for {wait.what}: {wait.reason}" for wait in health.waits.now()]
    return not failed, [*(failed or ["ok"]), *lines]


class _Visitor(H11Protocol):
    """A connection to the pages. Descriptors are shared with all that the process does: few are open, and none idle."""

    opened_at = 0.0
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        others = [other for other in self.connections if isinstance(other, _Visitor)]
        if len(others) >= MOST_CONNECTIONS:
            min(others, key=lambda other: other.opened_at).leave()
        self.opened_at = self.loop.time()
        self._look = self.loop.call_later(ASK_WITHIN_S, self._end_if_idle)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close it at once, whatever it waits for."""
        self.connections.discard(self)  # before the loop comes to say so: others may come in the meantime
        self.transport.abort()

    def _end_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.leave()
        else:
            self._look = self.loop.call_later(ASK_WITHIN_S, self._end_if_idle)


@contextlib.asynccontextmanager
async def health_pages(settings: HealthSettings, services: Mapping[str, Health | None]) -> AsyncIterator[None]:
    """Serve the pages while the context lasts; nothing is served when the port is 0."""
    if settings.port == 0:
        yield
        return
    config = uvicorn.Config(
        health_app(services), host=settings.host, port=settings.port, log_level="warning", lifespan="off",
        http=_Visitor, backlog=MOST_CONNECTIONS,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign,unused-ignore]
    task = start_task(server._serve(), name="health pages")  # noqa: SLF001 - serve() would take the signals
    try:
        yield
    finally:
        server.should_exit = True
        await task
