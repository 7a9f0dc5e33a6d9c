"""How far the service's consumers have read: what still lies in the stream has arrived too, and nobody knows of it."""

from collections.abc import Sequence
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from shared.description import Consumer
from shared.errors import Unavailable


async def read_until(js: JetStreamContext, consumers: Sequence[Consumer], now: datetime) -> datetime:
    """Until when all events of the consumers have been fetched: ``now``, else when the oldest unread one was stored.

    Raises:
        Unavailable: the server does not answer.
    """
    try:
        return min([await _read_until(js, row, now) for row in consumers], default=now)
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable(f"the stream does not say what is unread: {error or type(error).__name__}") from error


async def _read_until(js: JetStreamContext, row: Consumer, now: datetime) -> datetime:
    info = await js.consumer_info(row.stream, row.durable)
    if not info.num_pending:
        return now
    fetched = info.delivered.stream_seq if info.delivered else 0
    try:
        oldest = await js.get_msg(row.stream, seq=fetched + 1, subject=row.subject, next=True)
    except NotFoundError:  # fetched, or purged, since the question before
        return now
    return now if oldest.time is None else min(now, oldest.time)
