"""Promises of the whole service: from the stream to the tables, and back to the stream."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.descriptions import SERVICES, described
from services.stats import app
from services.stats.backlog import read_until
from services.stats.settings import StatsSettings
from shared.bus.dead_letters import read_dead_letter
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.db.pool import pool_of
from shared.events.base import utc_now
from shared.events.envelope import headers_of
from shared.events.file import FileScanned
from shared.kept import unpack
from shared.process import run_services
from shared.service import Service
from shared.settings import Settings
from tests.contract.hostile import exchanged
from tests.integration.stats.world import arrived, check, file_id, light


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Any]:
    """The service's pool."""
    async with pool_of(settings.postgres, "stats") as opened:
        yield opened


@pytest.fixture
async def consuming(settings: Settings) -> AsyncIterator[Service]:
    """The service's consumers, running."""
    async with Service(described("stats"), settings) as service:
        app.read_events(service)
        await service.broker.start()
        yield service


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)


async def _settled(service: Service) -> bool:
    for row in service.consumers:
        info = await service.js.consumer_info(EVENTS, row.durable)
        if info.num_pending or info.num_ack_pending:
            return False
    return True


async def test_duplicates_take_effect_once(settings: Settings, nats_client: Any, pool: Any) -> None:
    """Events that the stream holds several times count once."""
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    events = [event for n in range(50) for event in (arrived(f"f{n}"), light(f"f{n}", start_s=60 * n))]
    for attempt in range(3):
        for event in events[:: -1 if attempt == 1 else 1]:
            await Publisher(js, "scanner").publish(event, attempt=attempt)
    async with Service(described("stats"), settings) as service:
        app.read_events(service)
        await service.broker.start()
        await _until(lambda: _settled(service))
    counts = await pool.fetchrow("SELECT * FROM counts")
    assert (counts["files"], counts["scanned"], counts["waiting"]) == (50, 50, 0)
    assert await pool.fetchval("SELECT total_frames FROM captures") == 50
    async with pool.acquire() as connection, connection.transaction():
        assert await check(connection) == []


async def test_one_bad_payload_in_a_batch_of_100(
    settings: Settings, nats_client: Any, consuming: Service, pool: Any
) -> None:
    """99 events take effect and the hundredth becomes one dead letter."""
    js = nats_client.jetstream()
    for n in range(100):
        event = light(f"f{n}", start_s=60 * n)
        payload = b'{"file_id": "not a hash"}' if n == 42 else event.model_dump_json().encode()
        await js.publish("file.scanned", payload, headers=headers_of(event, "scanner"))

    async def buried() -> bool:
        return int((await js.stream_info(DEAD_LETTERS)).state.messages) == 1

    await _until(buried)
    await _until(lambda: _settled(consuming))
    assert await pool.fetchval("SELECT count(*) FROM frame") == 99
    message = await js.get_msg(DEAD_LETTERS, subject="dead.stats")
    letter = read_dead_letter(message.headers, message.data)
    assert (letter.service, letter.subject, letter.payload) == ("stats", "file.scanned", b'{"file_id": "not a hash"}')
    assert "not a valid file.scanned" in letter.reason


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("frame", "object_name"), "M\x0031"),
        (("frame", "exposure_s"), 1e300),
        (("frame", "night"), "9999-12-31"),
        (("frame", "observed_at"), "0001-01-01T00:00:00Z"),
        (("arrived_at",), "0001-01-01T00:00:00Z"),
    ],
)
async def test_a_refused_event_stands_alone(
    settings: Settings, nats_client: Any, consuming: Service, pool: Any, place: tuple[str, ...], value: Any
) -> None:
    """A value that cannot be kept costs its own event only, which ends as a dead letter; its file goes on waiting."""
    js = nats_client.jetstream()
    publisher = Publisher(js, "scanner")
    for n in range(20):
        event = light(f"f{n}", start_s=60 * n)
        document = json.loads(event.model_dump_json())
        text = exchanged(document, place, value) if n == 7 else json.dumps(document)
        await publisher.publish_raw(event.subject, text.encode(), headers_of(event, "scanner"))

    await publisher.publish(arrived("f7"))

    async def buried() -> bool:
        return int((await js.stream_info(DEAD_LETTERS)).state.messages) == 1

    await _until(buried)
    await _until(lambda: _settled(consuming))
    assert await pool.fetchval("SELECT count(*) FROM frame") == 19
    message = await js.get_msg(DEAD_LETTERS, subject="dead.stats")
    letter = read_dead_letter(message.headers, message.data)
    assert letter.file_id == file_id("f7")
    assert f"not a valid file.scanned: {'.'.join(place)}: " in letter.reason
    counts = await pool.fetchrow("SELECT * FROM counts")
    assert (counts["files"], counts["waiting"], counts["quarantined"]) == (1, 1, 0)
    assert await pool.fetchval("SELECT count(*) FROM quarantined") == 0
    assert await pool.fetchval("SELECT count(*) FROM handled WHERE file_id = $1", file_id("f7")) == 0


async def test_the_id_of_another_fact_is_not_spent(
    settings: Settings, nats_client: Any, consuming: Service, pool: Any
) -> None:
    """An event that bears another fact's id is a dead letter and leaves no trace in the inbox: the real one counts."""
    js = nats_client.jetstream()
    real = light("real")
    forged = light("forged", start_s=60).model_copy(update={"event_id": real.event_id})
    await Publisher(js, "scanner").publish(forged, attempt=1)

    async def buried() -> bool:
        return int((await js.stream_info(DEAD_LETTERS)).state.messages) == 1

    await _until(buried)
    await _until(lambda: _settled(consuming))
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE event_id = $1", real.event_id) == 0
    message = await js.get_msg(DEAD_LETTERS, subject="dead.stats")
    letter = read_dead_letter(message.headers, message.data)
    assert letter.reason == (
        f"the event_id {real.event_id} is not the one of this file.scanned, {light('forged', start_s=60).event_id}"
    )

    await Publisher(js, "scanner").publish(real)
    await _until(lambda: _settled(consuming))
    assert [row["file_id"] for row in await pool.fetch("SELECT file_id FROM frame")] == [real.file_id]
    assert await pool.fetchval("SELECT count(*) FROM quarantined") == 0


async def test_what_a_later_version_adds_is_kept_too(nats_client: Any, consuming: Service, pool: Any) -> None:
    """A field that nobody here knows stands in the kept event, byte for byte: no file is read again for it."""
    event = light("a").model_copy(update={"header_cards": ("SIMPLE  =                    T", "")})
    payload = json.dumps(json.loads(event.model_dump_json()) | {"sky_brightness": 20.5}, indent=1).encode()
    await Publisher(nats_client.jetstream(), "scanner").publish_raw(
        event.subject, payload, headers_of(event, "scanner")
    )
    await _until(lambda: _settled(consuming))
    row = await pool.fetchrow("SELECT * FROM scanned_event")
    assert (row["file_id"], row["scan_revision"], unpack(row["packed"])) == (file_id("a"), 1, payload)


async def test_it_is_known_how_far_events_were_read(settings: Settings, nats_client: Any, pool: Any) -> None:
    """What lies unread in the stream is not taken for silence: until it is read, time stands where it was stored."""
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    async with Service(described("stats"), settings) as service:
        now = utc_now()
        assert await read_until(service.js, service.consumers, now) == now
        await Publisher(js, "ingest").publish(arrived("a"))
        await Publisher(js, "scanner").publish(light("a"))
        stored = (await js.get_last_msg(EVENTS, "file.arrived")).time
        assert await read_until(service.js, service.consumers, now + timedelta(hours=1)) == stored
        app.read_events(service)
        await service.broker.start()
        await _until(lambda: _settled(service))
        assert await read_until(service.js, service.consumers, now) == now


async def test_the_service_runs_until_told_to_stop(settings: Settings, nats_client: Any, pool: Any) -> None:
    """``run`` consumes, tells targets and finished sessions, and ends with code 0 on SIGTERM."""
    quick = settings.model_copy(
        update={"stats": StatsSettings(session_quiet_s=0.0, session_check_interval_s=0.2)},
    )
    js = nats_client.jetstream()
    await provision(js, settings.nats, SERVICES)
    task = asyncio.create_task(run_services({"stats": app.run}, quick))
    events: list[FileScanned] = [light(f"f{n}", start_s=60 * n) for n in range(5)]
    for event in events:
        await Publisher(js, "scanner").publish(event)

    async def told() -> bool:
        info = await js.stream_info(EVENTS, subjects_filter=">")
        return {"session.finished", "target.updated"} <= set(info.state.subjects or {})

    await _until(told)
    assert await pool.fetchval("SELECT files FROM sessions") == 5
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await task == 0
