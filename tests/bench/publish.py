"""Publishing: Publisher and OutboxRelay against nats-py's publish_async, all on one server that syncs every write."""

import asyncio
from datetime import UTC, datetime

import asyncpg
from nats.js import JetStreamContext

from shared.bus.outbox import OutboxRelay, enqueue
from shared.bus.publish import Publisher
from shared.db.pool import open_pool
from shared.events.envelope import headers_of
from shared.events.file import FileArrived
from tests.bench.table import Rows, interleaved, rate_row
from tests.bench.world import Servers, servers

_IN_FLIGHT = 100
_NOW = datetime(2025, 10, 20, tzinfo=UTC)


def rows(*, quick: bool) -> Rows:
    """Messages per second that the stream has confirmed."""
    count = 1000 if quick else 4000
    with asyncio.Runner() as runner, servers(runner) as place:
        bench = _Bench(place, count)
        pool = runner.run(open_pool(place.postgres, "ingest"))
        try:
            seconds = interleaved(
                {
                    "ours": lambda: runner.run(bench.publisher()),
                    "relay": lambda: runner.run(bench.relay(pool)),
                    "nats-py": lambda: runner.run(bench.raw()),
                },
                3 if quick else 5,
            )
        finally:
            runner.run(pool.close())
    rate = {name: count / value for name, value in seconds.items()}
    how = f"{count} file.arrived with message id and headers, up to {_IN_FLIGHT} in flight, `sync_interval: always`"
    return [
        rate_row("publish + ack", rate["ours"], rate["nats-py"], unit="/s", at_least=0.6,
                 limit_name="publish_async", how=how),
        rate_row("outbox: insert, publish, delete", rate["relay"], rate["nats-py"], unit="/s", at_least=None,
                 limit_name="publish_async", how=f"{how}; ours also writes the row, picks it and deletes it"),
    ]  # fmt: skip


class _Bench:
    def __init__(self, place: Servers, count: int) -> None:
        self._js: JetStreamContext = place.client.jetstream(timeout=10.0, publish_async_max_pending=1000)
        self._count = count
        self._made = 0

    def _events(self) -> list[FileArrived]:
        """New events each time: the stream would drop known ids."""
        start, self._made = self._made, self._made + self._count
        return [arrival(number) for number in range(start, self._made)]

    async def publisher(self) -> None:
        publisher = Publisher(self._js, "bench")
        events = self._events()
        for start in range(0, len(events), _IN_FLIGHT):
            await asyncio.gather(*(publisher.publish(event) for event in events[start : start + _IN_FLIGHT]))

    async def raw(self) -> None:
        events = self._events()
        for start in range(0, len(events), _IN_FLIGHT):
            futures = [
                await self._js.publish_async(
                    event.subject, event.model_dump_json().encode(), headers=headers_of(event, "bench")
                )
                for event in events[start : start + _IN_FLIGHT]
            ]
            await asyncio.gather(*futures)

    async def relay(self, pool: asyncpg.Pool) -> None:
        relay = OutboxRelay(pool, self._js, "ingest")
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, "ingest", self._events())
        while await relay.relay_once():
            pass


def arrival(number: int) -> FileArrived:
    """An event about an invented file."""
    return FileArrived(
        file_id=f"{number:064x}",
        root="bench",
        path=f"{number // 1000:04d}/light_{number:07d}.fits",
        root_path="/bench",
        size_bytes=138_240,
        source="bench",
        origin=f"{number // 1000:04d}/light_{number:07d}.fits",
        arrived_at=_NOW,
    )
