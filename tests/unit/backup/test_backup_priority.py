"""Promises of threads that give way to what records the night."""

import asyncio
import ctypes
import os
import platform
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from services.backup.archive.packer import packing_here
from services.backup.archive.stream import ArchiveStream
from services.backup.priority import NICENESS, give_way
from services.backup.reading import Place, Reading
from tests.archives import member

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is one of the whole process")

T = TypeVar("T")
_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
_WHO_PROCESS = 1
_BEST_EFFORT, _LOWEST = 2, 7


def in_new_thread(work: Callable[[], T]) -> T:
    """What work gives in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def niceness() -> int:
    """Of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def reading() -> tuple[int, int]:
    """Class and level in which the calling thread reads from disks (ioprio_get(2))."""
    number = _IOPRIO_GET[platform.machine()]
    found = ctypes.CDLL(None).syscall(number, _WHO_PROCESS, threading.get_native_id())
    return found >> 13, found & 0x1FFF


def test_a_thread_gives_way_and_no_other_one() -> None:
    """It computes and reads after all others do; the thread that started it stays as it was."""
    before = niceness()

    def given() -> tuple[int, tuple[int, int] | None]:
        give_way()
        return niceness(), reading() if platform.machine() in _IOPRIO_GET else None

    nice, io = in_new_thread(given)
    assert nice == max(before, NICENESS)
    assert io in (None, (_BEST_EFFORT, _LOWEST))
    assert niceness() == before


def test_a_thread_that_gives_way_more_stays_so() -> None:
    """Under `nice -n 19` nothing is raised, which only root may: the archive is made."""

    def given() -> int:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        give_way()
        return niceness()

    assert in_new_thread(given) == 19


async def test_all_threads_that_make_an_archive_give_way(tmp_path: Path) -> None:
    """Reading, packing and hashing: none competes with what records the night, and who asked stays as before."""
    before = niceness()
    contents = {n: random.Random(n).randbytes(3_000_000) for n in range(3)}
    for n, content in contents.items():
        (tmp_path / f"{n}.fits").write_bytes(content)
    members = [member(n, content, f"{n}.fits") for n, content in contents.items()]
    places = {n: Place("library", f"{n}.fits", str(tmp_path)) for n in contents}

    async def nowhere(*_asked: object) -> NoReturn:
        raise AssertionError

    reading = Reading(places, nowhere, nowhere)
    with ArchiveStream(members, reading.open, packing_here("zstd", 1), 100_000) as stream:
        assert await asyncio.to_thread(stream.next_part) is not None
        found = {
            thread.name: os.getpriority(os.PRIO_PROCESS, thread.native_id)
            for thread in threading.enumerate()
            if thread.native_id is not None and thread.name.startswith(("archive_", "pack_", "sums_"))
        }
    assert {name.partition("_")[0] for name in found} == {"archive", "pack", "sums"}
    assert {name: nice for name, nice in found.items() if nice < max(before, NICENESS)} == {}
    assert niceness() == before
