"""Imports as jobs: side by side, cancelled, killed at every step, and what a late holder writes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client

from services.ingest import collector, imports, pages
from services.ingest.imports import IMPORTS
from services.ingest.ledger import Observation
from services.ingest.store import batch
from services.ingest.store.batch import Batch
from services.ingest.store.files import Arrival
from shared.db.pool import transaction
from shared.errors import UserError
from shared.jobs import runner
from shared.jobs.job import Job
from shared.jobs.outcome import CANCELLED, Lost, Outcome
from shared.jobs.runner import Runner
from shared.jobs.store import JobStore
from shared.settings import Settings
from tests.integration.ingest.world import (
    Ingest,
    configured,
    fits,
    ingest,
    library_files,
    sha256,
    slow_take,
    unfinished_copies,
    until,
    write,
)


async def progress(service: Ingest, import_id: UUID) -> dict[str, Any]:
    """What the contract says of an import."""
    (row,) = await service.rows("SELECT * FROM import_progress WHERE import_id = $1", import_id)
    return row


async def test_a_short_import_keeps_its_totals(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends before it tells how far it is says in the end how much lay below its paths."""
    monkeypatch.setattr(runner, "BEAT_S", 3600.0)
    monkeypatch.setattr(collector, "take_many", slow_take)
    write(source, {"a.fits": fits(fill=1), "b.fits": fits(fill=2), "notes.txt": b"clear"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        report = await service.take(source)
        assert (report["total_files"], report["total_bytes"]) == (3, report["size_bytes"])


async def test_a_truncated_file_holds_no_other_import(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """An import that waits minutes for a file to become complete says so, and those after it run meanwhile."""
    write(source, {"cut.fits": fits()[:3000]})
    others = [tmp_path / f"night-{number}" for number in range(6)]
    for number, folder in enumerate(others):
        write(folder, {"a.fits": fits(fill=number)})
    ready = configured(settings, tmp_path, incomplete_wait_s=3600.0, imports_at_once=2)
    async with ingest(ready, nats_client) as service:
        waiting = await service.start(source)

        async def waits() -> bool:
            return bool((await progress(service, waiting))["waiting_for"])

        await until(waits)
        reports = [await service.take(folder) for folder in others]
        assert [report["arrived"] for report in reports] == [1] * 6
        row = await progress(service, waiting)
        assert (row["state"], row["found"], row["waiting"]) == ("running", 1, 1)
        assert row["waiting_for"][0].startswith("cut.fits: ")


async def test_imports_beyond_the_limit_wait_for_their_turn(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """With imports_at_once = 1 the second waits while the first runs, and begins when that is cancelled."""
    write(source, {"cut.fits": fits()[:3000]})
    write(tmp_path / "other", {"a.fits": fits()})
    ready = configured(settings, tmp_path, incomplete_wait_s=3600.0, imports_at_once=1)
    async with ingest(ready, nats_client) as service:
        first = await service.start(source)
        await until(lambda: is_state(service, first, "running"))
        second = await service.start(tmp_path / "other")
        await until(lambda: says_it_waits(service, first))
        assert (await progress(service, second))["state"] == "waiting"
        assert await service.cancel(first) == "running"
        assert (await service.report(second))["arrived"] == 1
        assert (await progress(service, first))["state"] == "cancelled"


async def is_state(service: Ingest, import_id: UUID, state: str) -> bool:
    """Whether an import is in a state."""
    return bool((await progress(service, import_id))["state"] == state)


async def says_it_waits(service: Ingest, import_id: UUID) -> bool:
    """Whether an import names what it waits for."""
    return bool((await progress(service, import_id))["waiting_for"])


async def test_a_cancelled_import_stops_cleanly(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle: what was taken stays and is counted, no copy is half done, and again takes the rest.

    To cancel what is done, or never was, is refused with a sentence.
    """
    monkeypatch.setattr(pages, "PAGE_FILES", 4)
    monkeypatch.setattr(collector, "take_many", slow_take)
    write(source, {f"{number:03}.fit": b"%d" % number for number in range(200)})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        import_id = await service.start(source)

        async def begun() -> bool:
            return len(await service.ledger()) > 8

        await until(begun)
        assert await service.cancel(import_id) == "running"
        report = await service.report(import_id)
        assert (report["state"], report["reason"], report["error"]) == ("cancelled", CANCELLED, None)
        assert report["waiting_for"] == []
        taken = len(await service.ledger())
        assert 8 < taken < 200
        assert report["arrived"] == report["found"] == taken
        assert len(library_files(service.library)) == taken
        assert unfinished_copies(service.library) == []
        assert await service.cancel(import_id) == "cancelled", "a command that is sent twice is one"
        nowhere = uuid4()
        with pytest.raises(UserError, match=f"there is no import {nowhere}"):
            await service.cancel(nowhere)
        again = await service.take(source)
        assert (again["arrived"], again["already_here"]) == (200 - taken, taken)
        with pytest.raises(UserError, match=f"the import {again['import_id']} has ended: it is done"):
            await service.cancel(again["import_id"])


async def test_a_late_import_changes_nothing(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A holder that woke up after another one took its import over writes neither progress nor files nor an end."""
    write(source, {"a.fit": b"a"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        import_id = await service.take(source)
        await service.pool.execute("UPDATE import SET state = 'waiting', finished_at = NULL, next_try_at = 'infinity'")
        jobs = JobStore(service.pool, IMPORTS)
        first, second = await claimed_twice(service, jobs, import_id["import_id"])
        assert await jobs.settle(second.id, second.attempt, Outcome("done"))
        before, files = await service.rows("SELECT * FROM import"), await service.tables()
        assert (before[0]["state"], second.attempt) == ("done", first.attempt + 1)
        with pytest.raises(Lost):
            await first.save(found=99, waiting=1)
        assert not await jobs.settle(first.id, first.attempt, Outcome("failed", "late"))
        seen = Observation("", "late.fit", 4, 1, b"", file_id=sha256(b"late"))
        arrival = Arrival(sha256(b"late"), 4, "library", "captures/late.fit", "/", "late.fit", None, 1)
        late = Batch("captures", None, [seen], [arrival], freed=[seen])
        with pytest.raises(Lost):
            async with transaction(service.pool) as connection:
                await first.hold(connection)
                await batch.save(connection, late, first.id)
        assert (await service.rows("SELECT * FROM import"), await service.tables()) == (before, files)


async def test_a_move_that_goes_on_counts_what_it_deleted_before(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Sources that an attempt before took and deleted are in the counts of the one that ends."""
    write(source, {f"{number}.fit": b"%d" % number for number in range(6)} | {"again.fit": b"0"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        first = await service.take(source, mode="move")
        await until(lambda: is_empty(source))
        await service.pool.execute(
            "UPDATE import SET found = 0, arrived = 0, already_here = 0, state = 'waiting', finished_at = NULL"
        )
        write(source, {"late.fit": b"late", "same.fit": b"1"})
        report = await service.report(first["import_id"])
        assert (report["attempt"], report["arrived"], report["already_here"], report["found"]) == (2, 7, 2, 9)
        assert report["total_files"] == 9


async def is_empty(folder: Path) -> bool:
    """Whether nothing is left in a folder."""
    return not any(folder.iterdir())


async def claimed_twice(service: Ingest, jobs: JobStore, import_id: UUID) -> tuple[Job, Job]:
    """Two holders of one import, the first of which let its lease run out; the service itself gets it not."""
    held = []
    for _ in range(2):
        (row,) = await service.pool.fetch(
            "UPDATE import SET state = 'running', attempt = attempt + 1, started_at = now(),"
            " leased_until = now() + interval '1 hour' WHERE import_id = $1 RETURNING *",
            import_id,
        )
        held.append(Job(jobs, row))
    return held[0], held[1]


KEEP_LEASES = Runner._keep_leases
STEPS: dict[str, tuple[str, str]] = {
    "claim": ("services.ingest.imports.Imports", "_errands_of"),
    "walk": ("services.ingest.store.ledger", "known"),
    "copy": ("services.ingest.collector.Collector", "_take_page"),
    "place": ("services.ingest.shelf.Shelf", "shelve"),
    "commit": ("services.ingest.recorder.Recorder", "record"),
    "progress": ("shared.jobs.store.JobStore", "save"),
    "before the finish": ("shared.jobs.store.JobStore", "settle"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_an_import_that_stops_at_any_step_is_taken_over(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A process that stops for ever at a step loses its import: another takes it over and does it, counts included.

    When the first one goes on after all, that changes nothing: no state, no count, no file, no event.
    """
    monkeypatch.setattr(imports, "LOOK_AGAIN_S", 0.1)
    write(source, {f"{number}.fit": b"%d" % number for number in range(8)})
    ready = configured(settings, tmp_path)
    hung = Hang(*STEPS[step], monkeypatch)
    monkeypatch.setattr(Runner, "_keep_leases", no_heartbeats)  # a process that stops sends none
    async with ingest(ready, nats_client) as first:
        hung.install()
        import_id = await first.start(source)
        await until(hung.is_reached)
        hung.let_others_pass()
        monkeypatch.setattr(Runner, "_keep_leases", KEEP_LEASES)
        await first.pool.execute("UPDATE import SET leased_until = now() - interval '1 minute'")
        async with ingest(ready, nats_client) as second:
            report = await second.report(import_id)
            assert (report["state"], report["attempt"]) == ("done", 2)
            assert (report["found"], report["failed"], report["reason"]) == (8, 0, None)
            assert report["arrived"] + report["already_here"] == 8
            assert len(await second.arrivals()) == 8
            before = (await progress(second, import_id), await second.tables(), library_files(second.library))
            hung.go_on()
            await until(hung.is_over)
            await until(lambda: no_copies(second))
            assert (await progress(second, import_id), await second.tables()) == before[:2]
            assert library_files(second.library) == before[2]
            assert len(before[2]) == 8
            assert len(await second.arrivals()) == 8


async def no_heartbeats(_runner: Runner) -> None:
    """What a process does that is stopped."""


async def no_copies(service: Ingest) -> bool:
    """Whether no copy is left half done."""
    return unfinished_copies(service.library) == []


class Hang:
    """The first call of a method or function hangs until it is told to go on; whoever hangs sends no heartbeats."""

    def __init__(self, owner: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        module, _, kind = owner.rpartition(".")
        self._owner: object = getattr(__import__(module, fromlist=[kind]), kind)
        self._name = name
        self._reached, self._free, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._method: Callable[..., Awaitable[object]] = getattr(self._owner, name)
        self._monkeypatch = monkeypatch

    def install(self) -> None:
        """Have the next call hang."""
        hang = self

        async def called(*args: object, **named: object) -> object:
            if hang._reached.is_set():
                return await hang._method(*args, **named)
            hang._reached.set()
            await hang._free.wait()
            try:
                return await hang._method(*args, **named)
            finally:
                hang._over.set()

        self._monkeypatch.setattr(self._owner, self._name, called)

    def let_others_pass(self) -> None:
        """Put the method back; the call that hangs stays where it is."""
        self._monkeypatch.setattr(self._owner, self._name, self._method)

    def go_on(self) -> None:
        """Wake the call that hangs."""
        self._free.set()

    async def is_reached(self) -> bool:
        """Whether a call hangs."""
        return self._reached.is_set()

    async def is_over(self) -> bool:
        """Whether the call that hung has returned."""
        return self._over.is_set()
