"""The frame that every service runs in: broker, background tasks, watchdog, health pages, signals.

A service's ``app.py`` opens what it needs, registers handlers on ``broker`` and hands background tasks over; then
``run`` starts consuming and returns an exit code: 0 after SIGTERM or SIGINT, 75 (try again) when only a restart helps.
"""

import asyncio
import os
from collections.abc import Coroutine
from functools import cached_property
from typing import Any, Self

from faststream import FastStream
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from shared.bus.broker import client_of, jetstream_of, make_broker
from shared.bus.delivery import patiently
from shared.bus.provision import provision, verify
from shared.bus.rpc import answer
from shared.bus.streams import CONSUMERS
from shared.bus.watchdog import Watchdog
from shared.errors import Unavailable, UserError
from shared.events.commands import STATES, StateTold, TellState
from shared.health import Check, failures, health_pages
from shared.logging import get_logger
from shared.settings import Settings
from shared.tasks import end_tasks, start_task
from shared.waits import Waits

log = get_logger(__name__)

EX_TEMPFAIL = 75
"""Exit code of a service that wants to be started again (sysexits.h)."""
_NOTHING_TO_DRAIN = (ConnectionClosedError, ConnectionReconnectingError)
"""What a broker raises that is stopped while NATS is away, after all else is stopped; in a group for subscriptions."""


class Service:
    """One running service.

    Use as an async context manager: entering connects to NATS and provisions, leaving closes the connection.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.broker: NatsBroker = make_broker(settings.nats, name)
        self.consumers = [row for row in CONSUMERS if row.service == name]
        self.checks: dict[str, Check] = {"nats": self._check_nats}
        self.waits = Waits(name)
        self._background: list[Coroutine[Any, Any, object]] = []
        self._exit_code = 0

    async def __aenter__(self) -> Self:
        """Connect and provision; waits for a server that is not there yet.

        Raises:
            UserError: NATS refuses the login.
        """
        try:
            await self.broker.connect()
        except NatsError as error:
            if "authorization violation" not in str(error).lower():
                raise
            raise UserError(f"NATS at {self.settings.nats.url.rpartition('@')[2]} refuses the login") from error
        await patiently(self._provision)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the connection."""
        for coroutine in self._background:
            coroutine.close()
        try:
            await self.broker.stop()
        except* _NOTHING_TO_DRAIN:
            await self.client.close()

    @property
    def client(self) -> Client:
        """The connected nats-py client."""
        return client_of(self.broker)

    @cached_property
    def js(self) -> JetStreamContext:
        """The JetStream context of this service's connection."""
        return jetstream_of(self.broker)

    def background(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a task for as long as the service runs; its failure ends the service."""
        self._background.append(coroutine)

    async def run(self) -> int:
        """Consume until a signal or the watchdog ends it.

        Returns:
            The process's exit code.
        """
        app = FastStream(self.broker, logger=None)
        tasks: list[asyncio.Task[object]] = []

        async def on_start() -> None:
            for coroutine in (*self._background, self._watch(app)):
                name = getattr(coroutine, "__qualname__", str(coroutine))
                tasks.append(start_task(coroutine, name=name, on_failure=lambda: self._end(app)))
            self._background.clear()
            log.info("ready", pid=os.getpid())

        app.after_startup(on_start)
        answer(self.broker, STATES[self.name], self._tell_state)
        try:
            async with health_pages(self.settings.health, self.name, self.checks, self.waits):
                await app.run()
        except* _NOTHING_TO_DRAIN:
            if not tasks:  # it never started
                raise
        finally:
            await end_tasks(tasks)
        log.info("stopped", exit_code=self._exit_code)
        return self._exit_code

    async def _watch(self, app: FastStream) -> None:
        client = self.client
        reason = await Watchdog(self.js, self.consumers, lambda: not (client.is_connected or client.is_closed)).run()
        log.error("only a restart helps", reason=reason)
        self._end(app)

    def _end(self, app: FastStream) -> None:
        log.error("the service ends, to be started again")
        self._exit_code = EX_TEMPFAIL
        app.exit()

    async def _provision(self) -> None:
        try:
            await provision(self.js, self.settings.nats)
            await verify(self.js, self.consumers)
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable(f"nats is not ready: {error or type(error).__name__}") from error

    async def _tell_state(self, _question: TellState) -> StateTold:
        return StateTold(failed=tuple(await failures(self.checks)), waits=self.waits.now())

    async def _check_nats(self) -> None:
        await verify(self.js, self.consumers)
