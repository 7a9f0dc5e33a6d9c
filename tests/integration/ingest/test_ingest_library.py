"""The library may be away, read-only, damaged or elsewhere when ingest starts: all else goes on, and later it does."""

import asyncio
import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import delete
from services.ingest import library as library_module
from services.ingest.settings import FolderSettings
from services.ingest.shelf import Shelf
from services.ingest.sources.folder import Folder
from services.ingest.sweep import Sweep
from shared.library import roots
from shared.library.hashing import Digest
from shared.library.lock import LibraryLock
from shared.library.roots import LibraryAway, Root, open_library
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from tests.disks import MIB, CannotMount, small_disk
from tests.integration.ingest.world import (
    Ingest,
    configured,
    ingest,
    library_files,
    sha256,
    unfinished_copies,
    until,
    untouched,
    write,
)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "LOOK_EVERY_S", 0.1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with one capture."""
    folder = tmp_path / "captures"
    write(folder, {"a.fit": b"a"})
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own for the library."""
    try:
        with small_disk(tmp_path / "disk", 24 * MIB) as place:
            yield place
    except CannotMount as error:
        pytest.skip(f"no small disk can be mounted: {error}")


def at(settings: Settings, path: Path) -> Settings:
    """The same with the library elsewhere."""
    kept = settings.section(LibrarySettings)
    return settings.model_copy(update={"library": kept.model_copy(update={"path": path})})


async def reason(service: Ingest) -> str:
    """Why the library is waited for, once that is said."""

    async def said() -> bool:
        return bool(await service.waits())

    await until(said)
    (wait,) = await service.waits()
    assert wait.what == "the library"
    return wait.reason


async def test_a_library_that_is_away_at_the_start_is_waited_for(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Whatever needs no library goes on; what needs it waits with the reason, until the volume is there."""
    watched = tmp_path / "watched"
    write(watched, {"b.fit": b"b"})
    sources = [
        FolderSettings(name="indexed", path=watched, mode="index"),
        FolderSettings(name="copied", path=watched, mode="copy"),
    ]
    volume = tmp_path / "volume"
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.until_open()
        service.library.rename(volume)
    service.library.mkdir()
    async with ingest(configured(settings, tmp_path, *sources), nats_client) as service:
        assert await reason(service) == (f"the library at {service.library} has no marker: is the volume mounted?")
        await service.until_ledger("b.fit")
        assert [event.root for event in await service.arrivals()] == ["indexed"]
        assert list(service.library.iterdir()) == []
        service.library.rmdir()
        volume.rename(service.library)
        await service.until_open()
        assert (await service.take(source))["arrived"] == 1

        async def copied() -> bool:
            return library_files(service.library) == {"captures/a.fit": b"a", "copied/b.fit": b"b"}

        await until(copied)


@pytest.mark.parametrize("problem", ["read-only", "damaged", "not empty", "another library"])
async def test_a_library_that_cannot_be_used_is_waited_for(
    settings: Settings,
    nats_client: Client,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: str,
) -> None:
    """One sentence says why, nothing in it is touched, and ingest goes on by itself once it can be used."""
    ready = configured(settings, tmp_path)
    folder = tmp_path / "library"
    marker = folder / ".nightbus" / "root.json"
    if problem == "not empty":
        write(folder, {"holiday.jpg": b"x"})
        expected = "it is not empty (it holds 'holiday.jpg')"
    else:
        async with ingest(ready, nats_client) as service:
            await service.until_open()
        original = marker.read_bytes()
        expected = {"damaged": "has a damaged marker", "read-only": "cannot be written to: Read-only file system"}.get(
            problem, "is another library of that name"
        )
        if problem == "damaged":
            marker.write_bytes(b'{"name": "library", "id": "half')
        elif problem == "another library":
            marker.write_text('{"name": "library", "id": "00000000000000000000000000000001"}')
    with monkeypatch.context() as patch:
        if problem == "read-only":
            patch.setattr(LibraryLock, "acquire", _read_only)
        async with ingest(ready, nats_client) as service:
            assert expected in await reason(service)
            import_id = await service.start(source)

            async def says_so() -> bool:
                (row,) = await service.rows("SELECT held_up_by, left_s FROM import_progress")
                assert row["left_s"] is None
                return expected in (row["held_up_by"] or "")

            await until(says_so)
            if problem == "not empty":
                (folder / "holiday.jpg").unlink()
            else:
                marker.write_bytes(original)
            patch.undo()
            report = await service.report(import_id)
            assert (report["arrived"], report["held_up_by"]) == (1, None)
            await service.until_open()
            assert library_files(folder) == {"captures/a.fit": b"a"}


async def test_a_library_that_another_stack_writes_to_is_waited_for(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """Nothing is placed in it, nor is its id taken over, while another stack runs on it; a sentence says who."""
    theirs = Root("library", tmp_path / "library", writable=True)
    open_library(theirs, first_time=True)
    write(theirs.path, {"theirs/b.fit": b"b"})
    lock = LibraryLock(theirs)
    assert lock.acquire("theirs")
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        assert f"another Nightbus (process {os.getpid()} on " in await reason(service)
        import_id = await service.start(source)

        async def says_so() -> bool:
            (row,) = await service.rows("SELECT held_up_by FROM import_progress")
            return "two cannot share a library" in (row["held_up_by"] or "")

        await until(says_so)
        assert await service.rows("SELECT FROM root WHERE name = 'library'") == []
        assert library_files(theirs.path) == {"theirs/b.fit": b"b"}
        lock.release()
        assert (await service.report(import_id))["arrived"] == 1


def _read_only(_lock: LibraryLock, _stack: str) -> bool:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


async def test_an_empty_library_follows_the_setting(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """`up`, then library.path: as long as no file is in it, the library is made anew there without a word."""
    ready = configured(settings, tmp_path)
    async with ingest(ready, nats_client) as service:
        await service.until_open()
    async with ingest(at(ready, tmp_path / "nas" / "library"), nats_client) as service:
        await service.until_open()
        assert (await service.take(source))["arrived"] == 1
        assert library_files(tmp_path / "nas" / "library") == {"captures/a.fit": b"a"}
        assert [event.root_path for event in await service.arrivals()] == [str(tmp_path / "nas" / "library")]
    # At the old place again, empty as it is: now files would be missed.
    async with ingest(ready, nats_client) as service:
        said = await reason(service)
        assert "is another library of that name" in said
        assert f"set library.path back to {tmp_path / 'nas' / 'library'}, or begin anew" in said
        assert "docs/howto/move-the-library.md" in said


async def test_a_library_with_files_is_moved_by_a_person(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """With files in it the new folder is not touched; the sentence says what to do, and doing it is enough."""
    ready = configured(settings, tmp_path)
    async with ingest(ready, nats_client) as service:
        await service.take(source)
    elsewhere = at(ready, tmp_path / "elsewhere")
    async with ingest(elsewhere, nats_client) as service:
        said = await reason(service)
        assert f"its files were last in {tmp_path / 'library'} and {tmp_path / 'elsewhere'} has no marker" in said
        assert "docs/howto/move-the-library.md" in said
        assert not (tmp_path / "elsewhere").exists()
        assert await service.library_root() == str(tmp_path / "library")
        (tmp_path / "library").rename(tmp_path / "elsewhere")
        await service.until_open()
        write(source, {"b.fit": b"b"})
        assert (await service.take(source))["arrived"] == 1
        assert library_files(tmp_path / "elsewhere") == {"captures/a.fit": b"a", "captures/b.fit": b"b"}


async def test_a_volume_that_does_not_answer_is_said(
    settings: Settings, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share whose server is off answers no look at all: that is said, and ingest is open when the look ends."""
    monkeypatch.setattr(library_module, "SILENT_AFTER_S", 0.1)
    answering = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = roots.open_library

    def slow(*args: object, **options: object) -> object:
        asyncio.run_coroutine_threadsafe(answering.wait(), loop).result(30)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(library_module, "open_library", slow)
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        assert await reason(service) == f"{tmp_path / 'library'} does not answer"
        answering.set()
        await service.until_open()


async def lost(service: Ingest, words: str, files: int) -> bool:
    """Whether the library is waited for, for this reason, by so many files."""
    count = "1 file waits" if files == 1 else f"{files} files wait"
    return any(
        wait.what == "the library" and words in wait.reason and wait.reason.endswith(count)
        for wait in await service.waits()
    )


def _take_away(disk: Path, words: str) -> None:
    """Mount something over a disk: itself, read-only, or an empty one."""
    if words == "has no marker":
        subprocess.run(["mount", "-t", "tmpfs", "nightbus-test", str(disk)], check=True)
    else:
        subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)


async def test_a_library_that_goes_away_in_the_middle_is_waited_for(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, small: Path
) -> None:
    """Read-only, or not mounted: sources and imports wait with one sentence and a count, and go on by themselves.

    No file fails, no line is made of any of them, and nothing is left behind.
    """
    rig = tmp_path / "rig"
    watched = FolderSettings(name="rig", path=rig, mode="copy", walk_interval_s=3600.0)
    ready = at(configured(settings, tmp_path, watched), small / "library")
    rig.mkdir()
    with capture_logs() as logs:
        async with ingest(ready, nats_client) as service:
            await service.until_open()
            for number, words in enumerate(("Read-only file system", "has no marker")):
                await asyncio.to_thread(_take_away, small, words)
                files = {f"{number}/{name}.fit": f"{number} {name}".encode() for name in range(3)}
                write(rig, files)
                await until(lambda words=words: lost(service, words, 3))  # type: ignore[misc]
                write(source, {f"by hand {number}.fit": b"by hand %d" % number})
                import_id = await service.start(source)
                await until(lambda words=words, number=number: lost(service, words, 5 + number))  # type: ignore[misc]
                await asyncio.to_thread(subprocess.run, ["umount", "-l", str(small)], check=True)
                assert (await service.report(import_id, within_s=60.0))["failed"] == 0
                await service.until_ledger(*files, within_s=60.0)
            assert set((await service.ledger()).values()) == {"arrived"}
            assert unfinished_copies(service.library) == []
    assert [line["what"] for line in logs if line["event"] == "waits"] == ["the library"] * 2
    assert [line for line in logs if line["event"] == "file not taken"] == []


async def test_another_library_mounted_in_the_middle_is_left_alone(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another library's disk in place of ours gets no byte, is mended nowhere, and no source goes on its strength."""
    monkeypatch.setattr(delete, "AT_ONCE", 0)
    ours, theirs, away = tmp_path / "library", tmp_path / "theirs", tmp_path / "away"
    write(theirs, {".nightbus/root.json": b'{"name": "library", "id": "00000000000000000000000000000001"}'})
    async with ingest(configured(settings, tmp_path), nats_client) as service:
        await service.take(source, mode="move")
        write(source, {"b.fit": b"b"})
        await service.take(source, mode="move")
        placed = (ours / "captures/a.fit").stat()
        write(theirs, {"captures/a.fit": b"a", "captures/b.fit": b"B"})  # one is equal; one would be rot
        os.utime(theirs / "captures/b.fit", ns=(placed.st_atime_ns, (ours / "captures/b.fit").stat().st_mtime_ns))
        ours.rename(away)
        theirs.rename(ours)
        before = untouched(ours)
        shelf = Shelf(service.pool, Root("library", ours, writable=True), quiet_s=0.0)
        shelf.library.identity.id = json.loads((away / ".nightbus/root.json").read_text())["id"]
        for name in ("a.fit", "b.fit"):
            content = Digest(sha256(name[:1].encode()), 1)
            with pytest.raises(LibraryAway, match="is another library of that name"):
                await shelf.remove_source(Folder(source), name, content, rested_s=0.0)
        assert "is another library of that name" in (await Sweep(service.pool, shelf, interval_s=1.0).sweep() or "")
        imports = [await service.start(source), await service.start(source, verify=True)]
        await until(lambda: lost(service, "is another library of that name", 4))
        write(source, {"c.fit": b"c"})
        imports.append(await service.start(source))
        await until(lambda: lost(service, "is another library of that name", 7))
        assert untouched(ours) == before
        ours.rename(theirs)
        away.rename(ours)
        for import_id in imports:
            assert (await service.report(import_id, within_s=60.0))["failed"] == 0
        assert library_files(ours) == {"captures/a.fit": b"a", "captures/b.fit": b"b", "captures/c.fit": b"c"}
    assert sorted(path.name for path in source.iterdir()) == ["a.fit", "b.fit", "c.fit"]
