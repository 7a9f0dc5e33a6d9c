"""Watching a source: hints and walks, files that are still being written, folders that come and go."""

import asyncio
import os
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import follow, watch
from services.ingest.settings import FolderSettings, SourceSettings
from shared.settings import Settings
from tests.integration.ingest.world import configured, fits, ingest, library_files, sha256, until, write

NEVER_S = 3600.0


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses, the same rules."""
    monkeypatch.setattr(follow, "DEBOUNCE_S", 0.1)
    monkeypatch.setattr(watch, "MISSING_POLL_S", 0.1)
    monkeypatch.setattr(follow, "GONE_S", 0.1)


@pytest.fixture
def without_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that sends no hints."""

    async def none(_watcher: object) -> None:
        """Nothing ever comes."""

    monkeypatch.setattr("services.ingest.follow.HintFollower._follow_changes", none)


def rig(path: Path, *, walk_interval_s: float = NEVER_S, mode: str = "copy", settle_s: float = 0.0) -> SourceSettings:
    """The watched source."""
    return FolderSettings(
        name="rig", path=path, mode=mode, walk_interval_s=walk_interval_s, settle_s=settle_s
    )  # fmt: skip


async def test_hints_bring_new_files_in_seconds(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Between walks a hint is enough.

    For a new file, a file in a new folder, and a folder that was moved in with files that were there before; what a
    full walk would pass over is passed over here too.
    """
    write(tmp_path, {"elsewhere/deep/er/moved.fit": b"moved", "outside/secret.fit": b"secret"})
    write(source, {"first.fit": b"first"})
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger("first.fit")
        write(source, {"a.fit": b"a", "new/b.fit": b"b"})
        await service.until_ledger("a.fit", "new/b.fit")
        (tmp_path / "elsewhere").rename(source / "elsewhere")
        await service.until_ledger("elsewhere/deep/er/moved.fit")
        (source / "link").symlink_to(tmp_path / "outside")
        write(source, {".hidden/h.fit": b"h", "#recycle/r.fit": b"r", "@eaDir/deep/e.fit": b"e", "last.fit": b"last"})
        await service.until_ledger("last.fit")
        await asyncio.sleep(0.5)
        assert set(await service.ledger()) == {
            "first.fit", "a.fit", "new/b.fit", "elsewhere/deep/er/moved.fit", "last.fit"
        }  # fmt: skip
        assert b"secret" not in library_files(service.library).values()


async def test_links_out_of_a_source_are_neither_watched_nor_walked(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links to / and /usr in a source cost no watch and no walk, hints go on, and nothing walks on the event loop."""
    on_the_loop: list[str] = []
    scandir = os.scandir

    def observed(path: Any) -> Any:
        if threading.current_thread() is threading.main_thread() and Path(str(path)).is_relative_to(source):
            on_the_loop.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", observed)
    (source / "before").symlink_to("/")
    write(source, {"night/a.fit": b"a"})
    async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
        await service.until_ledger("night/a.fit")
        assert watches() == 2
        (source / "root").symlink_to("/")
        (source / "night" / "usr").symlink_to("/usr")
        write(source, {"night/deep/b.fit": b"b"})
        await service.until_ledger("night/deep/b.fit")
        write(source, {"night/deep/c.fit": b"c"})
        await service.until_ledger("night/deep/c.fit")
        assert watches() == 3, "the source, night and night/deep"
    assert on_the_loop == []
    assert watches() == 0


def watches() -> int:
    """How many folders this process watches by inotify, as the kernel counts."""
    texts = [file.read_text() for file in Path("/proc/self/fdinfo").iterdir() if file.exists()]
    return sum(line.startswith("inotify ") for text in texts for line in text.splitlines())


async def test_a_name_of_bytes_ends_no_watching(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Files and folders with names that are not UTF-8 are told, once each, and hints go on after them.

    When they are renamed they arrive, and are no failures any more.
    """
    bad = os.fsdecode(b"bad\xff.fit")
    with capture_logs() as logs:
        async with ingest(configured(settings, tmp_path, rig(source)), nats_client) as service:
            write(source, {"night/a.fit": b"a"})
            await service.until_ledger("night/a.fit")
            (source / "night" / bad).write_bytes(b"bad")
            (source / os.fsdecode(b"\xfe")).mkdir()
            await service.until_ledger("night/bad\\xff.fit", "\\xfe")
            write(source, {"night/b.fit": b"b"})
            await service.until_ledger("night/b.fit")
            failed = await service.rows("SELECT path, reason FROM not_taken ORDER BY path")
            assert [row["path"] for row in failed] == ["\\xfe", "night/bad\\xff.fit"]
            assert failed[1]["reason"] == f"{source}/night/bad\\xff.fit: the name is not UTF-8; rename it"
            (source / "night" / bad).rename(source / "night" / "good.fit")
            (source / os.fsdecode(b"\xfe")).rmdir()
            await service.until_ledger("night/good.fit")
            write(source, {"last.fit": b"last"})
            await service.until_ledger("last.fit")
            assert await service.rows("SELECT FROM not_taken") == []
    told = [line["reason"] for line in logs if line["event"] == "file not taken"]
    assert sorted(told) == sorted(row["reason"] for row in failed)


@pytest.mark.usefixtures("without_hints")
async def test_walks_find_what_no_hint_told(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Where a file system sends no hints, the next walk brings the file."""
    async with ingest(configured(settings, tmp_path, rig(source, walk_interval_s=0.3)), nats_client) as service:
        write(source, {"deep/a.fit": b"a"})
        await service.until_ledger("deep/a.fit")
        (event,) = await service.arrivals()
        assert (event.source, event.origin, event.path) == ("rig", "deep/a.fit", "rig/deep/a.fit")


async def test_a_file_being_written_is_taken_once_and_whole(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A file that grows slowly, with pauses shorter than the settle time, arrives once, with all its bytes.

    So does one that is written as .part and then renamed.
    """
    whole = fits(width=200, height=200, fill=7)
    async with ingest(configured(settings, tmp_path, rig(source, settle_s=0.6)), nats_client) as service:
        with (source / "slow.fit").open("wb") as slow, (source / "fast.fit.part").open("wb") as part:
            for start in range(0, len(whole), 10_000):
                slow.write(whole[start : start + 10_000])
                slow.flush()
                part.write(whole[start : start + 10_000][::-1])
                part.flush()
                await asyncio.sleep(0.2)
                assert await service.ledger() == {}
            slow.write(b"")
        written = (source / "fast.fit.part").read_bytes()
        (source / "fast.fit.part").rename(source / "fast.fit")
        await service.until_ledger("slow.fit", "fast.fit")
        assert await service.ledger() == {"slow.fit": "arrived", "fast.fit": "arrived"}
        assert library_files(service.library) == {"rig/slow.fit": whole, "rig/fast.fit": written}
        assert len(await service.arrivals()) == 2


async def test_a_truncated_file_is_waited_for_and_then_taken_as_it_is(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A file that is quiet but shorter than its header declares waits.

    Completed in time it arrives whole, and one that never grows is taken as it is.
    """
    whole = fits(width=100, height=100, fill=1)
    write(source, {"stalled.fit": whole[:9000], "dead.fit": whole[:6000]})
    quick = configured(settings, tmp_path, rig(source), incomplete_wait_s=2.0)
    async with ingest(quick, nats_client) as service:
        await asyncio.sleep(0.8)
        assert await service.ledger() == {}
        with (source / "stalled.fit").open("ab") as file:
            file.write(whole[9000:])
        await service.until_ledger("stalled.fit")
        assert await service.ledger() == {"stalled.fit": "arrived"}
        await service.until_ledger("dead.fit")
        assert {event.origin: event.size_bytes for event in await service.arrivals()} == {
            "stalled.fit": len(whole), "dead.fit": 6000
        }  # fmt: skip


async def test_an_import_names_the_files_that_it_waits_for(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """While an import waits for incomplete files, its progress says how many, which, and what they lack."""
    write(source, {"whole.fit": fits(), "cut.fit": fits(width=100, height=100)[:9000]})
    async with ingest(configured(settings, tmp_path, incomplete_wait_s=3.0), nats_client) as service:
        import_id = await service.start(source)

        async def waits() -> bool:
            return bool(await service.rows("SELECT FROM import_progress WHERE waiting > 0"))

        await until(waits)
        (row,) = await service.rows("SELECT found, arrived, waiting, waiting_for FROM import_progress")
        assert (row["found"], row["arrived"], row["waiting"]) == (2, 1, 1)
        assert re.fullmatch(r"cut\.fit: .*declares \d+ bytes.* 9000", row["waiting_for"][0]), row["waiting_for"]
        report = await service.report(import_id)
        assert (report["arrived"], report["waiting"], report["waiting_for"]) == (2, 0, [])


async def test_a_source_that_is_not_there_yet(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A source whose folder is missing at start, or goes away and comes back.

    Is taken up as soon as it is there, with what it holds already and with hints for what follows.
    """
    source.rmdir()
    with capture_logs() as logs:
        async with ingest(configured(settings, tmp_path, rig(source, walk_interval_s=0.5)), nats_client) as service:
            await asyncio.sleep(0.3)
            write(tmp_path, {"prepared/a.fit": b"a"})
            (tmp_path / "prepared").rename(source)
            await service.until_ledger("a.fit")
            source.rename(tmp_path / "away")
            await asyncio.sleep(1.0)
            (tmp_path / "away").rename(source)
            write(source, {"b.fit": b"b"})
            await service.until_ledger("b.fit")
            assert await service.ledger() == {"a.fit": "arrived", "b.fit": "arrived"}
    missing = [line for line in logs if line["event"] == "source is not there"]
    assert 1 <= len(missing) <= 3, "said when it happens, not at each look"


async def test_an_empty_mount_changes_nothing(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """When every known file is gone at once, an error is logged and no table changes.

    Files of a foreign mount are not taken. A source that was cleared of some old nights goes on.
    """
    write(source, {f"{night}/{number}.fit": b"%d %d" % (night, number) for night in range(3) for number in range(15)})
    quick = configured(settings, tmp_path, rig(source, walk_interval_s=0.3))
    with capture_logs() as logs:
        async with ingest(quick, nats_client) as service:
            await service.until_ledger("2/14.fit")
            for night in (0, 1):
                shutil.rmtree(source / str(night))
            write(source, {"3/new.fit": b"new"})
            await service.until_ledger("3/new.fit")
            tables = await service.tables()
            source.rename(tmp_path / "volume")
            write(tmp_path, {"foreign/x.fit": b"foreign"})
            (tmp_path / "foreign").rename(source)

            async def noticed() -> bool:
                return any("empty or foreign mount" in line["event"] for line in logs)

            await until(noticed)
            await asyncio.sleep(0.5)
            assert await service.tables() == tables
            shutil.rmtree(source)
            (tmp_path / "volume").rename(source)
            write(source, {"4/back.fit": b"back"})
            await service.until_ledger("4/back.fit")
            assert sha256(b"foreign") not in {event.file_id for event in await service.arrivals()}
    (error,) = {(line["log_level"], line["source"]) for line in logs if "empty or foreign" in line["event"]}
    assert error == ("error", "rig")
