"""A full library disk: a reserve stays, what waits is said once and counted, and all goes on when there is room."""

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from services.ingest import roomwait
from services.ingest.settings import FolderSettings
from shared.bus.rpc import ask
from shared.events.commands import StateTold, state_question
from shared.library import room, stage
from shared.library.settings import LibrarySettings
from shared.settings import Settings
from shared.tasks import beside
from tests.disks import MIB, CannotMount, fill, free_bytes, more_files, small_disk
from tests.integration.ingest.world import Ingest, configured, ingest, library_files, unfinished_copies, until, write

RESERVE_MB = 4
SIZE = MIB // 2
NEVER_S = 3600.0
SOURCE = "room in the library for the source rig"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses, the same rules."""
    monkeypatch.setattr(roomwait, "PAUSES_S", (0.2, 0.4))
    monkeypatch.setattr(room, "REFUSED_S", (0.3, 0.6))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB for the library alone."""
    try:
        with small_disk(tmp_path / "disk", 24 * MIB) as place:
            yield place
    except CannotMount as reason:
        pytest.skip(f"no small disk can be mounted: {reason}")


def with_library(settings: Settings, tmp_path: Path, folder: Path, *sources: Path) -> Settings:
    """Settings with the library on another disk and a reserve on it."""
    watched = [FolderSettings(name="rig", path=path, walk_interval_s=NEVER_S, settle_s=0.0) for path in sources]
    library = LibrarySettings(path=folder / "library", reserve_mb=RESERVE_MB)
    return configured(settings, tmp_path, *watched, workers=2).model_copy(update={"library": library})


def captures(count: int, size_bytes: int = SIZE) -> dict[str, bytes]:
    """Files of different content, over some folders."""
    return {f"{number % 5}/{number}.fit": os.urandom(size_bytes) for number in range(count)}


async def waits(service: Ingest) -> dict[str, str]:
    """What ingest says that it waits for, as `status` asks it."""
    told = await ask(service.client, state_question("ingest")(), StateTold)
    return {wait.what: wait.reason for wait in told.waits}


async def until_waiting(service: Ingest, what: str, count: int) -> str:
    """Wait until so many files wait for room; the reason."""

    async def so() -> bool:
        assert not service.task.done(), "the service ended"
        return (await waits(service)).get(what, "").startswith(f"{count} file")

    await until(so, within_s=30)
    return (await waits(service))[what]


async def until_home(service: Ingest, files: dict[str, bytes]) -> None:
    """Wait until everything is in the library and nothing is waited for."""

    async def so() -> bool:
        assert not service.task.done(), "the service ended"
        at_home = len(await service.rows("SELECT FROM file")) == len(files)
        return at_home and not await waits(service)

    await until(so, within_s=30)
    assert sorted(library_files(service.library).values()) == sorted(files.values())


async def test_a_watched_source_waits_for_room_and_goes_on_by_itself(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, disk: Path
) -> None:
    """On a full disk the reserve stays, one sentence has the count, and freed room brings the rest without a walk."""
    files = captures(30)
    write(source, files)
    ballast = fill(disk, leave_bytes=(RESERVE_MB + 5) * MIB)
    least = [free_bytes(disk)]

    async def observe() -> None:
        while True:
            least.append(free_bytes(disk))
            await asyncio.sleep(0.002)

    with capture_logs() as logs:
        running = ingest(with_library(settings, tmp_path, disk, source), nats_client)
        async with running as service, beside(observe(), name="the disk"):
            reason = await until_waiting(service, SOURCE, 21)
            assert reason.startswith("21 files wait (11.0 MB); ")
            assert reason.endswith(" of its disk are free, and 4.2 MB stay free")
            assert len(library_files(service.library)) == 9, "what fits above the reserve with its folders"
            late = {"0/late.fit": os.urandom(SIZE)}
            write(source, late)
            await until_waiting(service, SOURCE, 22)
            assert unfinished_copies(service.library) == []
            ballast.unlink()
            await until_home(service, files | late)
    assert min(least) >= RESERVE_MB * MIB
    lines = [line["event"] for line in logs if line["event"] in ("waits", "goes on", "file not taken")]
    assert lines == ["waits", "goes on"]


async def test_an_import_waits_for_room_and_counts_every_file_once(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, disk: Path
) -> None:
    """An import on a full disk takes what fits, says how many wait, and counts all of them when there is room."""
    files = captures(20)
    write(source, files | {"notes.txt": b"-"})
    ballast = fill(disk, leave_bytes=(RESERVE_MB + 5) * MIB)
    async with ingest(with_library(settings, tmp_path, disk), nats_client) as service:
        import_id = await service.start(source)
        what = f"room in the library for the import {str(import_id)[:8]} of {source}"
        reason = await until_waiting(service, what, 11)
        assert reason.startswith("11 files wait (5.8 MB); ")

        async def says_so() -> bool:
            (row,) = await service.rows("SELECT held_up_by, waiting, waiting_for, left_s FROM import_progress")
            assert row["waiting_for"] == []
            said = (row["held_up_by"] or "").startswith("room in the library: 11 files wait (5.8 MB); ")
            return said and (row["waiting"], row["left_s"]) == (11, None)

        await until(says_so)
        assert free_bytes(disk) >= RESERVE_MB * MIB
        ballast.unlink()
        report = await service.report(import_id)
        assert (report["arrived"], report["already_here"], report["ignored"], report["failed"]) == (20, 0, 1, 0)
        await until_home(service, files)


async def test_imports_of_one_folder_wait_for_room_each_by_itself(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, disk: Path
) -> None:
    """Two imports of the same folder are two lines; that of one goes with it, and the other's stays."""
    write(source, captures(20))
    fill(disk, leave_bytes=RESERVE_MB * MIB)
    async with ingest(with_library(settings, tmp_path, disk), nats_client) as service:
        first, second = [await service.start(source) for _ in range(2)]
        what = [f"room in the library for the import {str(one)[:8]} of {source}" for one in (first, second)]

        async def both() -> bool:
            return set(await waits(service)) == set(what)

        async def one() -> bool:
            return set(await waits(service)) == {what[1]}

        await until(both)
        await service.cancel(first)
        await until(one)


async def test_a_large_file_that_waits_holds_back_no_small_one(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, disk: Path
) -> None:
    """While a video waits for room, small files go on arriving, by hint; the video follows when it fits."""
    video = os.urandom(10 * MIB)
    files = captures(3)
    write(source, {"video.ser": video, **files})
    ballast = fill(disk, leave_bytes=(RESERVE_MB + 5) * MIB)
    async with ingest(with_library(settings, tmp_path, disk, source), nats_client) as service:
        await until_waiting(service, SOURCE, 1)
        assert len(library_files(service.library)) == 3
        more = {"video's folder/small.fit": b"small", "small.fit": b"smaller"}
        write(source, more)
        await service.until_ledger(*more)
        await until_waiting(service, SOURCE, 1)
        ballast.unlink()
        await until_home(service, {"video.ser": video, **files, **more})


async def test_a_disk_without_inodes_is_full(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path
) -> None:
    """A library's disk that can hold no more files makes the source wait, and says that it is not about bytes."""
    files = captures(40, 1000)
    write(source, files)
    try:
        with small_disk(tmp_path / "disk", 24 * MIB, files=30) as disk:
            async with ingest(with_library(settings, tmp_path, disk, source), nats_client) as service:

                async def waiting() -> bool:
                    return "hardly any more files" in (await waits(service)).get(SOURCE, "")

                await until(waiting)
                more_files(disk, 1000)
                await until_home(service, files)
    except CannotMount as reason:
        pytest.skip(f"no small disk can be mounted: {reason}")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_what_a_quota_refuses_waits(
    settings: Settings, nats_client: Client, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where the disk seems to have room and refuses all the same, the source waits, tries seldom, and goes on."""
    files = captures(30, 1000)
    write(source, files)
    refused = 0
    transfer = stage._transfer

    def refuse(*args: Any) -> Any:
        nonlocal refused
        refused += 1
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(stage, "_transfer", refuse)
    with capture_logs() as logs:
        async with ingest(with_library(settings, tmp_path, tmp_path, source), nats_client) as service:
            reason = await until_waiting(service, SOURCE, 30)
            assert f"the system writes no more to its disk ({os.strerror(number)})" in reason
            tries = refused
            assert tries <= 4, "one for each thread, and not one for each file"

            async def tried_again() -> bool:
                return refused >= tries + 3

            await until(tried_again)
            assert unfinished_copies(service.library) == []
            monkeypatch.setattr(stage, "_transfer", transfer)
            await until_home(service, files)
    assert [line["event"] for line in logs if line["event"] in ("waits", "file not taken")] == ["waits"]
