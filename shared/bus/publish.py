"""Publishing events: message id, CloudEvents headers, acknowledged storage.

Messages that wait together are stored as one atomic batch (JetStream's ADR-50, NATS 2.12): all or none, made durable
once. Measured with ``sync_interval: always``: 100 messages in a batch cost the server a third and the client a quarter
of what they cost one by one; below ``FEWEST`` a batch costs more. What the server refuses as a batch, such as one that
holds a message again, is published one by one, so that each message gets its own answer.
"""

import asyncio
import json
from collections.abc import Mapping
from copy import copy
from typing import NamedTuple
from uuid import uuid4

from nats.errors import BadHeaderError, BadSubjectError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from shared.bus.broker import PUBLISH_TIMEOUT_S
from shared.bus.names import EVENTS
from shared.bus.private import client_of_context, tell_refusals
from shared.errors import Permanent, Unavailable
from shared.events.base import Event
from shared.events.envelope import headers_of
from shared.logging import get_logger
from shared.metrics import PUBLISHED
from shared.tasks import start_task

log = get_logger(__name__)

FEWEST = 16
"""Messages that make a batch worth its own cost."""
LARGEST = 250
"""Messages of a batch; the server takes up to 1,000."""
LARGEST_BYTES = 4 * 1024**2
_MORE_HEADER_BYTES = 512
"""For the headers that are added on the way: the batch's, the expected stream."""


class _Message(NamedTuple):
    """A message that waits, and the future that is done once it is stored."""

    stream: str
    subject: str
    payload: bytes
    headers: Mapping[str, str]
    stored: asyncio.Future[None]


class Publisher:
    """Publishes to the event stream and returns once the stream has stored the message.

    ``linger_s``: how long messages may wait for company after others have been sent; the first of a quiet time goes at
    once.
    """

    def __init__(self, js: JetStreamContext, service: str, *, linger_s: float = 0.0) -> None:
        tell_refusals(js)
        self._js = js
        self._client = client_of_context(js)
        self._service = service
        self._linger_s = linger_s
        self._published = PUBLISHED.labels(service)
        self._waiting: list[_Message] = []
        self._sender: asyncio.Task[None] | None = None
        self._takes_batches: bool | None = None

    async def publish(self, event: Event, *, attempt: int | None = None) -> None:
        """Publish one event.

        Raises:
            Unavailable: the stream did not confirm. The message may have been stored all the same; publishing it again
                under its deterministic id is safe.
            Permanent: the message is larger than the server takes.
        """
        await self.publish_raw(
            event.subject, event.model_dump_json().encode(), headers_of(event, self._service, attempt=attempt)
        )

    async def publish_raw(self, subject: str, payload: bytes, headers: Mapping[str, str], stream: str = EVENTS) -> None:
        """Publish bytes that were serialised elsewhere; see ``publish``. Batches are for the event stream alone."""
        self._require_size(subject, payload, headers)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        message = _Message(stream, subject, payload, headers, stored)
        if stream == EVENTS:
            self._waiting.append(message)
            if self._sender is None:
                self._sender = start_task(self._send_all(), name=f"publisher of {self._service}")
        else:
            await self._send_one(message)
        await stored
        self._published.inc()

    async def _send_all(self) -> None:
        """Send what waits, until nothing does."""
        messages: list[_Message] = []
        try:
            while self._waiting:
                messages = self._take()
                try:
                    await self._send(messages)
                except Exception as error:  # noqa: BLE001 - raised where each message is waited for
                    for message in messages:
                        _fail(message, error)
                if len(self._waiting) < FEWEST:
                    await asyncio.sleep(self._linger_s)
        finally:
            self._sender = None
            for message in (*messages, *self._waiting):  # not done only when the task is cancelled, as its loop ends
                message.stored.cancel()

    def _take(self) -> list[_Message]:
        """The next messages, as many as fit into a batch; at least one."""
        count, room_bytes = 0, LARGEST_BYTES
        for message in self._waiting[:LARGEST]:
            room_bytes -= len(message.payload)
            if count and room_bytes < 0:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return [message for message in taken if not message.stored.done()]

    async def _send(self, messages: list[_Message]) -> None:
        if len(messages) >= FEWEST and await self._batches() and await self._send_batch(messages):
            for message in messages:
                _succeed(message)
        else:
            await asyncio.gather(*map(self._send_one, messages))

    async def _send_one(self, message: _Message) -> None:
        try:
            self._require_connection(message.subject)
            answer = await self._js.publish_async(
                message.subject,
                message.payload,
                headers=dict(message.headers),
                stream=message.stream,
                wait_stall=PUBLISH_TIMEOUT_S,
            )
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await answer
        except Unavailable as error:
            _fail(message, error)
        except (NatsError, JetStreamError, TimeoutError, OSError) as error:
            _fail(message, _unconfirmed(message.subject, error))
        else:
            _succeed(message)

    async def _send_batch(self, messages: list[_Message]) -> bool:
        """Publish an atomic batch.

        Returns:
            Whether it was stored; if not, none of it was.

        Raises:
            Unavailable: there was no answer.
        """
        batch_id = uuid4().hex[:16]
        last = len(messages)
        try:
            for number, message in enumerate(messages, 1):
                self._require_connection(message.subject)
                headers = {**message.headers, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
                if number < last:
                    await self._client.publish(message.subject, message.payload, headers=headers)
                else:
                    headers["Nats-Batch-Commit"] = "1"
                    answer = await self._client.request(
                        message.subject, message.payload, PUBLISH_TIMEOUT_S, headers=headers
                    )
        except (BadHeaderError, BadSubjectError):
            return False  # the one that cannot be sent must not hold back the others
        except (NatsError, TimeoutError, OSError) as error:
            raise _unconfirmed(f"a batch of {last}", error) from error
        confirmed = json.loads(answer.data)
        if confirmed.get("count") == last and "error" not in confirmed:
            return True
        log.debug("batch refused, publishing one by one", messages=last, answer=confirmed)
        return False

    async def _batches(self) -> bool:
        """Whether the stream takes batches; servers older than 2.12 would store the parts of one unconfirmed."""
        if self._takes_batches is None:
            try:
                info = await self._js.stream_info(EVENTS)
            except (NatsError, JetStreamError, TimeoutError, OSError) as error:
                raise _unconfirmed(EVENTS, error) from error
            self._takes_batches = bool(info.config.allow_atomic)
        return self._takes_batches

    def _require_size(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Refuse what the server would refuse: it ends the connection of who sends a message that is too large.

        nats-py looks at the payload alone, and only after it has taken one of its places for publishes in flight.
        """
        size_bytes = len(payload) + sum(len(name) + len(value.encode()) + 4 for name, value in headers.items())
        if size_bytes + _MORE_HEADER_BYTES > self._client.max_payload > 0:
            raise Permanent(
                f"a message of {size_bytes} bytes for {subject} is more than the server takes "
                f"(max_payload {self._client.max_payload})"
            )

    def _require_connection(self, subject: str) -> None:
        """Refuse to publish while disconnected.

        nats-py would buffer it, and once its buffer is full lose one of its places for publishes in flight for good
        with each attempt, until none is left and nothing can be published any more.
        """
        if not self._client.is_connected:
            raise Unavailable(f"nats is not connected, {subject} waits")


def _succeed(message: _Message) -> None:
    if not message.stored.done():  # whoever waited may have been cancelled
        message.stored.set_result(None)


def _fail(message: _Message, error: Exception) -> None:
    if not message.stored.done():
        message.stored.set_exception(copy(error))  # one of its own, since a traceback grows where it is raised


def _unconfirmed(what: str, error: BaseException) -> Unavailable:
    reason = getattr(error, "description", None) or str(error) or type(error).__name__
    return Unavailable(f"the stream did not confirm {what}: {reason}")
