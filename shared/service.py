"""The frame that every service runs in: database, broker, events, commands, periodic jobs, watchdog, health.

A service's ``app.py`` enters it, says what it reads (``reads``, ``handles``), answers (``answers``) and does again and
again (``every``), and then waits in ``run``, which returns an exit code: 0 when it was told to stop, 75 (try
again) when only a restart helps. The frame itself relays the outbox, forgets old entries of the inbox, answers
``cmd.<service>.state`` and looks after its consumers.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Any, Self, TypeVar, overload

import asyncpg
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, ConnectionReconnectingError
from nats.js import JetStreamContext

from shared.bus.broker import jetstream_of, make_broker
from shared.bus.delivery import Desk, E, P, RawHandler, one_by_one, subscribe, subscribe_raw
from shared.bus.outbox import OutboxRelay
from shared.bus.past import take_past
from shared.bus.private import client_of
from shared.bus.provision import consumer_made_at, require_provisioned, verify
from shared.bus.publish import Publisher
from shared.bus.puts import PutRelay
from shared.bus.rpc import answer
from shared.bus.transaction import Effect, in_transaction
from shared.bus.watchdog import Watchdog
from shared.db.clock import clock_of
from shared.db.inbox import prune
from shared.db.pool import check_database, connected, pool_of
from shared.description import ServiceDescription
from shared.errors import NightbusError, Unavailable
from shared.events.base import Event
from shared.events.commands import Command, Reply, StateTold, TellState, state_question
from shared.exits import EX_TEMPFAIL
from shared.health import Check, Health, failures
from shared.logging import get_logger
from shared.metrics import CLOCK_OFFSET, MEASURE_EVERY_S
from shared.periodic import Job, every
from shared.process import Process
from shared.retry import patiently
from shared.settings import Settings
from shared.tasks import end_tasks, start_task
from shared.waits import Waits

log = get_logger(__name__)

DAY_S = 24 * 3600.0
INBOX_AGE_S = 31 * DAY_S
"""Longer than the stream keeps an event."""
_NOTHING_TO_DRAIN = (ConnectionClosedError, ConnectionReconnectingError)
"""What a broker raises that is stopped while NATS is away, after all else is stopped; in a group for subscriptions."""

C = TypeVar("C", bound=Command)


class Service:
    """One running service.

    Use as an async context manager: entering opens the database of a service with tables and connects to NATS, leaving
    closes both.
    """

    def __init__(self, description: ServiceDescription, settings: Settings, process: Process | None = None) -> None:
        self.description = description
        self.name = name = description.name
        self.settings = settings
        self.broker: NatsBroker = make_broker(settings.nats, name)
        self.consumers = description.consumers
        self.buckets = description.buckets
        self.checks: dict[str, Check] = {"nats": self._check_nats}
        self.waits = Waits(name)
        self._process = process or Process()
        self._background: list[Coroutine[Any, Any, object]] = []
        self._resources = AsyncExitStack()
        self._pool: asyncpg.Pool | None = None
        self._ended = asyncio.Event()
        self._exit_code = 0
        self._runs = False

    async def __aenter__(self) -> Self:
        """Connect; waits for servers and for streams that are not there yet.

        Raises:
            UserError: Postgres or NATS refuses the login, does not encrypt though it must, or is not trusted; or NATS
                was provisioned without this service.
        """
        async with AsyncExitStack() as resources:
            if self.description.has_tables:
                pool = await resources.enter_async_context(pool_of(self.settings.postgres, self.name))
                self._pool = pool
                self.checks["postgres"] = check_database(pool)
            resources.push_async_callback(self._close_broker)
            await self.broker.connect()
            await patiently(self._require_provisioned)
            self._resources = resources.pop_all()
        if self.description.has_outbox:
            self.background(self.relay.run())
            self.every(MEASURE_EVERY_S, self.relay.measure)
        if self.description.keeps:
            self.background(self.put_relay.run())
        if self.description.has_tables:
            self.every(DAY_S, self._forget_old_events)
            self.every(MEASURE_EVERY_S, self._measure_clock)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the connections."""
        for coroutine in self._background:
            coroutine.close()
        await self._resources.aclose()

    async def _close_broker(self) -> None:
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

    @property
    def pool(self) -> asyncpg.Pool:
        """Connections as the service's own role.

        Raises:
            RuntimeError: the service has no tables.
        """
        if self._pool is None:
            raise RuntimeError(f"{self.name} has no tables, or was not entered")
        return self._pool

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes to the event stream: dead letters, and the events of services without an outbox."""
        return Publisher(self.js, self.name)

    @cached_property
    def relay(self) -> OutboxRelay:
        """Moves what the service commits to its outbox into the stream."""
        return OutboxRelay(self.pool, self.js, self.name)

    @cached_property
    def put_relay(self) -> PutRelay:
        """Moves what the service commits for its buckets into them."""
        return PutRelay(self.pool, self.js)

    def background(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a task for as long as the service runs; its failure ends the service.

        Raises:
            RuntimeError: the service runs already.
        """
        if self._runs:
            coroutine.close()
            raise RuntimeError(f"{self.name} runs already: what it does in the background is said before")
        self._background.append(coroutine)

    def every(self, interval_s: float, job: Job, *, first_after_s: float = 0.0) -> None:
        """Do a job again and again; see ``shared.periodic``. What it leaves in the outbox is published at once."""
        self.background(every(interval_s, self._waking(job), first_after_s=first_after_s))

    @overload
    def reads(self, model: type[E], apply: Effect[E]) -> None: ...
    @overload
    def reads(self, model: type[E], apply: Effect[P], prepare: Callable[[E, bytes], P]) -> None: ...
    def reads(self, model: type[Event], apply: Effect[Any], prepare: Callable[[Any, bytes], Any] | None = None) -> None:
        """Consume an event: each batch takes effect in one transaction, and each event once.

        ``apply`` is given the connection and the new events, or what ``prepare`` made of each event and its payload.
        """
        desk: Desk[Any] = self._desk(model, prepare)
        subscribe(self.broker, desk, in_transaction(self.pool, desk, apply, self._wake))
        if desk.row.past:
            self.background(self._take_past(desk, apply))

    def handles(self, model: type[E], handle: Callable[[E], Awaitable[None]], publisher: Publisher) -> None:
        """Consume an event without a database: each is handled by itself, several at once."""
        desk = Desk(self.description.consumer(model.subject), model, publisher)
        subscribe(self.broker, desk, one_by_one(desk, handle))

    def reads_raw(self, subject: str, handle: RawHandler) -> None:
        """Consume messages that are not events."""
        subscribe_raw(self.broker, Desk(self.description.consumer(subject), Event, self.publisher), handle)

    def answers(self, command: type[C], handle: Callable[[C], Awaitable[Reply]]) -> None:
        """Answer a command. What ``handle`` raises becomes one sentence in the reply.

        Raises:
            KeyError: the description does not name the command.
        """
        if command.subject not in self.description.commands:
            raise KeyError(f"the description of {self.name} has no command {command.subject}")
        answer(self.broker, command, handle)

    def _desk(self, model: type[Event], prepare: Callable[[Any, bytes], Any] | None = None) -> Desk[Any]:
        """Where the batches of the service's consumer of an event are parsed and settled."""
        row = self.description.consumer(model.subject)
        return Desk(row, model, self.publisher, prepare) if prepare else Desk(row, model, self.publisher)

    async def run(self) -> int:
        """Consume until the process stops or the watchdog ends the service.

        Returns:
            The service's exit code.
        """
        answer(self.broker, state_question(self.name), self._tell_state)
        tasks: list[asyncio.Task[object]] = []
        try:
            await self.broker.start()
            for coroutine in (*self._background, self._watch()):
                name = getattr(coroutine, "__qualname__", str(coroutine))
                tasks.append(start_task(coroutine, name=name, on_failure=self._end))
            self._background.clear()
            self._runs = True
            self._process.health[self.name] = Health(self.checks, self.waits)
            log.info("ready", pid=os.getpid())
            await self._until_ended()
        finally:
            await end_tasks(tasks)  # before the connection goes, which they would miss
            await self._close_broker()
        log.info("stopped", exit_code=self._exit_code)
        return self._exit_code

    async def _until_ended(self) -> None:
        waits = [
            start_task(event.wait(), name=f"the end of {self.name}") for event in (self._process.stopping, self._ended)
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waits)

    async def _watch(self) -> None:
        client = self.client
        watchdog = Watchdog(
            self.js, self.consumers, lambda: not (client.is_connected or client.is_closed), self.buckets
        )
        reason = await watchdog.run()
        log.error("only a restart helps", reason=reason)
        self._end()

    def _end(self) -> None:
        log.error("the service ends, to be started again")
        self._exit_code = EX_TEMPFAIL
        self._ended.set()

    def _wake(self) -> None:
        if self.description.has_outbox:
            self.relay.wake()
        if self.description.keeps:
            self.put_relay.wake()

    def _waking(self, job: Job) -> Job:
        async def done() -> object:
            found = await job()
            self._wake()
            return found

        return done

    async def _forget_old_events(self) -> None:
        async with connected(self.pool) as connection:
            await prune(connection, INBOX_AGE_S)

    async def _measure_clock(self) -> None:
        async with connected(self.pool) as connection:
            CLOCK_OFFSET.labels(self.name).set((await clock_of(connection)).offset_s)

    async def _take_past(self, desk: Desk[Any], apply: Effect[Any]) -> None:
        made_at = await patiently(lambda: consumer_made_at(self.js, desk.row))
        await take_past(self.pool, desk, apply, made_at)
        self._wake()

    async def _require_provisioned(self) -> None:
        try:
            await require_provisioned(self.js, self.description, self.settings.services.enabled)
        except NightbusError:
            raise
        except Exception as error:
            raise Unavailable(f"nats is not ready: {error or type(error).__name__}") from error

    async def _tell_state(self, _question: TellState) -> StateTold:
        return StateTold(failed=tuple(await failures(self.checks)), waits=self.waits.now())

    async def _check_nats(self) -> None:
        await verify(self.js, self.consumers, self.buckets)
