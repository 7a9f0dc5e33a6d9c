"""Consuming: our pull loop, parsing, keep-alive and acknowledgement against a raw pull(100) that only acknowledges."""

import asyncio
import dataclasses
import itertools

from nats.js import JetStreamContext

from services.descriptions import described
from shared.bus.delivery import Delivery, Desk
from shared.bus.names import EVENTS
from shared.bus.publish import Publisher
from shared.bus.pull import Puller
from shared.bus.streams import config_of
from shared.events.file import FileArrived
from tests.bench.publish import arrival
from tests.bench.table import Rows, interleaved, rate_row
from tests.bench.world import Servers, servers

_RAW_BATCH = 100


def rows(*, quick: bool) -> Rows:
    """Messages per second that are acknowledged."""
    count = 2000 if quick else 10_000
    with asyncio.Runner() as runner, servers(runner) as place:
        bench = _Bench(place, count)
        runner.run(bench.fill())
        seconds = interleaved(
            {"ours": lambda: runner.run(bench.ours()), "raw": lambda: runner.run(bench.raw())}, 3 if quick else 5
        )
    return [
        rate_row(
            "consume + pydantic", count / seconds["ours"], count / seconds["raw"], unit="/s", at_least=0.7,
            limit_name="raw pull(100)",
            how=f"{count} file.arrived from a fresh durable consumer to the last acknowledgement; ours also parses "
            "every event and keeps the batch alive",
        )
    ]  # fmt: skip


class _Bench:
    def __init__(self, place: Servers, count: int) -> None:
        self._client = place.client
        self._js: JetStreamContext = place.client.jetstream(timeout=10.0)
        self._count = count
        self._names = itertools.count()
        self._row = described("stats").consumer(FileArrived.subject)

    async def fill(self) -> None:
        publisher = Publisher(self._client.jetstream(timeout=10.0, publish_async_max_pending=1000), "bench")
        for start in range(0, self._count, 500):
            await asyncio.gather(*(publisher.publish(arrival(start + number)) for number in range(500)))

    async def ours(self) -> None:
        row = dataclasses.replace(self._row, service=f"bench{next(self._names)}")
        await self._js.add_consumer(EVENTS, config_of(row))
        desk = Desk(row, FileArrived, Publisher(self._js, "bench"))
        puller = Puller(self._client, row)
        done = 0

        async def settle(deliveries: list[Delivery[FileArrived]]) -> None:
            nonlocal done
            for item in deliveries:
                await desk.done(item.message)
            done += len(deliveries)

        await puller.start()
        while done < self._count:
            await desk.receive(await puller.next_batch(), settle)
        await puller.stop()
        await self._client.flush()
        await self._js.delete_consumer(EVENTS, row.durable)

    async def raw(self) -> None:
        row = dataclasses.replace(self._row, service=f"raw{next(self._names)}")
        await self._js.add_consumer(EVENTS, config_of(row))
        durable = row.durable
        subscription = await self._js.pull_subscribe_bind(durable, EVENTS)
        done = 0
        while done < self._count:
            messages = await subscription.fetch(_RAW_BATCH, timeout=5)
            for message in messages:
                await message.ack()
            done += len(messages)
        await subscription.unsubscribe()
        await self._client.flush()
        await self._js.delete_consumer(EVENTS, durable)
