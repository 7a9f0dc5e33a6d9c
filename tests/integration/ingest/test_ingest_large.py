"""Large files go beside the others: nobody waits for them, and they are counted, cancelled and deleted all the same."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from nats.aio.client import Client

from services.ingest import collector, delete, pages
from services.ingest.settings import FolderSettings
from services.ingest.store import deletions
from services.ingest.take import take_many
from shared.library.hashing import sha256_file
from shared.settings import Settings
from tests.integration.ingest.world import (
    configured,
    ingest,
    library_files,
    unfinished_copies,
    until,
    write,
)

HUGE = b"x" * 5000
HUGE_SPARSE_BYTES = 300 * 1024**2


class Slow:
    """A disk on which a large file takes until it is let through, telling a byte now and then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = Event()
        self.begun = 0
        for module in (collector, deletions):
            monkeypatch.setattr(module, "LARGE_BYTES", 1000)
        monkeypatch.setattr(collector, "take_many", self.take)

    def take(self, source: object, entries: list, **options: Callable[[int], None]) -> list:  # type: ignore[type-arg]
        """Take files; a large one takes its time first."""
        if any(entry.size_bytes >= 1000 for entry in entries):
            self.begun += 1
            while not self.go_on.wait(0.02):
                options["progress"](1)
        return take_many(source, entries, **options)  # type: ignore[arg-type]

    async def is_begun(self) -> bool:
        """Whether a large file is in hand."""
        return self.begun > 0


@pytest.mark.parametrize("mode", ["copy", "index", "move"])
async def test_a_huge_file_holds_no_others_up(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """While one file takes for ever all others arrive, of later folders too; then it arrives, and is counted once."""
    slow = Slow(monkeypatch)
    monkeypatch.setattr(pages, "GROUP_FOLDERS", 2)
    write(source, {"a/huge.fit": HUGE})
    write(source, {f"{folder}/{number}.fit": b"%s %d" % (folder.encode(), number)
                   for folder in "abcdefgh" for number in range(20)})  # fmt: skip
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        import_id = await service.start(source, mode=mode)

        async def others() -> bool:
            (row,) = await service.rows("SELECT * FROM import_progress")
            return (row["arrived"], row["waiting"], row["found"]) == (160, 1, 161)

        await until(others)
        (row,) = await service.rows("SELECT * FROM import_progress")
        assert row["state"] == "running"
        assert row["waiting_for"] == []
        assert row["in_hand"][0].startswith("a/huge.fit: ")
        assert row["in_hand"][0].endswith("of 5.0 kB are read")
        slow.go_on.set()
        report = await service.report(import_id)
        assert (report["arrived"], report["already_here"], report["failed"]) == (161, 0, 0)
        assert slow.begun == 1
        assert len(await service.arrivals()) == 161
        if mode == "move":
            await until(lambda: is_empty(source))


async def is_empty(folder: Path) -> bool:
    """Whether no file is left below a folder."""
    return not any(path.is_file() for path in folder.rglob("*"))


async def test_what_comes_later_to_a_watched_source_waits_for_no_huge_file(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subs that land while a video is copied arrive before it; the video arrives once, when it is done."""
    slow = Slow(monkeypatch)
    write(source, {"video.fit": HUGE})
    rig = FolderSettings(name="rig", path=source, mode="copy", settle_s=0.0, walk_interval_s=0.3)
    async with ingest(configured(settings, tmp_path, rig), nats_client) as service:
        await until(slow.is_begun)
        write(source, {"sub.fit": b"sub"})
        await service.until_ledger("sub.fit")
        assert await service.ledger() == {"sub.fit": "arrived"}
        slow.go_on.set()
        await service.until_ledger("video.fit")
        assert sorted(library_files(service.library).values()) == sorted([b"sub", HUGE])
        assert slow.begun == 1


async def test_an_import_is_cancelled_in_the_middle_of_a_huge_file(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the end of a copy of hours: it is left within seconds, and nothing of it stays behind."""
    slow = Slow(monkeypatch)
    write(source, {"huge.fit": HUGE, "small.fit": b"small"})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        import_id = await service.start(source)
        await until(slow.is_begun)
        await service.until_ledger("small.fit")
        await service.cancel(import_id)
        report = await service.report(import_id)
        assert (report["state"], report["arrived"], report["found"]) == ("cancelled", 1, 1)
        assert unfinished_copies(service.library) == []
        assert list(library_files(service.library).values()) == [b"small"]
        slow.go_on.set()
        assert (await service.take(source))["arrived"] == 1


async def test_a_cancelled_import_waits_for_no_library(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that waits for a library that is not mounted ends when it is asked to."""
    write(source, {"a.fit": b"a"})
    never = asyncio.Event()

    async def opened(_library: object, _files: int = 0) -> None:
        await never.wait()

    async with ingest(configured(settings, tmp_path), nats_client) as service:
        monkeypatch.setattr("services.ingest.library.Library.opened", opened)
        import_id = await service.start(source)

        async def runs() -> bool:
            (row,) = await service.rows("SELECT state FROM import")
            return bool(row["state"] == "running")

        await until(runs)
        await service.cancel(import_id)
        assert (await service.report(import_id))["state"] == "cancelled"


async def test_large_deletions_hold_no_others_up(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources of large files are deleted beside the others: two that take for ever keep no small one waiting."""
    for module in (collector, deletions):
        monkeypatch.setattr(module, "LARGE_BYTES", 1000)
    monkeypatch.setattr(delete, "LARGE_AT_ONCE", 0)
    write(source, {f"large-{number}.fit": b"%d" % number + HUGE for number in range(3)})
    write(source, {f"{number}.fit": b"%d" % number for number in range(10)})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        assert (await service.take(source, mode="move"))["arrived"] == 13

        async def only_large() -> bool:
            return sorted(path.name for path in source.iterdir()) == [f"large-{number}.fit" for number in range(3)]

        await until(only_large)
    monkeypatch.setattr(delete, "LARGE_AT_ONCE", 1)
    async with ingest(configured(settings, tmp_path), nats_client):
        await until(lambda: is_empty(source))


async def test_a_huge_sparse_file_is_brought_home_sparse(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A real one, larger than any frame, with small ones beside: all arrive, and it takes no more room than before."""
    write(source, {f"{number}.fit": b"%d" % number for number in range(50)})
    with (source / "huge.fit").open("wb") as file:
        file.write(b"begin")
        file.truncate(HUGE_SPARSE_BYTES)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        report = await service.report(await service.start(source), within_s=120)
        assert (report["arrived"], report["failed"]) == (51, 0)
        copy = service.library / "captures" / "huge.fit"
        assert copy.stat().st_size == HUGE_SPARSE_BYTES
        assert copy.stat().st_blocks <= (source / "huge.fit").stat().st_blocks + 64
        assert sha256_file(copy) == sha256_file(source / "huge.fit")
        assert (report["total_files"], report["size_bytes"]) == (51, report["total_bytes"])
        assert report["read_bytes"] == report["size_bytes"]


async def test_a_service_that_ends_leaves_a_huge_file_for_the_next(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal waits for no copy of hours; the next process takes the import up and ends it, with the right counts."""
    slow = Slow(monkeypatch)
    write(source, {"huge.fit": HUGE, "small.fit": b"small"})
    ready = configured(settings, tmp_path)
    async with ingest(ready, nats_client) as service:
        import_id = await service.start(source)
        await until(slow.is_begun)
        await service.until_ledger("small.fit")
    slow.go_on.set()
    async with ingest(ready, nats_client) as again:
        report = await again.report(import_id)
        assert (report["state"], report["arrived"], report["unexpected"]) == ("done", 2, 0)
        assert unfinished_copies(again.library) == []
