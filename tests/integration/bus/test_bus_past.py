"""A reader that is switched on later ends where one ends that saw every event."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.descriptions import SCHEMAS, SERVICES, described
from services.stats import app
from shared.bus import past
from shared.bus.names import DEAD_LETTERS, EVENTS
from shared.bus.provision import provision
from shared.bus.publish import Publisher
from shared.bus.transaction import Connection
from shared.db.migrate import migrate
from shared.db.pool import pool_of
from shared.description import Reads, ServiceDescription
from shared.events.file import FileScanned
from shared.process import Process
from shared.service import Service
from shared.settings import PostgresSettings, ServicesSettings, Settings
from tests.integration.stats.world import file_id, light
from tests.stack import connected_as

FILES = 5_000
_SCHEMA = """-- The gain card of each file.

CREATE TABLE {name}.card (file_id text PRIMARY KEY, scan_revision integer NOT NULL, card text);
-- template: inbox
-- template: past
"""
_NOTE = """
INSERT INTO card (file_id, scan_revision, card) SELECT * FROM unnest($1::text[], $2::integer[], $3::text[])
ON CONFLICT (file_id) DO UPDATE SET scan_revision = excluded.scan_revision, card = excluded.card
WHERE card.scan_revision < excluded.scan_revision
"""


def reader(name: str) -> ServiceDescription:
    """A service that notes a header card of each file, which no other service reads."""
    return ServiceDescription(
        name=name, has_tables=True, reads=(Reads("file.scanned", batch_size=1000, past=True, max_ack_pending=4000),)
    )


async def note_cards(connection: Connection, events: list[FileScanned]) -> None:
    """The effect: the newest revision's card of each file."""
    newest: dict[str, FileScanned] = {}
    for event in events:
        if event.file_id not in newest or newest[event.file_id].scan_revision < event.scan_revision:
            newest[event.file_id] = event
    rows = [newest[key] for key in sorted(newest)]
    cards = [next((card for card in event.header_cards if card.startswith("GAIN")), None) for event in rows]
    await connection.execute(_NOTE, [row.file_id for row in rows], [row.scan_revision for row in rows], cards)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No services are named, since NATS is provisioned with and without the readers; the stream has room for all."""
    nats = settings.nats.model_copy(update={"max_bytes": 512 * 1024**2})
    return settings.model_copy(update={"services": ServicesSettings(), "nats": nats})


@pytest.fixture
async def readers(database: PostgresSettings, tmp_path: Path) -> None:
    """Schemas of two readers beside those of the house."""
    folders = dict(SCHEMAS)
    assert database.secrets_dir is not None
    for name in ("early", "late"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        (folders[name] / "0001.up.sql").write_text(_SCHEMA.format(name=name))
        (folders[name] / "0001.down.sql").write_text(f"DROP TABLE {name}.card, {name}.past, {name}.inbox;")
        if not (secret := database.secrets_dir / name).exists():
            secret.write_text("a-password-of-tests")
    await migrate(database, folders)


@asynccontextmanager
async def running(description: ServiceDescription, settings: Settings) -> AsyncIterator[Service]:
    """A reader that consumes as a service does."""
    process = Process()
    async with Service(description, settings, process) as service:
        service.reads(FileScanned, note_cards)
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            process.stopping.set()
            assert await asyncio.wait_for(task, 30) == 0


@asynccontextmanager
async def counting(settings: Settings) -> AsyncIterator[Service]:
    """Stats, which keeps events."""
    async with Service(described("stats"), settings) as service:
        app.read_events(service)
        await service.broker.start()
        yield service


async def cards(settings: PostgresSettings, name: str) -> list[tuple[Any, ...]]:
    """A reader's table."""
    async with pool_of(settings, name) as pool:
        return [tuple(row) for row in await pool.fetch("SELECT * FROM card ORDER BY file_id")]


async def until_full(settings: PostgresSettings, name: str, rows: int) -> None:
    """Wait until a reader's table has so many rows, and its past is taken."""
    async with asyncio.timeout(120), pool_of(settings, name) as pool:
        while True:
            found = await pool.fetchval("SELECT count(*) FROM card")
            taken = await pool.fetchval("SELECT count(*) FROM past WHERE done_at IS NOT NULL")
            if found == rows and taken:
                return
            await asyncio.sleep(0.1)


async def until_read(service: Service) -> None:
    """Wait until the service's consumers have nothing left."""
    async with asyncio.timeout(120):
        for row in service.consumers:
            while True:
                info = await service.js.consumer_info(row.stream, row.durable)
                if not info.num_pending and not info.num_ack_pending:
                    break
                await asyncio.sleep(0.1)


def scans(first: int, count: int, revision: int = 1) -> Iterator[FileScanned]:
    """Events of files, each with a card of its own."""
    for number in range(first, first + count):
        cards = ("SIMPLE  = T", f"GAIN    = {number * revision:20d}")
        yield light(f"f{number}", start_s=number, revision=revision).model_copy(update={"header_cards": cards})


async def publish(client: Client, events: Iterator[FileScanned]) -> None:
    """Into the stream, many at once."""
    publisher = Publisher(client.jetstream(), "scanner", linger_s=0.01)
    window: list[FileScanned] = []
    for event in events:
        window.append(event)
        if len(window) == 1000:
            await asyncio.gather(*map(publisher.publish, window))
            window.clear()
    await asyncio.gather(*map(publisher.publish, window))


async def test_a_reader_switched_on_later_takes_its_past(
    settings: Settings, readers: None, nats_client: Client
) -> None:
    """5,000 files, the stream purged: the tables of a new reader equal those of one that saw every event."""
    js, early, late = nats_client.jetstream(), reader("early"), reader("late")
    await provision(js, settings.nats, (*SERVICES, early))
    async with counting(settings) as stats, running(early, settings) as before:
        await publish(nats_client, scans(0, FILES))
        await publish(nats_client, scans(0, 500, revision=2))
        await until_read(stats)
        await until_read(before)
        await js.purge_stream(EVENTS)
        await provision(js, settings.nats, (*SERVICES, early, late))
        await publish(nats_client, scans(FILES, 500))
        async with running(late, settings) as after:
            await publish(nats_client, scans(400, 300, revision=3))
            await until_full(settings.postgres, "late", FILES + 500)
            await until_read(after)
            await until_read(before)
    found = await cards(settings.postgres, "late")
    assert found == await cards(settings.postgres, "early")
    assert len(found) == FILES + 500
    assert sum(row[1] == 3 for row in found) == 300


async def test_a_past_goes_on_where_it_was_and_is_taken_again_for_a_new_consumer(
    settings: Settings, readers: None, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped halfway it goes on there; a consumer that was made anew has lost what was unread, so it starts over."""
    monkeypatch.setattr(past, "PAGE_EVENTS", 100)
    js, late = nats_client.jetstream(), reader("late")
    async with counting(settings) as stats:
        await publish(nats_client, scans(0, 1000))
        await until_read(stats)
    await js.purge_stream(EVENTS)
    await provision(js, settings.nats, (*SERVICES, late))
    pages: list[int] = []
    really = past._page

    async def page(pool: asyncpg.Pool, after: int, events: int) -> list[asyncpg.Record]:
        pages.append(after)
        if len(pages) == 4:
            await asyncio.sleep(3600)
        return await really(pool, after, 100)

    monkeypatch.setattr(past, "_page", page)
    async with running(late, settings):
        async with asyncio.timeout(30):
            while len(pages) < 4:
                await asyncio.sleep(0.05)
    assert pages[0] == 0
    halfway = pages[-1]
    pages.clear()
    pages.extend([0] * 10)
    async with running(late, settings):
        await until_full(settings.postgres, "late", 1000)
    assert pages[10] == halfway > 0
    pages[10:] = []
    async with running(late, settings) as again:
        await until_read(again)
    assert pages[10:] == []
    await provision(js, settings.nats, SERVICES)
    await provision(js, settings.nats, (*SERVICES, late))
    async with running(late, settings):
        async with asyncio.timeout(30):
            while len(pages) < 21:
                await asyncio.sleep(0.05)
    assert pages[10] == 0
    assert len(await cards(settings.postgres, "late")) == 1000


async def test_an_event_of_the_past_that_cannot_be_applied_is_a_dead_letter(
    settings: Settings, readers: None, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One damaged event, and one that is refused at each try, are dead letters; all others take effect."""
    monkeypatch.setattr(past, "retry_delay_s", lambda _attempt: 0.01)
    js, late = nats_client.jetstream(), reader("late")
    async with counting(settings) as stats:
        await publish(nats_client, scans(0, 50))
        await until_read(stats)
        await stats.pool.execute(
            "UPDATE event SET packed = '\\x00'::bytea WHERE event_no = (SELECT min(event_no) FROM event)"
        )
    await js.purge_stream(EVENTS)
    await provision(js, settings.nats, (*SERVICES, late))
    async with connected_as(settings.postgres, settings.postgres.admin_role) as admin:
        await admin.execute(f"ALTER TABLE late.card ADD CHECK (file_id <> '{file_id('f7')}')")
    with capture_logs() as logs:
        async with running(late, settings):
            await until_full(settings.postgres, "late", 48)
    reasons = [line["reason"] for line in logs if line["event"] == "dead letter"]
    assert len(reasons) == 2
    assert (await js.stream_info(DEAD_LETTERS)).state.messages == 2
