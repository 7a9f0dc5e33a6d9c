"""Files of the library that lie under each other's names, or hold something else, since people worked there."""

import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.ingest.keeper import remove
from services.ingest.keeper.strangers import Recognition
from shared.bus.rpc import ask
from shared.errors import Transient
from shared.events.commands import ForgetFiles, KeeperAccepted, RemoveFiles, StoredFile, WalkLibrary
from shared.events.file import FileMoved, Location
from shared.library.erase import erase
from shared.library.hashing import Digest
from shared.library.roots import Root
from shared.settings import Settings
from tests.integration.ingest.test_ingest_keeper import keep, place_of, told
from tests.integration.ingest.world import Ingest, configured, ingest, library_files, sha256, until, write

FILES = {f"night/{number:02}.fit": b"%02d" % number for number in range(40)}
NOTHING = "40 places: 0 moved by hand, 0 gone, 0 there again; 0 unknown captures"


@pytest.fixture
async def service(settings: Settings, nats_client: Client, tmp_path: Path) -> AsyncIterator[Ingest]:
    """A running ingest that has taken forty captures of one size, each written at a time of its own."""
    card = tmp_path / "captures"
    write(card, FILES)
    for number, name in enumerate(FILES):
        os.utime(card / name, ns=(number * 10**9, number * 10**9))
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        assert (await running.take(card))["arrived"] == len(FILES)
        yield running


def stored(service: Ingest, number: int) -> Path:
    """Where a capture was placed."""
    return service.library / f"captures/night/{number:02}.fit"


def swap(one: Path, other: Path) -> None:
    """Swap the names of two files."""
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


async def walk(service: Ingest) -> list[str]:
    """Walk through the library; what is said of it."""
    lines: list[str] = (await keep(service, WalkLibrary()))["lines"]
    return lines


async def missing(service: Ingest) -> list[str]:
    """Where files are missing."""
    return [row["path"] for row in await service.rows("SELECT path FROM missing_file ORDER BY path")]


@pytest.mark.parametrize("alike", [False, True])
async def test_names_that_were_swapped_are_recognised(service: Ingest, alike: bool) -> None:
    """Two files that have each other's name are known where they lie; also where size and mtime are the same."""
    if alike:
        for number in (5, 6):
            os.utime(stored(service, number), ns=(0, 0))
        assert await walk(service) == [NOTHING]
    before = await service.arrivals()
    swap(stored(service, 5), stored(service, 6))
    assert await walk(service) == [NOTHING.replace("0 moved", "2 moved")]
    assert await place_of(service, b"05") == ["captures/night/06.fit"]
    assert await place_of(service, b"06") == ["captures/night/05.fit"]
    moved = {one.file_id: one for one in await told(service, FileMoved)}
    assert set(moved) == {sha256(b"05"), sha256(b"06")}
    one = moved[sha256(b"05")]
    assert isinstance(one, FileMoved)
    assert (one.from_location.path, one.to_location.path) == ("captures/night/05.fit", "captures/night/06.fit")
    assert await service.arrivals() == before
    assert await missing(service) == []
    assert await walk(service) == [NOTHING]


async def test_a_numbering_that_was_shifted_is_recognised(service: Ingest) -> None:
    """Each file has the name of the next one, and the last a new one: all are known where they lie."""
    for number in reversed(range(40)):
        stored(service, number).rename(stored(service, number + 1))
    assert await walk(service) == [NOTHING.replace("0 moved", "40 moved")]
    for number in range(40):
        assert await place_of(service, b"%02d" % number) == [f"captures/night/{number + 1:02}.fit"]
    assert await missing(service) == []
    assert await walk(service) == [NOTHING]


async def test_a_file_under_the_name_of_another_leaves_that_one_missing(service: Ingest, tmp_path: Path) -> None:
    """Moved over another file it is known there; the other one is missing, and an import brings it back beside it."""
    stored(service, 5).rename(stored(service, 6))
    assert await walk(service) == [NOTHING.replace("0 moved", "1 moved")]
    assert await place_of(service, b"05") == ["captures/night/06.fit"]
    assert await missing(service) == ["captures/night/06.fit"]
    assert await service.rows("SELECT files, missing FROM root_state WHERE kind = 'library'") == [
        {"files": 40, "missing": 1}
    ]
    (row,) = await service.rows("SELECT file_id, state, reason FROM absent_file")
    assert row == {"file_id": sha256(b"06"), "state": "missing", "reason": None}
    report = await service.take(tmp_path / "captures")
    assert (report["brought_back"], report["brought_home"]) == (1, 0)
    assert [one.to_location.path for one in await told(service, FileMoved) if isinstance(one, FileMoved)] == [
        "captures/night/06.fit", "captures/night/06-2.fit",
    ]  # fmt: skip
    assert await missing(service) == []
    assert library_files(service.library)["captures/night/06-2.fit"] == b"06"
    assert await walk(service) == [NOTHING]


async def test_a_copy_over_another_file_is_a_further_place(service: Ingest) -> None:
    """A copy is known at both places and not told as moved; the file that it went over is missing."""
    stored(service, 6).write_bytes(b"05")
    assert await walk(service) == [NOTHING]
    assert sorted(await place_of(service, b"05")) == ["captures/night/05.fit", "captures/night/06.fit"]
    assert await missing(service) == ["captures/night/06.fit"]
    assert await told(service, FileMoved) == []


async def test_a_file_that_somebody_changed_is_a_new_content(service: Ingest) -> None:
    """It stays, and arrives as a file of its own; what it was is missing. Back at its old bytes it is there again."""
    path, status = stored(service, 5), stored(service, 5).stat()
    path.write_bytes(b"edited")
    assert await walk(service) == [NOTHING.replace("0 gone", "1 changed, 0 gone")]
    assert await place_of(service, b"edited") == ["captures/night/05.fit"]
    assert (await service.arrivals())[-1].replaces == sha256(b"05")
    assert await missing(service) == ["captures/night/05.fit"]
    path.write_bytes(b"05")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    await walk(service)
    assert await place_of(service, b"05") == ["captures/night/05.fit"]
    assert [row["file_id"] for row in await service.rows("SELECT file_id FROM missing_file")] == [sha256(b"edited")]


async def test_much_that_is_changed_at_once_is_said_and_not_believed(service: Ingest) -> None:
    """Other contents under a large part of all names change nothing; names that were swapped do not count for that."""
    for number in range(30):
        stored(service, number).write_bytes(b"encrypted")
    swap(stored(service, 35), stored(service, 36))
    for _ in range(2):
        line, problem = await walk(service)
        assert line == NOTHING
        assert problem.startswith("30 files of the library hold other contents at once, such as ")
    assert await place_of(service, b"05") == ["captures/night/05.fit"]
    assert await missing(service) == []
    for number in range(30):
        stored(service, number).write_bytes(b"%02d" % number)
    assert await walk(service) == [NOTHING.replace("0 moved", "2 moved")]


async def test_other_bytes_at_the_old_mtime_are_no_change(service: Ingest) -> None:
    """What a disk lost is no work of somebody: the place stays that of its file, to be mended by who brings it."""
    path, status = stored(service, 5), stored(service, 5).stat()
    path.write_bytes(b"0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert await walk(service) == [NOTHING]
    assert await place_of(service, b"05") == ["captures/night/05.fit"]
    assert (await service.take(service.library.parent / "captures", verify=True))["repaired"] == 1


async def test_a_file_that_was_only_touched_is_read_once(service: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes at another time are the same file; the next walk does not read it again."""
    read: list[Path] = []
    os.utime(stored(service, 5))
    assert await walk(service) == [NOTHING]
    monkeypatch.setattr("services.ingest.keeper.contents.sha256_file", read.append)
    assert await walk(service) == [NOTHING]
    assert read == []


async def test_a_walk_that_was_cut_short_is_gone_on_with(service: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended after the places were taken from their files: the next walk finds all of them, and tells as much."""
    swap(stored(service, 5), stored(service, 6))
    stored(service, 7).write_bytes(b"edited")

    async def cut_short(_recognition: Recognition) -> None:
        raise Transient("the power went off")

    monkeypatch.setattr(Recognition, "_recognise_all", cut_short)
    assert "the power went off" in (await walk(service))[1]
    assert await place_of(service, b"05") == []
    assert await missing(service) == [f"captures/night/{number:02}.fit" for number in (5, 6, 7)]
    monkeypatch.undo()
    assert await walk(service) == ["37 places: 2 moved by hand, 1 changed, 0 gone, 0 there again; 0 unknown captures"]
    assert await place_of(service, b"05") == ["captures/night/06.fit"]
    assert len(await told(service, FileMoved)) == 2
    assert await missing(service) == ["captures/night/07.fit"]


async def test_what_was_forgotten_comes_back_under_no_other_name(service: Ingest) -> None:
    """A forgotten content under the name of another file is a stranger; that file is missing."""
    await keep(service, ForgetFiles(file_ids=(sha256(b"05"),), reason="clouds"))
    stored(service, 5).rename(stored(service, 6))
    assert await walk(service) == ["39 places: 0 moved by hand, 0 gone, 0 there again; 1 unknown captures"]
    assert await place_of(service, b"05") == []
    assert await missing(service) == ["captures/night/06.fit"]
    await keep(service, ForgetFiles(file_ids=(sha256(b"06"),), reason="clouds"))
    assert await missing(service) == []


async def test_a_missing_file_whose_name_another_one_got_is_still_missing(service: Ingest, tmp_path: Path) -> None:
    """The name of what has gone is free, and a new file may get it: the one that had it stays known as missing."""
    stored(service, 5).unlink()
    await walk(service)
    write(tmp_path / "captures", {"night/05.fit": b"another"})
    await service.take(tmp_path / "captures")
    assert await place_of(service, b"another") == ["captures/night/05.fit"]
    assert [row["file_id"] for row in await service.rows("SELECT file_id FROM missing_file")] == [sha256(b"05")]
    (row,) = await service.rows("SELECT missing FROM library_state")
    assert row["missing"] == 1


@pytest.mark.parametrize("ends_meanwhile", [False, True])
async def test_what_is_being_removed_is_not_there_again(
    service: Ingest, monkeypatch: pytest.MonkeyPatch, ends_meanwhile: bool
) -> None:
    """A file that counts as removed and waits for its turn stays removed, with the reason, whatever a walk sees."""
    where = StoredFile(file_id=sha256(b"05"), location=Location(root="library", path="captures/night/05.fit"))
    removal, turn = RemoveFiles(files=(where,), reason="clouds"), threading.Event()
    go_through = Recognition.walk

    def erase_in_turn(library: Root, path: str, content: Digest) -> bool:
        turn.wait()
        return erase(library, path, content)

    async def removed() -> bool:
        return bool(await service.pool.fetchval("SELECT finished_at FROM keeper_job WHERE task = 'remove'"))

    async def go_through_meanwhile(recognition: Recognition) -> None:
        if ends_meanwhile:
            turn.set()
            await until(removed)
        await go_through(recognition)

    async def missing_for() -> list[str]:
        return [row["removed_reason"] for row in await service.rows("SELECT removed_reason FROM missing_file")]

    async def committed() -> bool:
        return await missing_for() == ["clouds"]

    monkeypatch.setattr(remove, "erase", erase_in_turn)
    monkeypatch.setattr(Recognition, "walk", go_through_meanwhile)
    try:
        await ask(service.client, removal, KeeperAccepted)
        await until(committed)
        await walk(service)
        assert await missing_for() == ["clouds"]
    finally:
        turn.set()
    await until(removed)
    assert await missing_for() == ["clouds"]
    assert not stored(service, 5).exists()
