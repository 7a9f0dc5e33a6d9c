"""What goes wrong around ingest: it ends in the middle, events get lost, the library is not mounted."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client

from services.descriptions import SERVICES
from services.ingest import collector, pages
from services.ingest.announce import announce_forgotten, announce_lost
from services.ingest.app import run
from services.ingest.store import batch, ledger
from shared.bus.names import EVENTS
from shared.bus.outbox import OutboxRelay
from shared.bus.provision import provision
from shared.db.pool import pool_of
from shared.errors import Unavailable, UserError
from shared.library.stream import Stream
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    ingest,
    library_files,
    sha256,
    slow_take,
    stop,
    unfinished_copies,
    until,
    write,
)
from tests.stack import PostgresServer, admin_execute


@pytest.mark.parametrize("mode", ["copy", "index"])
async def test_an_import_is_resumed_with_the_right_counts(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Ended in the middle of an import, ingest takes it up again when it is back.

    The report counts what the first try took as arrived, and every file is announced once.
    """
    monkeypatch.setattr(pages, "PAGE_FILES", 4)
    monkeypatch.setattr(collector, "take_many", slow_take)
    write(source, {f"{number:02}.fit": b"%d" % (number % 50) for number in range(60)})
    write(source, {"notes.txt": b"-"})
    ready = configured(settings, tmp_path)
    async with pool_of(settings.postgres, "ingest") as pool:
        first = asyncio.create_task(run(ready))
        service = Ingest(ready, pool, nats_client, first)
        async with asyncio.timeout(20):
            import_id = None
            while import_id is None:
                await asyncio.sleep(0.05)
                try:
                    import_id = await service.start(source, mode=mode)
                except UserError:
                    continue  # not up yet
        await until(lambda: _more_rows_than(pool, 12))
        await stop(first)
        taken = len(await service.ledger())
        assert 12 < taken < 60, "the test must end it in the middle"
    async with ingest(ready, nats_client) as service:
        report = await service.report(import_id)
        assert (report["arrived"], report["already_here"], report["ignored"], report["failed"]) == (50, 10, 1, 0)
        assert len(await service.arrivals()) == 50
        if mode == "copy":
            assert sorted(library_files(service.library).values()) == sorted(b"%d" % number for number in range(50))


async def _more_rows_than(pool: asyncpg.Pool, count: int) -> bool:
    return bool(await pool.fetchval("SELECT count(*) > $1 FROM source_file", count))


async def test_an_import_survives_a_database_that_goes_away(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connections that break in the middle of an import cost a pause and no file; no copy is left half done."""
    monkeypatch.setattr(pages, "PAGE_FILES", 4)
    monkeypatch.setattr(collector, "take_many", slow_take)
    write(source, {f"{number:02}.fit": b"%d" % number for number in range(40)})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        import_id = await service.start(source)
        await until(lambda: _more_rows_than(service.pool, 4))
        for _ in range(3):
            kill = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{settings.postgres.database}' AND pid <> pg_backend_pid()"
            )
            await admin_execute(postgres, [kill])
            await asyncio.sleep(0.1)
        report = await _patient_report(service, import_id)
        assert (report["arrived"], report["failed"]) == (40, 0)
        assert len(await service.arrivals()) == 40
        assert unfinished_copies(service.library) == []


async def _patient_report(service: Ingest, import_id: object) -> dict[str, object]:
    async with asyncio.timeout(30):
        while True:
            try:
                return await service.report(import_id)  # type: ignore[arg-type]
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await asyncio.sleep(0.1)


async def test_a_page_that_cannot_be_recorded_leaves_no_copies(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database refuses a page, the copies of the next one are thrown away and everything is taken later."""
    monkeypatch.setattr(pages, "PAGE_FILES", 2)
    write(source, {f"{number}.fit": b"%d" % number for number in range(8)})
    save, calls = batch.save, 0

    async def away(*args: object) -> list[str]:
        nonlocal calls
        calls += 1
        if calls == 2:
            assert unfinished_copies(tmp_path / "library"), "the next page is being copied meanwhile"
            raise Unavailable("the database does not answer")
        await asyncio.sleep(0.1)
        return await save(*args)  # type: ignore[arg-type]

    seen: list[list[str]] = []

    async def known(*args: object) -> object:
        seen.append(unfinished_copies(tmp_path / "library"))
        return await remember(*args)  # type: ignore[arg-type]

    remember = ledger.known
    monkeypatch.setattr(batch, "save", away)
    monkeypatch.setattr(ledger, "known", known)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        assert (await service.take(source))["arrived"] == 8
        assert len(library_files(service.library)) == 8
    assert seen[1] == [], "nothing of the page that failed is left when it is tried again"


async def test_reread_raises_the_revision_and_announces_again(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """reread: the named files, or all, get a higher revision and a new event; unknown ids change nothing."""
    write(source, {"a.fit": b"a", "b.fit": b"b"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source)
        assert await service.reread(sha256(b"a"), "f" * 64) == 1
        assert await service.reread(everything=True) == 2
        found = await service.messages()
        assert sorted((event.origin, event.scan_revision) for event, _ in found) == [
            ("a.fit", 1), ("a.fit", 2), ("a.fit", 3), ("b.fit", 1), ("b.fit", 2)
        ]  # fmt: skip
        assert len({message_id for _, message_id in found}) == 5
        assert all(str(event.event_id) == message_id for event, message_id in found)
        rows = await service.rows("SELECT scan_revision, settled, attempts FROM file ORDER BY origin")
        assert [tuple(row.values()) for row in rows] == [(3, False, 0), (2, False, 0)]


async def test_the_reconciler_announces_what_nobody_handled(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """What was scanned or quarantined in this revision settles.

    The rest goes out again under ``event_id/attempt``, as the same event, and again when that is lost as well.
    """
    write(source, {f"{name}.fit": name.encode() for name in ("scanned", "refused", "lost", "stale")})
    quick = configured(settings, tmp_path)
    async with ingest(quick, nats_client) as service, pool_of(settings.postgres, "stats") as stats:
        await service.take(source)
        await service.reread(sha256(b"stale"))
        first = {event.file_id: event for event in await service.arrivals()}
        await stats.execute(
            "INSERT INTO quarantine (quarantine_key, file_id, root, path, service, attempt, reason, occurred_at)"
            " SELECT $1, $1, 'library', 'x', 'scanner', 1, 'text', now()",
            sha256(b"refused"),
        )
        await _insert_frames(stats, sha256(b"scanned"), sha256(b"stale"))
        relay = OutboxRelay(service.pool, nats_client.jetstream(), "ingest")
        assert await announce_lost(service.pool, relay, age_s=3600) == 0, "what was announced just now is given time"
        assert await announce_lost(service.pool, relay, age_s=0) == 2
        await service.messages()  # what still waits in the outbox is not told again
        assert await announce_lost(service.pool, relay, age_s=0) == 2
        again = [(event, message_id) for event, message_id in await service.messages() if "/" in message_id]
        lost, stale = first[sha256(b"lost")], first[sha256(b"stale")]
        assert stale.scan_revision == 2
        assert sorted(message_id for _, message_id in again) == sorted(
            f"{event.event_id}/{attempt}" for event in (lost, stale) for attempt in (1, 2)
        )
        assert {(event.event_id, event.path, event.size_bytes) for event, _ in again} == {
            (event.event_id, event.path, event.size_bytes) for event in (lost, stale)
        }
        settled = await service.rows("SELECT origin FROM file WHERE settled ORDER BY origin")
        assert [row["origin"] for row in settled] == ["refused.fit", "scanned.fit"]


async def test_what_an_earlier_stream_took_with_it_is_announced_at_once(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Whatever was announced before the stream was made is announced again, however long its pause is; the rest not."""
    write(source, {f"{name}.fit": name.encode() for name in ("scanned", "lost", "later")})
    js = nats_client.jetstream()
    async with (
        ingest(configured(settings, tmp_path), nats_client) as service,
        pool_of(settings.postgres, "stats") as stats,
    ):
        await service.take(source / "scanned.fit", source / "lost.fit")
        await service.arrivals()
        await _insert_frames(stats, sha256(b"scanned"))
        await service.pool.execute("UPDATE file SET attempts = 7")
        relay = OutboxRelay(service.pool, js, "ingest")
        assert await announce_forgotten(service.pool, relay) == 0
        await js.delete_stream(EVENTS)
        await provision(js, settings.nats, SERVICES)
        await service.take(source / "later.fit")
        assert await announce_forgotten(service.pool, relay) == 1
        assert await announce_forgotten(service.pool, relay) == 0
        assert sorted(event.origin for event in await service.arrivals()) == ["later.fit", "lost.fit"]


async def _insert_frames(pool: asyncpg.Pool, *file_ids: str) -> None:
    """Rows of stats.frame as if revision 1 had been scanned; other columns get whatever their type allows."""
    columns = await pool.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'stats'"
        " AND table_name = 'frame' AND is_nullable = 'NO' AND column_default IS NULL"
    )
    sample = {
        "text": "''", "integer": "1", "bigint": "0", "boolean": "false", "double precision": "0", "jsonb": "'{}'",
        "timestamp with time zone": "now()", "date": "current_date", "ARRAY": "'{}'",
    }  # fmt: skip
    special = {"file_id": "$1", "frame_type": "'LIGHT'"}
    values = {row["column_name"]: special.get(row["column_name"], sample[row["data_type"]]) for row in columns}
    query = f"INSERT INTO frame ({', '.join(values)}) VALUES ({', '.join(values.values())})"
    await pool.executemany(query, [(file_id,) for file_id in file_ids])


async def test_without_its_marker_the_library_is_not_written_to(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A library whose marker is missing while ingest runs is waited for and gets no byte."""
    write(source, {"a.fit": b"a"})
    ready = configured(settings, tmp_path)
    library, volume = tmp_path / "library", tmp_path / "volume"
    async with ingest(ready, nats_client) as service:
        await service.until_open()
        library.rename(volume)
        library.mkdir()
        import_id = await service.start(source)

        async def waiting() -> bool:
            return any("has no marker: is the volume mounted?" in wait.reason for wait in await service.waits())

        await until(waiting)
        assert list(library.iterdir()) == []
        assert await service.arrivals() == []
    library.rmdir()
    volume.rename(library)
    async with ingest(ready, nats_client) as service:
        report = await service.report(import_id)
        assert (report["arrived"], report["failed"]) == (1, 0)
        assert library_files(library) == {"captures/a.fit": b"a"}
        assert await service.ledger() == {"a.fit": "arrived"}


async def test_what_replaces_what_survives_a_failure_between(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack that changed while it was read fails once; taken later, it still names the content that it replaces."""
    write(source, {"stack.fit": b"10 subs"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source)
        (source / "stack.fit").write_bytes(b"11 subs")
        with monkeypatch.context() as patch:
            patch.setattr("services.ingest.take.stage", _changing)
            assert (await service.take(source))["failures"] == ["stack.fit changed while it was read"]
        assert (await service.take(source))["arrived"] == 1
        assert [event.replaces for event in await service.arrivals()] == [None, sha256(b"10 subs")]


def _changing(stream: Stream, *_others: object) -> None:
    raise Unavailable(f"{Path(stream.name).name} changed while it was read")
