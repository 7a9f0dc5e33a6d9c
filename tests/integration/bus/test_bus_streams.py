"""Streams and consumers: only provisioning changes them, a full stream stops nothing, a lost consumer is noticed."""

import asyncio
import os
import signal

import pytest
from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.js.api import StreamConfig
from structlog.testing import capture_logs

from shared.bus import watchdog
from shared.bus.janitor import sweep
from shared.bus.provision import provision, verify
from shared.bus.publish import Publisher
from shared.bus.streams import CONSUMERS, DEAD_LETTERS, EVENTS, consumer
from shared.errors import Unavailable
from shared.service import EX_TEMPFAIL, Service
from shared.settings import Settings
from tests.integration.bus.test_bus_delivery import arrival


async def test_provisioning_twice_changes_nothing(settings: Settings, nats_client: Client) -> None:
    """Provisioning is idempotent, and what it made passes verification."""
    js = nats_client.jetstream()
    await provision(js, settings.nats)
    before = (await js.stream_info(EVENTS)).config
    await provision(js, settings.nats)
    assert (await js.stream_info(EVENTS)).config == before
    await verify(js, list(CONSUMERS))


async def test_a_running_service_leaves_the_stream_as_provisioned(settings: Settings, nats_client: Client) -> None:
    """Starting a FastStream broker does not rewrite the stream: age, limits and discard policy stay."""
    js = nats_client.jetstream()
    await provision(js, settings.nats)
    before = (await js.stream_info(EVENTS)).config
    async with Service("stats", settings) as service:
        await service.broker.start()
        after = (await js.stream_info(EVENTS)).config
    assert after == before


async def test_a_service_without_a_limit_of_its_own_keeps_the_streams(settings: Settings, nats_client: Client) -> None:
    """A replica whose settings name no size changes none; settings that name one do."""
    js = nats_client.jetstream()
    await provision(js, settings.nats.model_copy(update={"max_bytes": 48 * 1024**2}))
    await provision(js, settings.nats.model_copy(update={"max_bytes": None, "replicas": None}))
    sizes = [(await js.stream_info(name)).config.max_bytes for name in (EVENTS, DEAD_LETTERS)]
    assert sizes == [48 * 1024**2, 6 * 1024**2]
    await provision(js, settings.nats.model_copy(update={"max_bytes": 32 * 1024**2}))
    assert (await js.stream_info(EVENTS)).config.max_bytes == 32 * 1024**2


async def test_a_missing_or_different_consumer_is_refused(settings: Settings, nats_client: Client) -> None:
    """Verification names a consumer that is gone, and one that was changed by hand."""
    js = nats_client.jetstream()
    await provision(js, settings.nats)
    row = consumer("stats", "file.scanned")
    changed = row.config()
    changed.ack_wait = 5.0
    await js.add_consumer(EVENTS, changed)
    with pytest.raises(Unavailable, match="stats-file-scanned is not as provisioned: ack_wait"):
        await verify(js, [row])
    await js.delete_consumer(EVENTS, row.durable)
    with pytest.raises(Unavailable, match="stats-file-scanned of stream NIGHTBUS is missing"):
        await verify(js, [row])


async def test_a_deleted_consumer_ends_the_service_to_be_started_again(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer deleted underneath is noticed: the service ends with code 75, and a new start provisions it again."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)
    async with Service("scanner", settings) as service:
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await nats_client.jetstream().delete_consumer(EVENTS, "scanner-file-arrived")
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
    async with Service("scanner", settings):
        await verify(nats_client.jetstream(), [consumer("scanner", "file.arrived")])


async def test_a_connection_that_the_server_closed_for_good_ends_the_service(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error that the client does not reconnect from, the service does not linger: it ends with code 75."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(watchdog, "SILENT_LIMIT_S", 1.0)
    async with Service("scanner", settings) as service:
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await service.client.publish("anything", headers={"too": "x" * 2 * nats_client.max_payload})
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
        assert service.client.is_closed


async def test_a_service_stops_cleanly_while_nats_is_away(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping with a connection that cannot be drained is no error: the exit code stays, the connection is closed."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)

    async def drain() -> None:
        raise ConnectionReconnectingError

    async with Service("scanner", settings) as service:
        client = service.client
        monkeypatch.setattr(client, "drain", drain)
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await nats_client.jetstream().delete_consumer(EVENTS, "scanner-file-arrived")
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
    assert client.is_closed


async def test_an_orderly_stop_warns_of_nothing(settings: Settings) -> None:
    """A service that is told to stop closes its own connection: no warning says that NATS went away."""
    with capture_logs() as logs:
        async with Service("scanner", settings) as service:
            running = asyncio.create_task(service.run())
            while not any(line["event"] == "ready" for line in logs):
                await asyncio.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)
            assert await asyncio.wait_for(running, 30) == 0
    assert [line for line in logs if line["log_level"] == "warning"] == []


async def test_a_full_stream_refuses_and_the_janitor_makes_room(settings: Settings, nats_client: Client) -> None:
    """At its limit the stream refuses new events; once everyone has read the old ones, the janitor purges them."""
    small = settings.model_copy(update={"nats": settings.nats.model_copy(update={"max_bytes": 1024**2})})
    js = nats_client.jetstream()
    await provision(js, small.nats)
    config = (await js.stream_info(EVENTS)).config
    assert isinstance(config, StreamConfig)
    payload = b"x" * 60_000
    publisher = Publisher(js, "test")
    refused = False
    for number in range(40):
        try:
            await publisher.publish_raw("file.arrived", payload, {"Nats-Msg-Id": str(number)})
        except Unavailable:
            refused = True
            break
    assert refused, "discard new must refuse, not drop"
    assert await sweep(js) == 0, "nothing may be purged that somebody still has to read"
    for row in CONSUMERS:
        if row.subject == "file.arrived":
            subscription = await js.pull_subscribe_bind(row.durable, EVENTS)
            for message in await subscription.fetch(40, timeout=2):
                await message.ack_sync()
    assert await sweep(js) > 10
    await publisher.publish(arrival(1))
