"""The hostile corpus through the real readers: no crash, nothing slow or large, and nothing damaged is called good."""

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.scanner import readers
from services.scanner.knowledge import Knowledge
from services.scanner.readers import ReaderPool
from shared.errors import NightbusError
from shared.events.file import FileArrived, FileScanned
from tests.hostile.generator import Files, honest, hostile
from tests.hostile.writers import fits

MOST_SECONDS = 10.0
MOST_RESIDENT_BYTES = 1 << 30
MEMORY_LIMIT_MB = 1536
BATCH = 64


@asynccontextmanager
async def pool_of(count: int = 2) -> AsyncIterator[ReaderPool]:
    """Readers with the limits that every file must keep."""
    async with ReaderPool(
        count,
        time_limit_s=MOST_SECONDS,
        memory_limit_mb=MEMORY_LIMIT_MB,
        measure_stars=True,
        knowledge=Knowledge(),
    ) as pool:
        yield pool


async def scan(pool: ReaderPool, root: Path, name: str, content: bytes) -> FileScanned | NightbusError:
    """What a reader says of a file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    arrived = FileArrived(
        file_id="0" * 64, root="tree", path=name, root_path=str(root), size_bytes=len(content), source="test",
        origin=name, arrived_at=datetime(2025, 10, 20, tzinfo=UTC),
    )  # fmt: skip
    try:
        reply = await pool.scan(arrived, str(root))
    except NightbusError as refused:
        return refused
    finally:
        path.unlink()
    return FileScanned.model_validate_json(reply.payload)


async def answers(pool: ReaderPool, root: Path, files: Files) -> AsyncIterator[tuple[str, FileScanned | NightbusError]]:
    """Each file's name and what became of it; a batch of files is on the disk at a time."""
    while batch := list(itertools.islice(files, BATCH)):
        names = [name for name, _ in batch]
        assert all("\0" not in name for name in names)
        for pair in zip(names, await asyncio.gather(*(scan(pool, root, *file) for file in batch)), strict=True):
            yield pair


def largest_resident_bytes(pids: Iterable[int]) -> int:
    """The most memory that any of these processes ever had in use."""
    most = 0
    for pid in list(pids):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    most = max(most, int(line.split()[1]) * 1024)
    return most


async def test_no_hostile_file_is_called_good_or_costs_more_than_it_may(tmp_path: Path) -> None:
    """Each of more than 500 damaged files is refused with its name and a reason, or read with a problem.

    None takes its reader 10 s or 1 GiB, none kills it, none is answered with a fault of ours.
    """
    fine: list[str] = []
    ours: dict[str, str] = {}
    count = most_bytes = 0
    async with pool_of() as pool:
        first_pids: set[int] = set()
        async for name, found in answers(pool, tmp_path, hostile()):
            count += 1
            first_pids = first_pids or set(pool.pids)
            most_bytes = max(most_bytes, largest_resident_bytes(pool.pids)) if count % 8 == 0 else most_bytes
            if isinstance(found, FileScanned):
                if not found.problems:
                    fine.append(name)
            elif "unexpectedly" in str(found) or "given up" in str(found) or not str(found).startswith(name):
                ours[name] = str(found)
        assert ours == {}
        assert fine == []
        assert count >= 500
        assert set(pool.pids) == first_pids, "a reader was lost"
    assert most_bytes < MOST_RESIDENT_BYTES


async def test_the_whole_files_behind_the_corpus_are_good(tmp_path: Path) -> None:
    """What the hostile files were made from is read without a problem, and measured where it has pixels of the sky."""
    async with pool_of(1) as pool:
        async for name, found in answers(pool, tmp_path, honest()):
            assert isinstance(found, FileScanned), (name, found)
            assert found.problems == (), name
            assert (found.quality is not None) == name.endswith((".fits", ".gz", ".fz", ".xisf")), name


def _frames(count: int) -> Iterator[tuple[str, bytes]]:
    return ((f"frame{number:03}.fits", fits()) for number in range(count))


async def test_a_killed_reader_costs_one_try_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader is killed with more files in hand: all of them are answered, and one alone was tried twice."""
    monkeypatch.setattr(readers, "RESTART_PAUSE_S", 0.05)
    async with pool_of(1) as pool:
        await scan(pool, tmp_path, "first.fits", fits())
        with capture_logs() as logs:
            task = asyncio.gather(*(scan(pool, tmp_path, *file) for file in _frames(150)))
            await asyncio.sleep(0.03)
            os.kill(min(pool.pids), signal.SIGKILL)
            assert all(isinstance(found, FileScanned) for found in await task)
        assert [entry["kills"] for entry in logs if entry["event"] == "a reader was lost"] == [1]


async def test_a_reader_that_dies_idle_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a reader without work is killed, no file is blamed for it, and the next one is read by a fresh reader."""
    monkeypatch.setattr(readers, "RESTART_PAUSE_S", 0.05)
    async with pool_of(1) as pool:
        await scan(pool, tmp_path, "first.fits", fits())
        with capture_logs() as logs:
            first = set(pool.pids)
            os.kill(min(first), signal.SIGKILL)
            while pool.pids & first:
                await asyncio.sleep(0.01)
            found = await scan(pool, tmp_path, "second.fits", fits())
        assert isinstance(found, FileScanned)
        lost = [entry for entry in logs if entry["event"] == "a reader was lost"]
        assert ["path" in entry for entry in lost] == [False]
