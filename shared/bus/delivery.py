"""Delivery: what happens to a message between its arrival and its acknowledgement.

Messages are fetched in batches, but each is parsed, judged and settled by itself:

============  ==============================================================================
Outcome       What is done
============  ==============================================================================
handled       ack
Ignorable     ack, counted apart
Transient     nak with a growing, jittered delay; after MAX_ATTEMPTS it becomes Permanent
Away          as Transient, but it never becomes Permanent
Gone          as Transient, but soon given up, and without a dead letter: nothing could be replayed
Unavailable   the handler is tried again in place, so an outage uses up no attempts
Permanent     a dead letter, then term; first file.quarantined where the consumer reads files
anything else as Transient: a bug of ours must not lose a night, and ends as a dead letter
============  ==============================================================================

An event that bears another id than its own is Permanent too, and quarantines nothing: whoever sent it would spend the
id of another fact, which every inbox would then take for a duplicate.

While a batch is worked on, the server is told so every third of ``ack_wait``. Each message that was settled is counted,
and is one line of the log (``inhand``).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, overload
from uuid import UUID

from nats.aio.msg import Msg
from pydantic import ValidationError

from shared.bus.dead_letters import bury, bury_kept
from shared.bus.inhand import InHand, Outcome
from shared.bus.names import inbox_of
from shared.bus.private import acknowledge_together, client_of, replace_pull_loop
from shared.bus.publish import Publisher
from shared.bus.pull import Puller
from shared.bus.quarantine import quarantine_of, refused_file
from shared.description import Consumer
from shared.errors import Away, Gone, Ignorable, Permanent, Transient, Unavailable
from shared.events.base import Event
from shared.events.file import GONE
from shared.events.mistakes import first_mistake
from shared.logging import get_logger
from shared.metrics import HANDLING_SECONDS
from shared.retry import patiently
from shared.tasks import beside, restarted

if TYPE_CHECKING:  # what only reads or migrates the database has no time and room for FastStream
    from faststream.nats import NatsBroker

    from shared.bus.private import PullSubscriber

log = get_logger(__name__)

MAX_ATTEMPTS = 12
GONE_ATTEMPTS = 4
"""A file that has gone is looked for during some fifteen seconds: a rename is over by then."""
BREATH = 16
"""Events that are parsed before other tasks have a turn. One of these is the transaction of the batch before, for which
all writers of a schema wait: with 64, each answer of the database to it waited some milliseconds for the parsing."""
LONGEST_DELAY_S = 300.0


class Prepared(Protocol):
    """What handlers are given: an event, or what was made of one.

    Where it is about a file it keeps ``file_id``, ``root``, ``path`` and ``scan_revision``: they go to quarantine.
    """

    @property
    def event_id(self) -> UUID:
        """Id of the event."""


E = TypeVar("E", bound=Event)
P = TypeVar("P", bound=Prepared)


class Delivery(NamedTuple, Generic[P]):
    """One parsed event, or what was made of it, and the message that brought it."""

    event: P
    message: Msg

    @property
    def attempt(self) -> int:
        """How often the message was delivered, this time included."""
        return self.message.metadata.num_delivered


BatchHandler = Callable[[list[Delivery[P]]], Awaitable[None]]
"""Handles a batch and settles every delivery of it."""
RawHandler = Callable[[Msg], Awaitable[None]]
"""Handles one message that is not an event."""


def _as_it_is(event: E, _payload: bytes) -> E:
    return event


class Desk(Generic[P]):
    """Receives the batches of one consumer, parses them and settles messages.

    ``prepare`` turns each event, with its payload as it came, into what the handler needs of it as soon as it is
    parsed. A large batch of events is many times the size of a processor's cache: what is made of one while it is there
    costs half of what it does later. What it raises settles the event, as what a handler raises does; it asks nobody,
    so it is never Unavailable.
    """

    @overload
    def __init__(self: "Desk[E]", row: Consumer, model: type[E], publisher: Publisher) -> None: ...
    @overload
    def __init__(
        self, row: Consumer, model: type[E], publisher: Publisher, prepare: Callable[[E, bytes], P]
    ) -> None: ...
    def __init__(
        self, row: Consumer, model: type[Event], publisher: Publisher, prepare: Callable[[Any, bytes], Any] = _as_it_is
    ) -> None:
        self.row = row
        self.model = model
        self._prepare = prepare
        self._publisher = publisher
        self._in_hand = InHand(row)

    async def receive(self, messages: Sequence[Msg], handle: BatchHandler[P]) -> None:
        """Parse and prepare, hand over what that succeeds for, settle what it fails for."""
        started = time.monotonic()
        deliveries: list[Delivery[P]] = []
        async with self._kept_alive(messages):
            for number, message in enumerate(messages, 1):
                if number % BREATH == 0:
                    await asyncio.sleep(0)
                try:
                    event = self._event_of(message.data)
                except Permanent as error:
                    await self.fail(message, refused_file(message.data) if self.row.quarantines else None, error)
                    continue
                self._in_hand.know(message, event)
                try:
                    deliveries.append(Delivery(self._prepare(event, message.data), message))
                except Exception as error:  # noqa: BLE001 - every outcome is settled by type
                    await self.fail(message, event, error)
            if deliveries:
                await handle(deliveries)
        HANDLING_SECONDS.labels(self.row.service, self.row.subject).observe(time.monotonic() - started)

    def read(self, payload: bytes) -> P:
        """What handlers are given of an event's JSON.

        Raises:
            Permanent: it is no valid event of this consumer, or ``prepare`` refuses it.
        """
        made: P = self._prepare(self._event_of(payload), payload)
        return made

    def _event_of(self, payload: bytes) -> Event:
        try:
            event = self.model.model_validate_json(payload)
        except ValidationError as error:
            raise Permanent(f"the payload is not a valid {self.model.subject}: {first_mistake(error)}") from error
        if not event.has_its_own_id():
            found, own = event.event_id, event.derive_id()
            raise Permanent(f"the event_id {found} is not the one of this {event.subject}, {own}")
        return event

    async def receive_raw(self, messages: Sequence[Msg], handle: RawHandler) -> None:
        """Hand over messages that are not events. What fails is tried again for ever and is never buried."""
        async with self._kept_alive(messages):
            for message in messages:
                try:
                    await patiently(partial(handle, message))
                except Exception as error:
                    delay_s = retry_delay_s(message.metadata.num_delivered)
                    log.exception("will retry", subject=message.subject, delay_s=round(delay_s, 1), reason=str(error))
                    released = self._in_hand.release([message])
                    await message.nak(delay=delay_s)
                    self._in_hand.settle(released, Outcome.RETRIED)
                else:
                    await self.done(message)

    async def done(self, message: Msg, outcome: Outcome = Outcome.HANDLED) -> None:
        """Acknowledge a message whose effect is committed."""
        released = self._in_hand.release([message])
        await message.ack()
        self._in_hand.settle(released, outcome)

    async def done_all(self, messages: Sequence[Msg], outcome: Outcome = Outcome.HANDLED) -> None:
        """Acknowledge messages whose effect was committed together, in one write.

        The first goes as `done` sends it, which also raises what a closed connection raises. One by one the
        acknowledgements of a large batch cost a twentieth of all its work.
        """
        if not messages:
            return
        first, rest = messages[0], messages[1:]
        await self.done(first, outcome)
        if rest:
            await acknowledge_together(rest)
        self._in_hand.settle(self._in_hand.release(rest), outcome)

    async def fail(self, message: Msg, event: Prepared | None, error: Exception) -> None:
        """Settle a message for which ``prepare`` or the handler raised."""
        if isinstance(error, Ignorable):
            log.debug("ignored", event_id=_id(event), reason=str(error))
            await self.done(message, Outcome.IGNORED)
        elif isinstance(error, Permanent) or message.metadata.num_delivered >= _most_attempts(error):
            await self._give_up(message, event, error)
        else:
            delay_s = retry_delay_s(message.metadata.num_delivered)
            say = log.debug if isinstance(error, Away) else log.warning  # who notices that a root is away says so once
            say(
                "will retry", subject=message.subject, event_id=_id(event), attempt=message.metadata.num_delivered,
                delay_s=round(delay_s, 1), reason=str(error), unexpected=not isinstance(error, Transient),
                exc_info=None if isinstance(error, Transient) else error,
            )  # fmt: skip
            released = self._in_hand.release([message])
            await message.nak(delay=delay_s)
            self._in_hand.settle(released, Outcome.RETRIED)

    async def _give_up(self, message: Msg, event: Prepared | None, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        detail = GONE if isinstance(error, Gone) else "" if isinstance(error, Permanent) else repr(error)
        try:
            quarantined = quarantine_of(event, self.row.service, reason, detail) if self.row.quarantines else None
            if quarantined is not None:
                await self._publisher.publish(quarantined)
            if quarantined is None or not isinstance(error, Gone):
                await bury(self._publisher, self.row.service, message, reason=reason, error=detail)
        except (Unavailable, Permanent) as unstored:
            log.warning("dead letter not stored yet", reason=str(unstored))
            self._in_hand.release([message])
            await message.nak(delay=retry_delay_s(message.metadata.num_delivered))
            return
        released = self._in_hand.release([message])
        await message.term()
        self._in_hand.settle(released, Outcome.DEAD)

    async def bury_kept(self, event_no: int, payload: bytes, error: Exception) -> None:
        """Store an event that was kept and cannot be applied as a dead letter.

        Raises:
            Unavailable: it could not be stored.
        """
        reason = str(error) or type(error).__name__
        detail = "" if isinstance(error, Permanent) else repr(error)
        await bury_kept(
            self._publisher, self.row.service, self.model.subject, event_no, payload, reason=reason, error=detail
        )

    @contextlib.asynccontextmanager
    async def _kept_alive(self, messages: Sequence[Msg]) -> AsyncIterator[None]:
        self._in_hand.take(messages)
        name = f"progress of {self.row.durable}"
        try:
            async with beside(restarted(lambda: self._say_in_progress(messages), name=name), name=name):
                yield
        finally:
            self._in_hand.release(messages)

    async def _say_in_progress(self, messages: Sequence[Msg]) -> None:
        while True:
            await asyncio.sleep(self.row.ack_wait_s / 3)
            for message in messages:
                if message in self._in_hand:
                    await message.in_progress()


def subscribe(broker: "NatsBroker", desk: Desk[P], handle: BatchHandler[P]) -> None:
    """Register the consumer's pull loops with FastStream; they start and stop with the broker."""

    async def on_batch(messages: list[Msg]) -> None:
        await desk.receive(messages, handle)

    _pull(broker, desk.row, on_batch)


def subscribe_raw(broker: "NatsBroker", desk: Desk[P], handle: RawHandler) -> None:
    """Register a consumer whose messages are not events, such as dead letters; each is handled by itself."""

    async def on_batch(messages: list[Msg]) -> None:
        await desk.receive_raw(messages, handle)

    _pull(broker, desk.row, on_batch)


def _pull(broker: "NatsBroker", row: Consumer, receive: Callable[[list[Msg]], Awaitable[None]]) -> None:
    from faststream import AckPolicy
    from faststream.nats import JStream, PullSub

    async def on_batch(messages: list[Msg]) -> None:
        try:
            await receive(messages)
        except Exception:  # FastStream would say nothing of it
            log.exception("a batch failed, what is not settled comes again", consumer=row.durable, size=len(messages))

    for number in range(1, row.loops + 1):
        subscriber = broker.subscriber(
            row.subject,
            stream=JStream(row.stream, declare=False),
            durable=row.durable,
            pull_sub=PullSub(batch_size=row.batch_size, batch=True),
            inbox_prefix=f"{inbox_of(row.service)}.".encode(),
            ack_policy=AckPolicy.MANUAL,
            title=row.durable,
        )
        subscriber(on_batch)
        pull = partial(_consume, broker, subscriber, row)
        replace_pull_loop(subscriber, partial(restarted, pull, name=f"{row.durable} {number}"))


async def _consume(broker: "NatsBroker", subscriber: "PullSubscriber", row: Consumer) -> None:
    """Pull and handle batches for as long as the subscriber runs."""
    puller = Puller(client_of(broker), row)
    await puller.start()
    try:
        while subscriber.running:
            messages = await puller.next_batch()
            if messages and subscriber.running:
                await subscriber.consume(messages)
    finally:
        await puller.stop()


def one_by_one(desk: Desk[P], handle: Callable[[P], Awaitable[None]]) -> BatchHandler[P]:
    """A batch handler that runs ``handle`` for each event concurrently and settles each by its own outcome."""

    async def settle(delivery: Delivery[P]) -> None:
        try:
            await patiently(lambda: handle(delivery.event))
        except Exception as error:  # noqa: BLE001 - every outcome is settled here, by type
            await desk.fail(delivery.message, delivery.event, error)
        else:
            await desk.done(delivery.message)

    async def handle_batch(deliveries: list[Delivery[P]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for delivery in deliveries:
                tasks.create_task(settle(delivery))

    return handle_batch


def _most_attempts(error: Exception) -> float:
    if isinstance(error, Away):
        return float("inf")
    return GONE_ATTEMPTS if isinstance(error, Gone) else MAX_ATTEMPTS


def retry_delay_s(attempt: int) -> float:
    """Seconds until the next delivery: 2^attempt up to five minutes, with a quarter of jitter."""
    return float(min(2.0**attempt, LONGEST_DELAY_S) * random.uniform(0.75, 1.25))


def _id(event: Prepared | None) -> str | None:
    return None if event is None else str(event.event_id)
