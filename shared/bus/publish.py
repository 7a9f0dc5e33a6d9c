"""Publishing events: message id, CloudEvents headers, acknowledged storage."""

import asyncio
from collections.abc import Mapping

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from shared.bus.broker import PUBLISH_TIMEOUT_S
from shared.bus.streams import EVENTS
from shared.errors import Unavailable
from shared.events.base import Event
from shared.events.envelope import headers_of
from shared.metrics import PUBLISHED


class Publisher:
    """Publishes to the event stream and returns once the stream has stored the message."""

    def __init__(self, js: JetStreamContext, service: str) -> None:
        self._js = js
        self._service = service

    async def publish(self, event: Event, *, attempt: int | None = None) -> None:
        """Publish one event.

        Raises:
            Unavailable: the stream did not confirm. The message may have been stored all the same; publishing it again
                under its deterministic id is safe.
        """
        await self.publish_raw(
            event.subject, event.model_dump_json().encode(), headers_of(event, self._service, attempt=attempt)
        )

    async def publish_raw(self, subject: str, payload: bytes, headers: Mapping[str, str], stream: str = EVENTS) -> None:
        """Publish bytes that were serialised elsewhere; see ``publish``."""
        if not self._js._nc.is_connected:  # noqa: SLF001
            # nats-py would buffer it, and once its buffer is full lose one of its places for publishes in flight for
            # good with each attempt, until none is left and nothing can be published any more.
            raise Unavailable(f"nats is not connected, {subject} waits")
        try:
            stored = await self._js.publish_async(
                subject, payload, headers=dict(headers), stream=stream, wait_stall=PUBLISH_TIMEOUT_S
            )
            await asyncio.wait_for(stored, PUBLISH_TIMEOUT_S)
        except (NatsError, JetStreamError, TimeoutError, OSError) as error:
            reason = getattr(error, "description", None) or str(error) or type(error).__name__
            raise Unavailable(f"the stream did not confirm {subject}: {reason}") from error
        PUBLISHED.labels(self._service).inc()
