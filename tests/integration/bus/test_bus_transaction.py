"""Inbox, effect and outbox commit together: effects are once, follow-up events reach the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from nats.aio.client import Client

from services.descriptions import SERVICES, described
from shared.bus.delivery import Desk, subscribe
from shared.bus.names import EVENTS
from shared.bus.outbox import OutboxRelay, enqueue
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.bus.transaction import Connection, in_transaction
from shared.db.pool import pool_of
from shared.errors import Unavailable
from shared.events.file import FileArrived
from shared.events.target import TargetUpdated
from shared.service import Service
from shared.settings import Settings
from tests.integration.bus.test_bus_delivery import arrival, dead_letters, until
from tests.stack import PostgresServer, admin_execute


@asynccontextmanager
async def stats_with(settings: Settings, pool: asyncpg.Pool, apply: object) -> AsyncIterator[Service]:
    """A service in the place of stats, whose effect is ``apply``."""
    async with Service(described("stats"), settings) as service:
        desk = Desk(described("stats").consumer("file.arrived"), FileArrived, Publisher(service.js, "stats"))
        subscribe(service.broker, desk, in_transaction(pool, desk, apply, lambda: None))  # type: ignore[arg-type]
        await service.broker.start()
        yield service


async def insert(connection: Connection, events: list[FileArrived]) -> None:
    """The effect used here: a row per event; a second one would violate the key."""
    for event in events:
        await connection.execute("INSERT INTO effect VALUES ($1)", event.file_id)


@pytest.fixture
async def settings(settings: Settings, postgres: PostgresServer) -> Settings:
    """Settings whose database has the table ``effect``."""
    statement = "CREATE TABLE stats.effect (file_id text PRIMARY KEY); GRANT ALL ON stats.effect TO stats"
    await admin_execute(postgres, [statement], settings.postgres.database)
    return settings


async def finished(service: Service) -> bool:
    """Whether the consumer has nothing left."""
    info = await service.js.consumer_info(EVENTS, "stats-file-arrived")
    return (info.num_pending, info.num_ack_pending) == (0, 0)


async def test_duplicates_outside_the_window_change_nothing(settings: Settings, nats_client: Client) -> None:
    """The same event under other message ids is applied once: the inbox decides, not the stream's window."""
    async with pool_of(settings.postgres, "stats") as pool, stats_with(settings, pool, insert) as service:
        publisher = Publisher(service.js, "test")
        for attempt in range(5):
            for number in range(20):
                await publisher.publish(arrival(number), attempt=attempt)
        await until(lambda: finished(service))
        assert await pool.fetchval("SELECT count(*) FROM effect") == 20
        assert await dead_letters(service.js) == []


async def test_one_refused_row_in_a_batch(settings: Settings, nats_client: Client) -> None:
    """When the database refuses one event of a batch, the batch is bisected: the others commit, the one is buried."""
    refused = arrival(13)
    async with Service(described("stats"), settings) as preparing:
        for number in range(50):
            await Publisher(preparing.js, "test").publish(arrival(number))
    async with pool_of(settings.postgres, "stats") as pool:
        await pool.execute("INSERT INTO effect VALUES ($1)", refused.file_id)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.bus.delivery.MAX_ATTEMPTS", 1)
            async with stats_with(settings, pool, insert) as service:
                await until(lambda: finished(service))
                letters = await dead_letters(service.js)
        assert await pool.fetchval("SELECT count(*) FROM effect") == 50
    assert [letter.event_id for letter in letters] == [str(refused.event_id)]
    assert "duplicate key" in letters[0].reason


async def test_an_effect_that_fails_leaves_no_inbox_row(settings: Settings) -> None:
    """Inbox and effect are one transaction: after a failure the event is still new."""
    async with pool_of(settings.postgres, "stats") as pool:
        with pytest.raises(ZeroDivisionError):
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("INSERT INTO inbox VALUES ('c', $1)", arrival(1).event_id)
                raise ZeroDivisionError
        assert await pool.fetchval("SELECT count(*) FROM inbox") == 0


def updated(number: int) -> TargetUpdated:
    """An event for the outbox."""
    return TargetUpdated(catalog_id=f"M{number}", revision=1, exposures=1, sessions=1, integration_ms=1000)


async def test_the_relay_empties_the_outbox(settings: Settings, nats_client: Client) -> None:
    """Committed rows reach the stream once each, and the outbox is empty at rest; rolled-back rows never leave."""
    async with pool_of(settings.postgres, "stats") as pool, Service(described("stats"), settings) as service:
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, "stats", [updated(number) for number in range(700)])
        with pytest.raises(ZeroDivisionError):
            async with pool.acquire() as connection, connection.transaction():
                await enqueue(connection, "stats", [updated(9999)])
                raise ZeroDivisionError
        relay = asyncio.create_task(OutboxRelay(pool, service.js, "stats").run())

        async def empty() -> bool:
            return bool(await pool.fetchval("SELECT count(*) FROM outbox") == 0)

        await until(empty)
        relay.cancel()
        info = await service.js.stream_info(EVENTS)
        assert info.state.messages == 700


async def test_a_publish_whose_confirmation_was_lost_is_stored_once(settings: Settings, nats_client: Client) -> None:
    """A relay that dies between PubAck and delete publishes again; the message id keeps it one event."""
    async with pool_of(settings.postgres, "stats") as pool, Service(described("stats"), settings) as service:
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, "stats", [updated(1)])
        row = await pool.fetchrow("SELECT * FROM outbox")
        assert row is not None
        await Publisher(service.js, "stats").publish(updated(1))
        assert await OutboxRelay(pool, service.js, "stats").relay_once() == 1
        assert (await service.js.stream_info(EVENTS)).state.messages == 1


async def test_an_event_that_no_server_takes_holds_back_no_other(settings: Settings, nats_client: Client) -> None:
    """A row larger than the server's limit stays in the outbox, and what was committed after it is published."""
    async with pool_of(settings.postgres, "stats") as pool, Service(described("stats"), settings) as service:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO outbox (event_id, subject, payload, headers) VALUES ($1, 'target.updated', $2, '{}')",
                updated(0).event_id,
                "x" * 2_000_000,
            )
            await enqueue(connection, "stats", [updated(number) for number in range(1, 31)])
        assert await OutboxRelay(pool, service.js, "stats").relay_once() == 30
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 1
        assert (await service.js.stream_info(EVENTS)).state.messages == 30


async def test_two_relays_share_an_outbox(settings: Settings, nats_client: Client) -> None:
    """Replicas skip each other's rows; together they publish everything once."""
    async with pool_of(settings.postgres, "stats") as pool, Service(described("stats"), settings) as service:
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, "stats", [updated(number) for number in range(1500)])
        relays = [OutboxRelay(pool, service.js, "stats") for _ in range(2)]
        while await pool.fetchval("SELECT count(*) FROM outbox"):
            await asyncio.gather(*(relay.relay_once() for relay in relays))
        assert (await service.js.stream_info(EVENTS)).state.messages == 1500


async def test_the_relay_pauses_before_the_stream_is_full(settings: Settings, nats_client: Client) -> None:
    """Beyond 80 % of the stream's limit rows stay in the outbox instead of being refused one by one."""
    await provision(nats_client.jetstream(), settings.nats.model_copy(update={"max_bytes": 1024**2}), SERVICES)
    async with pool_of(settings.postgres, "stats") as pool, Service(described("stats"), settings) as service:
        publisher = Publisher(service.js, "test")
        with pytest.raises(Unavailable):
            for number in range(40):
                await publisher.publish_raw("file.arrived", b"x" * 60_000, {"Nats-Msg-Id": str(number)})
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, "stats", [updated(1)])
        relay = asyncio.create_task(OutboxRelay(pool, service.js, "stats").run())
        await asyncio.sleep(2.0)
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 1
        relay.cancel()
