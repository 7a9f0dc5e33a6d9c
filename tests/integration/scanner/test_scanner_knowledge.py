"""What the user told us reaches the readers, and what it changes reaches the events."""

import asyncio
import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from shared.equipment.rigs import Rig
from shared.equipment.tables import Camera
from shared.events.file import FileArrived, FileScanned, Hints
from shared.targets.own import OwnTarget
from tests.integration.ingest.world import fits
from tests.integration.scanner.world import arrival

CARDS = ("IMAGETYP= 'LIGHT'", "OBJECT  = 'Our garden gnome'", "INSTRUME= 'Eye'", "FOCALLEN= 400.0", "XBINNING= 2",
         "FILTER  = 'Position 3'", "DATE-OBS= '2025-10-20T20:00:00'")  # fmt: skip
KNOWN = Knowledge(
    cameras=(Camera("Eye", pixel_size_um=3.0, origin="nightbus.toml"),),
    rigs=(
        Rig(
            "Garden", camera="Eye", focal_length_mm=405, aliases=("Old garden",), filters=(("Position 3", "Ha"),),
            origin="nightbus.toml",
        ),
    ),
    targets=(OwnTarget("Gnome1", ("Our garden gnome",), 10.0, 20.0, 5.0),),
)  # fmt: skip


async def scanned(pool: ReaderPool, event: FileArrived, root: Path) -> FileScanned:
    """The event that a reader makes of an arrival."""
    return FileScanned.model_validate_json((await pool.scan(event, str(root))).payload)


def pool(knowledge: Knowledge | None = None) -> ReaderPool:
    """One reader process."""
    return ReaderPool(1, time_limit_s=30, memory_limit_mb=1536, measure_stars=False, knowledge=knowledge or Knowledge())


async def test_readers_know_what_the_user_told(tmp_path: Path) -> None:
    """Rig, filter, pixel size and target of the user's own are in the event; without them the header's words are.

    The event's id is another one: what is read under one id is the same for ever.
    """
    path = tmp_path / "a.fits"
    path.write_bytes(fits(cards=CARDS))
    event = arrival(path, tmp_path)
    async with pool(KNOWN) as told:
        found = await scanned(told, event, tmp_path)
        assert (found.frame.rig, found.frame.filter, found.frame.pixel_size_um) == ("Garden", "Ha", 6.0)
        assert found.target is not None
        assert found.target.catalog_id == "Gnome1"
        hinted = await scanned(told, event.model_copy(update={"hints": Hints(rig="old garden")}), tmp_path)
        assert hinted.frame.rig == "Garden"
        (pid,) = told.pids
    async with pool() as plain:
        bare = await scanned(plain, event, tmp_path)
        assert (bare.frame.rig, bare.frame.filter, bare.frame.pixel_size_um) == ("Eye", "Position 3", None)
        assert bare.event_id != found.event_id
        assert pid not in plain.pids


async def test_readers_start_once_there_is_room_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has no room for a process at this moment costs time, not the reader."""
    path = tmp_path / "a.fits"
    path.write_bytes(fits(cards=CARDS))
    start, attempts = asyncio.create_subprocess_exec, 0

    async def start_later(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_later)
    async with pool() as readers, asyncio.timeout(60):
        assert (await scanned(readers, arrival(path, tmp_path), tmp_path)).frame.camera == "Eye"
    assert attempts == 2


async def test_a_new_reader_knows_as_much(tmp_path: Path) -> None:
    """A reader that takes a dead one's place is told the same before its first file."""
    path = tmp_path / "a.fits"
    path.write_bytes(fits(cards=CARDS))
    async with pool(KNOWN) as told:
        first = await scanned(told, arrival(path, tmp_path), tmp_path)
        (pid,) = told.pids
        os.kill(pid, signal.SIGKILL)
        again = await scanned(told, arrival(path, tmp_path), tmp_path)
        assert again.frame == first.frame
        assert told.pids.isdisjoint({pid})
