"""What one odd file, name or folder does: it costs itself at most, and everything else comes home."""

import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest.ledger import Observation, observe
from services.ingest.settings import FolderSettings
from services.ingest.store import batch, files, ledger
from services.ingest.store.batch import Batch
from services.ingest.store.files import Arrival
from shared.db.pool import transaction
from shared.library.reading import shown
from shared.library.settings import LibrarySettings
from shared.library.walk import Entry
from shared.settings import Settings
from tests.integration.ingest.world import Ingest, configured, ingest, library_files, sha256, write

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs wherever there is one
NS = 10**9
YEAR_2300_NS = 10_413_792_000 * NS
ODD_TIMES_NS = (YEAR_2300_NS, 400_000_000_000 * NS, -70_000_000_000 * NS, (2**63 - 1) * NS, -(2**63) * NS, -1)
"""The years 2300, 14645 and -248, the ends of what 64 bits of seconds hold, and just before 1970."""


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path) -> AsyncIterator[Ingest]:
    """A running ingest whose library is ordered by day."""
    days = configured(settings, tmp_path)
    library = LibrarySettings(path=tmp_path / "library", template="{date}/{name}")
    async with ingest(days.model_copy(update={"library": library}), nats_client) as running:
        yield running


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder whose file system keeps any time: a disk's ends in the year 2446."""
    if not SHARED_MEMORY.is_dir():
        pytest.skip(f"{SHARED_MEMORY} is not here")
    folder = Path(tempfile.mkdtemp(dir=SHARED_MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", ["copy", "index"])
async def test_files_of_any_mtime_come_home(service: Ingest, in_memory: Path, mode: str) -> None:
    """Files from the years 2300, 14645 and -248 arrive with all others, once; their day is unknown where none is."""
    write(in_memory, {f"{number}.fit": b"%d" % number for number in range(len(ODD_TIMES_NS))} | {"now.fit": b"now"})
    for number, mtime_ns in enumerate(ODD_TIMES_NS):
        os.utime(in_memory / f"{number}.fit", ns=(0, mtime_ns))
    kept_ns = {(in_memory / f"{number}.fit").stat().st_mtime_ns for number in range(len(ODD_TIMES_NS))}
    assert len(kept_ns & set(ODD_TIMES_NS)) >= 3, "this file system keeps no odd times"
    report = await service.take(in_memory, mode=mode)
    assert (report["arrived"], report["failed"]) == (len(ODD_TIMES_NS) + 1, 0)
    again = await service.take(in_memory, mode=mode)
    assert (again["arrived"], again["already_here"]) == (0, len(ODD_TIMES_NS) + 1)
    if mode == "copy":
        folders = {Path(name).parent.name for name in library_files(service.library)}
        assert {"2300-01-01", "1969-12-31", "Unknown"} <= folders


async def test_every_number_of_a_file_system_is_recorded(service: Ingest) -> None:
    """The ledger takes sizes, times and inodes that no column holds, and knows them again."""
    extremes = (2**64 - 1, -(2**64), 2**63, 0, 2**70)
    entries = [
        Entry(f"{number}.fit", f"night/{number}.fit", extreme, extreme, -extreme, b"%d" % number)
        for number, extreme in enumerate(extremes)
    ]
    observations = [observe(entry, reason="odd") for entry in entries]
    async with transaction(service.pool) as connection:
        states = await batch.save(connection, Batch("rig", None, observations), None)
        known = await ledger.known(connection, "rig", ["night"])
    assert states == ["failed"] * len(extremes)
    assert {key: row.mtime_ns for key, row in known.items()} == {item.key: item.mtime_ns for item in observations}


async def test_what_the_database_refuses_costs_itself(
    service: Ingest, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch with two contents that the database refuses, these fail with a sentence and the rest is recorded."""
    write(source, {f"{number}.fit": b"%d" % number for number in range(40)} | {"twin of 7.fit": b"7"})
    add = files.add

    async def refuses(connection: Any, name: str, zone: str | None, arrivals: list[Arrival]) -> Any:
        await connection.execute("SELECT 1")
        if any(item.origin in ("7.fit", "31.fit") for item in arrivals):
            raise asyncpg.DataError("value is out of range\nDETAIL: of no use to a reader")
        return await add(connection, name, zone, arrivals)

    monkeypatch.setattr(files, "add", refuses)
    report = await service.take(source)
    assert (report["arrived"], report["failed"]) == (38, 3)
    assert sorted(report["failures"]) == sorted(
        f"{source}/{name} cannot be recorded: value is out of range" for name in ("31.fit", "7.fit", "twin of 7.fit")
    )
    assert len(await service.arrivals()) == 38
    assert [name for name, state in (await service.ledger()).items() if state == "failed"] != []
    monkeypatch.undo()
    report = await service.take(source)
    assert (report["arrived"], report["already_here"], report["failed"]) == (2, 39, 0)
    assert sorted(library_files(service.library).values()) == sorted(b"%d" % number for number in range(40))


async def test_a_name_that_cannot_be_recorded_holds_back_no_other(service: Ingest, monkeypatch: Any) -> None:
    """Where even the failure of a file is refused, the others are recorded and the import ends with its count."""
    save = ledger.save

    async def refuses(connection: Any, name: str, observations: list[Observation], *rest: Any) -> None:
        if any(item.name == "bad.fit" for item in observations):
            raise asyncpg.ProgramLimitExceededError("index row size exceeds the maximum")
        await save(connection, name, observations, *rest)

    monkeypatch.setattr(ledger, "save", refuses)
    folder = service.library.parent / "captures"
    write(folder, {"bad.fit": b"bad", "a.fit": b"a", "b.fit": b"b"})
    report = await service.take(folder)
    assert (report["arrived"], report["failed"]) == (2, 1)
    assert report["failures"] == [f"{folder}/bad.fit cannot be recorded: index row size exceeds the maximum"]


async def test_a_path_too_long_for_the_database_is_told(service: Ingest, source: Path) -> None:
    """A file 2,200 bytes deep fails with a sentence that says so; what lies beside and above it arrives."""
    deep = source.joinpath(*(f"{number}-{os.urandom(98).hex()}" for number in range(11)))
    deep.mkdir(parents=True)
    write(source, {"a.fit": b"a"})
    (deep / "b.fit").write_bytes(b"b")
    (deep.parent / "c.fit").write_bytes(b"c")
    for _ in range(2):
        report = await service.take(source, mode="index")
        assert (report["arrived"] + report["already_here"], report["failed"]) == (2, 1)
        (sentence,) = report["failures"]
        assert "is too long; move it up" in sentence
    (row,) = await service.rows("SELECT path, reason FROM not_taken")
    assert row["reason"] == sentence
    shutil.move(deep / "b.fit", source / "b.fit")
    assert (await service.take(source, mode="index"))["failed"] == 0
    assert await service.rows("SELECT FROM not_taken") == []


async def test_paths_that_lead_nowhere_end_with_a_sentence(service: Ingest, tmp_path: Path, source: Path) -> None:
    """A loop of links, a pipe, and a link to a name of bytes are told as paths of an import; ingest goes on."""
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    bad = tmp_path / os.fsdecode(b"bad\xff")
    bad.mkdir()
    (tmp_path / "link").symlink_to(bad)
    for name, sentence in (
        ("loop", "cannot be read: its links lead in a circle"),
        ("loop/deeper", "cannot be read: its links lead in a circle"),
        ("pipe", "is neither a file nor a folder"),
        ("link", f"leads to {tmp_path}/bad\\xff: that name is not UTF-8; rename it"),
        ("x" * 300, "cannot be read: File name too long"),
    ):
        report = await service.take(tmp_path / name)
        assert (report["state"], report["error"]) == ("failed", f"{shown(tmp_path / name)} {sentence}")
    write(source, {"a.fit": b"a"})
    assert (await service.take(source))["arrived"] == 1


async def test_what_is_no_file_is_left_out(service: Ingest, source: Path) -> None:
    """Pipes, sockets, devices, links that lead nowhere or in a circle are counted and never opened."""
    os.mkfifo(source / "pipe.fit")
    os.mknod(source / "socket.fit", stat.S_IFSOCK | 0o600)
    (source / "dangling.fit").symlink_to("nowhere")
    (source / "loop.fit").symlink_to("loop.fit")
    (source / "night").mkdir()
    (source / "night" / "up").symlink_to("..")
    write(source, {"a.fit": b"a"})
    report = await service.take(source)
    assert (report["arrived"], report["ignored"], report["failed"]) == (1, 5, 0)


async def test_a_header_that_breaks_a_reader_costs_no_place(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading a header for the path fails in whatever way, its fields are unknown and the file comes home."""

    def breaks(*_args: Any, **_words: Any) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("shared.frames.read.read_frame", breaks)
    by_object = configured(settings, tmp_path)
    library = LibrarySettings(path=tmp_path / "library", template="{object}/{name}")
    write(source, {"a.fit": b"a"})
    with capture_logs() as logs:
        async with ingest(by_object.model_copy(update={"library": library}), nats_client) as service:
            assert (await service.take(source))["arrived"] == 1
            assert library_files(service.library) == {"Unknown/a.fit": b"a"}
    assert "a header could not be read for a path" in {line["event"] for line in logs}


async def test_folders_that_come_and_go_leave_no_failures(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """What could not be taken in a watched source is forgotten when it, or its whole folder, is there no more."""
    bad = os.fsdecode(b"bad\xff.fit")
    write(source, {"night/deep/a.fit": b"a"})
    (source / bad).touch()
    (source / "night" / "deep" / bad).touch()
    quick = FolderSettings(name="rig", path=source, walk_interval_s=0.3, settle_s=0.0)
    async with ingest(configured(settings, tmp_path, quick), nats_client) as service:
        await service.until_ledger("bad\\xff.fit", "night/deep/bad\\xff.fit", "night/deep/a.fit")
        shutil.rmtree(source / "night")
        (source / bad).unlink()
        await service.until_ledger_is({"night/deep/a.fit": "arrived"})
        assert sha256(b"a") in {event.file_id for event in await service.arrivals()}
