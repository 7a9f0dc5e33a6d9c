"""What people decided reaches the readers: before the first file, on every change, and whole or not at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.descriptions import SERVICES
from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from services.stats import app as stats_app
from services.stats.store.decided import decide
from shared.bus.names import DECISIONS, EVENTS, stream_of_bucket
from shared.bus.provision import provision
from shared.bus.rpc import NobodyAnswersError, ask
from shared.db.pool import pool_of, transaction
from shared.decisions import mirror
from shared.decisions.lookup import Decided
from shared.decisions.model import RigNamed, TargetNamed
from shared.events.base import utc_now
from shared.events.commands import StateTold, state_question
from shared.events.file import FileScanned
from shared.settings import Settings
from tests.integration.ingest.world import events, fits, stop, until, write
from tests.integration.scanner.world import DURABLE, Scanner, arrival, decided, scanner

CARDS = ("IMAGETYP= 'LIGHT'", "OBJECT  = 'Gnome'", "INSTRUME= 'Cam'", "DATE-OBS= '2025-10-20T20:00:00'")
GNOME = TargetNamed(name="Gnome", catalog_id="M31")
OTHER = TargetNamed(name="Gnome", catalog_id="M33")
RIG = RigNamed(name="Cam", rig="Attic")


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(mirror, "LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr(mirror, "SAY_AFTER_S", 0.2)


def files(root: Path, count: int = 40) -> list[str]:
    """Frames of the gnome below a root."""
    names = [f"night/{number}.fit" for number in range(count)]
    write(root, {name: fits(cards=CARDS) for name in names})
    return names


async def readings(running: Scanner) -> list[FileScanned]:
    """Everything that was published, in order."""
    found = await events(running.client.jetstream(), FileScanned.subject)
    return [FileScanned.model_validate_json(data) for data, _ in found]


def shown(event: FileScanned) -> tuple[int, str | None, str | None]:
    """The number of decisions that a reading knew, and what came of them."""
    return event.decisions_revision, event.target.catalog_id if event.target else None, event.frame.rig


async def until_known(logs: list[Any], number: int) -> None:
    """Wait until the scanner has told its readers."""

    async def known() -> bool:
        return any(line["event"] == "people's decisions" and line["number"] == number for line in logs)

    await until(known)


async def test_no_file_is_read_before_the_decisions_are_known(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """Files wait, unread, until the bucket is whole; who asks is told what they wait for, and no file is lost."""
    names = files(tmp_path, 3)
    js = nats_client.jetstream()
    await decided(js, 2, GNOME, RIG, whole=False)
    async with scanner(settings, nats_client, tmp_path, told=False) as running:
        await running.tell(*names)

        async def waits() -> bool:
            try:
                state = await ask(nats_client, state_question("scanner")(), StateTold)
            except NobodyAnswersError:
                return False  # it has not begun to answer
            return [wait.what for wait in state.waits] == ["what people decided"]

        await until(waits)
        assert (await js.consumer_info(EVENTS, DURABLE)).num_ack_pending == len(names)
        assert await readings(running) == []
        await decided(js, 2)
        await running.until_done()
        assert {shown(event) for event in await readings(running)} == {(2, "M31", "Attic")}
        assert not (await ask(nats_client, state_question("scanner")(), StateTold)).waits


async def test_a_change_reaches_the_readers(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """What is read after a decision knows it, without a restart of the scanner; what is in hand is lost by nobody."""
    names = files(tmp_path)
    js = nats_client.jetstream()
    with capture_logs() as logs:
        async with scanner(settings, nats_client, tmp_path, workers=2) as running:
            await running.tell(*names[:20])
            await decided(js, 1, GNOME)
            await until_known(logs, 1)
            await running.tell(*names[20:])
            await running.until_done()
            found = {event.path: shown(event) for event in await readings(running)}
            assert set(found) == set(names)
            assert set(found.values()) <= {(0, None, "Cam"), (1, "M31", "Cam")}
            assert {found[name] for name in names[20:]} == {(1, "M31", "Cam")}
            await decided(js, 3, OTHER, RIG)
            await until_known(logs, 3)
            await running.tell(names[0], scan_revision=2)
            await running.until_done()
            assert shown((await readings(running))[-1]) == (3, "M33", "Attic")
    assert [line for line in logs if line["event"] == "a reader was lost"] == []
    assert [line["number"] for line in logs if line["event"] == "people's decisions"] == [0, 1, 3]


async def test_a_repeated_delivery_after_a_decision_is_another_event(
    settings: Settings, nats_client: Client, tmp_path: Path
) -> None:
    """The same arrival read again: the same event where nothing changed, another one where a decision did.

    No id has two contents, in the stream and for every reader.
    """
    (name,) = files(tmp_path, 1)
    js = nats_client.jetstream()
    with capture_logs() as logs:
        async with scanner(settings, nats_client, tmp_path) as running:
            await running.tell(name)
            await running.tell(name, attempt=2)
            await running.until_done()
            assert len(await readings(running)) == 1
            await decided(js, 1, GNOME)
            await until_known(logs, 1)
            await running.tell(name, attempt=3)
            await running.tell(name, attempt=4)
            await running.until_done()
            before, after = await readings(running)
    assert [shown(before), shown(after)] == [(0, None, "Cam"), (1, "M31", "Cam")]
    assert before.event_id != after.event_id
    assert before.has_its_own_id()
    assert after.has_its_own_id()
    assert before.reading < after.reading


async def test_what_is_known_holds_while_the_bucket_is_away(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that is lost and made anew, empty, takes no decision back: the scanner waits for what it will hold."""
    first, second, third = files(tmp_path, 3)
    js = nats_client.jetstream()
    monkeypatch.setattr("shared.bus.watchdog.LOOK_EVERY_S", 600.0)
    await decided(js, 1, GNOME)
    with capture_logs() as logs:
        async with scanner(settings, nats_client, tmp_path) as running:
            await running.tell(first)
            await running.until_done()
            await js.delete_stream(stream_of_bucket(DECISIONS))
            await provision(js, settings.nats, SERVICES)
            await asyncio.sleep(1.0)
            await running.tell(second)
            await running.until_done()
            await decided(js, 2, GNOME, whole=False)
            await asyncio.sleep(0.5)
            await decided(js, 3, OTHER)
            await until_known(logs, 3)
            await running.tell(third)
            await running.until_done()
            found = {event.path: shown(event)[:2] for event in await readings(running)}
    assert found == {first: (1, "M31"), second: (1, "M31"), third: (3, "M33")}
    assert not [line for line in logs if line["event"] == "waits"]


async def test_from_the_database_to_the_frame(settings: Settings, nats_client: Client, tmp_path: Path) -> None:
    """stats, bucket, scanner and stats again: a decision changes what is counted, and the later reading stays."""
    (name,) = files(tmp_path, 1)
    counted = asyncio.create_task(stats_app.run(settings))
    try:
        with capture_logs() as logs:
            async with (
                pool_of(settings.postgres, "stats") as pool,
                scanner(settings, nats_client, tmp_path, told=False) as running,
            ):
                await running.tell(name)
                await running.until_done()

                async def target() -> str | None:
                    rows = await pool.fetch("SELECT catalog_id FROM frame")
                    return rows[0][0] if rows else "none yet"

                async def is_counted() -> bool:
                    return await target() is None

                await until(is_counted)
                async with transaction(pool) as connection:
                    await decide(connection, [GNOME], person="ada", decided_at=utc_now())
                await until_known(logs, 1)
                await running.tell(name, attempt=2)

                async def is_counted_anew() -> bool:
                    return await target() == "M31"

                await until(is_counted_anew)
                assert await pool.fetchval("SELECT count(*) FROM frame") == 1
    finally:
        await stop(counted)


@pytest.fixture
async def readers() -> AsyncIterator[ReaderPool]:
    """Two readers that are told nothing yet."""
    async with ReaderPool(2, time_limit_s=30, memory_limit_mb=1536, measure_stars=False) as pool:
        yield pool


async def test_readers_are_replaced_gently(readers: ReaderPool, tmp_path: Path) -> None:
    """Changes that come faster than readers start cost no file, and end with readers that know the last."""
    names = files(tmp_path, 60)
    asked = [asyncio.create_task(readers.scan(arrival(tmp_path / name, tmp_path), str(tmp_path))) for name in names]
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in asked), "nothing is known yet"
    with capture_logs() as logs:
        for number in range(1, 6):
            await readers.know(Knowledge().deciding(Decided(number, (GNOME,))))
            await asyncio.sleep(0.4)
        replies = await asyncio.gather(*asked)
        last = await readers.scan(arrival(tmp_path / names[0], tmp_path), str(tmp_path))
    found = [FileScanned.model_validate_json(reply.payload) for reply in (*replies, last)]
    assert {event.target.catalog_id for event in found if event.target} == {"M31"}
    assert found[-1].decisions_revision == 5
    assert [line for line in logs if line["log_level"] in {"warning", "error"}] == []
