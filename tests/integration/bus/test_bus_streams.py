"""Streams and consumers: only provisioning changes them, a full stream stops nothing, a lost consumer is noticed."""

import asyncio
import os
import signal

import pytest
from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StoreCompression
from structlog.testing import capture_logs

from services.descriptions import CONSUMERS, NAMES, SERVICES, described
from shared import retry
from shared.bus import outbox, watchdog
from shared.bus.janitor import sweep
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.provision import event_consumers, provision, verify
from shared.bus.publish import Publisher
from shared.bus.streams import config_of, streams
from shared.description import Reads, ServiceDescription
from shared.errors import Unavailable, UserError
from shared.exits import EX_TEMPFAIL
from shared.process import Process, run_services
from shared.service import Service
from shared.settings import Settings
from tests.integration.bus.test_bus_delivery import arrival


async def test_provisioning_twice_changes_nothing(settings: Settings, nats_client: Client) -> None:
    """Provisioning is idempotent, and what it made passes verification."""
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    before = (await js.stream_info(EVENTS)).config
    await provision(js, settings.nats, SERVICES)
    assert (await js.stream_info(EVENTS)).config == before
    await verify(js, list(CONSUMERS))


async def test_a_running_service_leaves_the_stream_as_provisioned(settings: Settings, nats_client: Client) -> None:
    """Starting a FastStream broker does not rewrite the stream: age, limits and discard policy stay."""
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    before = (await js.stream_info(EVENTS)).config
    async with Service(described("stats"), settings) as service:
        await service.broker.start()
        after = (await js.stream_info(EVENTS)).config
    assert after == before


async def test_a_service_without_a_limit_of_its_own_keeps_the_streams(settings: Settings, nats_client: Client) -> None:
    """A replica whose settings name no size changes none; settings that name one do."""
    js = nats_client.jetstream()
    await provision(js, settings.nats.model_copy(update={"max_bytes": 48 * 1024**2}), SERVICES)
    await provision(js, settings.nats.model_copy(update={"max_bytes": None, "replicas": None}), SERVICES)
    sizes = [(await js.stream_info(name)).config.max_bytes for name in (EVENTS, DEAD_LETTERS)]
    assert sizes == [48 * 1024**2, 6 * 1024**2]
    await provision(js, settings.nats.model_copy(update={"max_bytes": 32 * 1024**2}), SERVICES)
    assert (await js.stream_info(EVENTS)).config.max_bytes == 32 * 1024**2


def test_what_has_several_copies_is_not_compressed(settings: Settings) -> None:
    """A stream of one copy is compressed, one of several is not: a server that was killed could not cut that back."""
    kinds = {
        copies: {stream.compression for stream in streams(settings.nats.model_copy(update={"replicas": copies}))}
        for copies in (None, 1, 3)
    }
    assert kinds == {None: {StoreCompression.S2}, 1: {StoreCompression.S2}, 3: {StoreCompression.NONE}}


async def test_a_missing_or_different_consumer_is_refused(settings: Settings, nats_client: Client) -> None:
    """Verification names a consumer that is gone, and one that was changed by hand."""
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    row = described("stats").consumer("file.scanned")
    changed = config_of(row)
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
    """A consumer deleted underneath is noticed: the service ends with code 75, and waits until it is provisioned."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(retry, "WAIT_S", (0.05, 0.1))
    scanner = described("scanner")
    async with Service(scanner, settings) as service:
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await nats_client.jetstream().delete_consumer(EVENTS, "scanner-file-arrived")
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
    again = Service(scanner, settings)
    entering = asyncio.create_task(again.__aenter__())
    await asyncio.sleep(0.5)
    assert not entering.done()
    await provision(nats_client.jetstream(), settings.nats, SERVICES)
    await asyncio.wait_for(entering, 30)
    await again.__aexit__(None, None, None)


async def test_a_service_that_is_off_has_no_consumer_and_refuses_to_start(
    settings: Settings, nats_client: Client
) -> None:
    """Provisioned without a service, NATS keeps nothing for it, and other consumers stay; it says why it ends."""
    js = nats_client.jetstream()
    await js.add_consumer(EVENTS, ConsumerConfig(durable_name="mine", filter_subject="file.scanned"))
    extra = ServiceDescription(name="extra", reads=(Reads("file.scanned"),))
    await provision(js, settings.nats, (*SERVICES, extra))
    assert "extra-file-scanned" in await event_consumers(js)
    await provision(js, settings.nats, SERVICES)
    assert "extra-file-scanned" not in await event_consumers(js)
    names = {info.name for info in await js.consumers_info(EVENTS)}
    assert names == {"mine", *(row.durable for row in CONSUMERS if row.stream == EVENTS)}
    with pytest.raises(UserError, match=f"NATS serves {', '.join(NAMES)} and not extra"):
        await Service(extra, settings).__aenter__()


async def test_the_night_goes_on_while_a_reader_is_off(settings: Settings, nats_client: Client) -> None:
    """A full stream is purged below what enabled services have read, whatever one that is off had not."""
    js = nats_client.jetstream()
    small = settings.nats.model_copy(update={"max_bytes": 1024**2})
    extra = ServiceDescription(name="extra", reads=(Reads("file.scanned"),))
    await provision(js, small, (*SERVICES, extra))
    await fill(js, "file.scanned")
    readers = [row.durable for row in CONSUMERS if row.subject == "file.scanned"]
    await read_all(js, "file.scanned", *readers)
    assert await sweep(js) == 0, "a service that is on is waited for"
    await provision(js, small, SERVICES)
    assert await sweep(js) > 10
    await Publisher(js, "test").publish(arrival(1))


async def test_a_connection_that_the_server_closed_for_good_ends_the_service(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error that the client does not reconnect from, the service does not linger: it ends with code 75."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(watchdog, "SILENT_LIMIT_S", 1.0)
    async with Service(described("scanner"), settings) as service:
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await service.client.publish("anything", headers={"too": "x" * 2 * nats_client.max_payload})
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
        assert service.client.is_closed


async def test_the_relay_ends_before_its_connection(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a service does all the time, as relaying its outbox, ends before its connection does and misses nothing."""
    monkeypatch.setattr(outbox, "POLL_S", 0.01)
    monkeypatch.setattr(outbox, "FULL_CHECK_S", 0.0)
    process = Process()
    with capture_logs() as logs:
        async with Service(described("ingest"), settings, process) as service:
            stop = service.broker.stop

            async def stop_slowly() -> None:
                await stop()
                await asyncio.sleep(0.3)

            monkeypatch.setattr(service.broker, "stop", stop_slowly)
            running = asyncio.create_task(service.run())
            await asyncio.sleep(0.5)
            process.stopping.set()
            assert await asyncio.wait_for(running, 30) == 0
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []


async def test_a_service_stops_cleanly_while_nats_is_away(
    settings: Settings, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping with a connection that cannot be drained is no error: the exit code stays, the connection is closed."""
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.2)

    async def drain() -> None:
        raise ConnectionReconnectingError

    async with Service(described("scanner"), settings) as service:
        client = service.client
        monkeypatch.setattr(client, "drain", drain)
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0.5)
        await nats_client.jetstream().delete_consumer(EVENTS, "scanner-file-arrived")
        assert await asyncio.wait_for(running, 30) == EX_TEMPFAIL
    assert client.is_closed


async def test_an_orderly_stop_warns_of_nothing(settings: Settings) -> None:
    """A service that is told to stop closes its own connection: no warning says that NATS went away."""

    async def run(settings: Settings, process: Process) -> int:
        async with Service(described("scanner"), settings, process) as service:
            return await service.run()

    with capture_logs() as logs:
        running = asyncio.create_task(run_services({"scanner": run}, settings))
        while not any(line["event"] == "ready" for line in logs):
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(running, 30) == 0
    assert [line for line in logs if line["log_level"] == "warning"] == []


async def fill(js: JetStreamContext, subject: str) -> None:
    """Publish until the stream refuses, as it must rather than drop."""
    publisher = Publisher(js, "test")
    with pytest.raises(Unavailable):
        for number in range(40):
            await publisher.publish_raw(subject, b"x" * 60_000, {"Nats-Msg-Id": f"{subject}{number}"})


async def read_all(js: JetStreamContext, subject: str, *durables: str) -> None:
    """Acknowledge all messages of a subject for these consumers."""
    for durable in durables:
        subscription = await js.pull_subscribe_bind(durable, EVENTS)
        for message in await subscription.fetch(40, timeout=2):
            assert message.subject == subject
            await message.ack_sync()


async def test_a_full_stream_refuses_and_the_janitor_makes_room(settings: Settings, nats_client: Client) -> None:
    """At its limit the stream refuses new events; once everyone has read the old ones, the janitor purges them."""
    js = nats_client.jetstream()
    await provision(js, settings.nats.model_copy(update={"max_bytes": 1024**2}), SERVICES)
    await fill(js, "file.arrived")
    assert await sweep(js) == 0, "nothing may be purged that somebody still has to read"
    await read_all(js, "file.arrived", *(row.durable for row in CONSUMERS if row.subject == "file.arrived"))
    assert await sweep(js) > 10
    await Publisher(js, "test").publish(arrival(1))
