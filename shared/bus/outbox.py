"""The outbox: events committed with their cause, published afterwards.

``enqueue`` writes events in the caller's transaction. The relay publishes unsent rows and deletes each once the
stream has confirmed it. Rows are picked with SKIP LOCKED and never by a cursor: identity order is not commit order. A
publish that timed out may have been stored; the message id decides, so publishing again is safe.

A row may also be a value for a key-value bucket (``enqueue_puts``). The order of those does matter: ``puts`` has them.
"""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
from nats.js import JetStreamContext

from shared.bus.answering import answering
from shared.bus.names import EVENTS, subject_of_key
from shared.bus.publish import Publisher
from shared.bus.streams import PAUSE_AT
from shared.bus.transaction import Connection
from shared.db.errors import translated
from shared.errors import Permanent, Unavailable
from shared.events.base import Event, number_of
from shared.events.envelope import headers_of
from shared.logging import get_logger
from shared.metrics import OUTBOX_WAITING, STREAM_FULL

log = get_logger(__name__)

RELAY_BATCH = 500
POLL_S = 1.0
FULL_CHECK_S = 5.0

_ENQUEUE = """
INSERT INTO outbox (event_id, subject, payload, headers)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
"""
_ENQUEUE_PUTS = """
INSERT INTO outbox (event_id, subject, payload, headers)
SELECT event_id, subject, payload, '{}' FROM unnest($1::uuid[], $2::text[], $3::text[])
    WITH ORDINALITY AS put (event_id, subject, payload, number) ORDER BY number
"""
_TAKE = """
SELECT outbox_id, subject, payload, headers FROM outbox WHERE NOT starts_with(subject, '$KV.')
ORDER BY outbox_id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_WAITING = "SELECT count(*) FROM outbox"
_SENT = "DELETE FROM outbox WHERE outbox_id = ANY($1::bigint[])"


async def enqueue(connection: Connection, service: str, events: Sequence[Event], *, attempt: int | None = None) -> None:
    """Write events to the outbox in the caller's transaction; ``attempt`` marks a deliberate re-emission."""
    if events:
        await connection.execute(
            _ENQUEUE,
            [event.event_id for event in events],
            [event.subject for event in events],
            [event.model_dump_json() for event in events],
            [json.dumps(headers_of(event, service, attempt=attempt)) for event in events],
        )


class Put(NamedTuple):
    """A value for a key of a bucket: JSON with its number in ``revision``, which the bucket keeps the highest of."""

    key: str
    revision: int
    value: str


async def enqueue_puts(connection: Connection, bucket: str, puts: Sequence[Put]) -> None:
    """Write values for a bucket to the outbox in the caller's transaction; they are put in this order.

    Whoever writes them sees to it that transactions commit in the order of their numbers, as under a lock.
    """
    if puts:
        subjects = [subject_of_key(bucket, put.key) for put in puts]
        numbers = [number_of(subject, [put.revision]) for subject, put in zip(subjects, puts, strict=True)]
        await connection.execute(
            _ENQUEUE_PUTS, [UUID(int=number) for number in numbers], subjects, [put.value for put in puts]
        )


class OutboxRelay:
    """Moves committed events from a service's outbox into the stream."""

    def __init__(self, pool: asyncpg.Pool, js: JetStreamContext, service: str) -> None:
        self._pool = pool
        self._js = js
        self._service = service
        self._publisher = Publisher(js, service)
        self._work = asyncio.Event()
        self._checked_at = float("-inf")
        self._full = False
        self._room_bytes = float("inf")

    @property
    def js(self) -> JetStreamContext:
        """Where events go."""
        return self._js

    def wake(self) -> None:
        """Say that rows were committed; the relay also looks by itself every second."""
        self._work.set()

    async def run(self) -> None:
        """Relay for ever; an outage of NATS or Postgres is waited out."""
        pause_s = POLL_S
        while True:
            try:
                moved = 0 if await self._stream_is_full() else await self.relay_once()
                pause_s = POLL_S
            except Unavailable as error:
                log.warning("relay waits", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 15.0)
                continue
            if moved < RELAY_BATCH:
                self._work.clear()
                # Not wait_for: before Python 3.12 it forgets a cancellation that comes in the moment of the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._work.wait()

    async def measure(self) -> None:
        """Count what waits in the outbox.

        Raises:
            Unavailable: Postgres is away.
        """
        with translated():
            async with self._pool.acquire() as connection:
                OUTBOX_WAITING.labels(self._service).set(await connection.fetchval(_WAITING))

    async def relay_once(self) -> int:
        """Publish up to RELAY_BATCH rows and delete those that the stream confirmed.

        Returns:
            How many rows were published.

        Raises:
            Unavailable: at least one was not confirmed; the confirmed ones are deleted all the same. A row that no
                server takes stays where it is and is logged; it holds back no other.
        """
        failure: Unavailable | None = None
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                rows = _fitting(await connection.fetch(_TAKE, RELAY_BATCH), self._room_bytes)
                results = await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)
                sent = [row["outbox_id"] for row, result in zip(rows, results, strict=True) if result is None]
                await connection.execute(_SENT, sent)
                for row, result in zip(rows, results, strict=True):
                    if isinstance(result, Permanent):
                        log.error("event cannot be published", outbox_id=row["outbox_id"], reason=str(result))
                    elif isinstance(result, Unavailable):
                        failure = result
                    elif isinstance(result, BaseException):
                        raise result
        self._room_bytes -= sum(_size_bytes(row) for row in rows)
        if failure is not None:
            raise failure
        return len(sent)

    async def _publish(self, row: asyncpg.Record) -> None:
        await self._publisher.publish_raw(row["subject"], row["payload"].encode(), json.loads(row["headers"]))

    async def _stream_is_full(self) -> bool:
        """Whether the stream is beyond PAUSE_AT of its limit, looked up every few seconds or once we filled it.

        What is above PAUSE_AT belongs to services that can only acknowledge once they have published.
        """
        now = asyncio.get_running_loop().time()
        if now - self._checked_at < FULL_CHECK_S and (self._full or self._room_bytes > 0):
            return self._full
        with answering(f"the stream {EVENTS}"):
            info = await self._js.stream_info(EVENTS)
        self._checked_at = now
        limit = info.config.max_bytes or 0
        self._room_bytes = PAUSE_AT * limit - info.state.bytes if limit > 0 else float("inf")
        full = self._room_bytes < 0
        if full and not self._full:
            log.warning("relay pauses, the stream is nearly full", bytes=info.state.bytes, limit=info.config.max_bytes)
        self._full = full
        STREAM_FULL.labels(self._service).set(1 if full else 0)
        return full


def _size_bytes(row: asyncpg.Record) -> int:
    return len(row["subject"]) + len(row["payload"].encode()) + len(row["headers"])


def _fitting(rows: list[asyncpg.Record], room_bytes: float) -> list[asyncpg.Record]:
    """The first rows that fit into the room, but at least one: the stream itself has the last word."""
    fitting: list[asyncpg.Record] = []
    for row in rows:
        room_bytes -= _size_bytes(row)
        if fitting and room_bytes < 0:
            break
        fitting.append(row)
    return fitting
