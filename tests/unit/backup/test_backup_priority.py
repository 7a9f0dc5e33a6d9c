"""Promises of threads that give way to what records the night."""

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from services.backup.priority import NICENESS, give_way

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
