"""Threads that give way: what they read from disks and compute comes after what records the night."""

import ctypes
import os
import platform
import sys
import threading

from shared.logging import get_logger

log = get_logger(__name__)

NICENESS = 10
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Number of the system call, which the C library has no name for (ioprio_set(2))."""
_WHO_PROCESS = 1
_BEST_EFFORT_LOWEST = 2 << 13 | 7


def give_way() -> None:
    """Lower the priority of the calling thread, on Linux, where both are a matter of each thread.

    One that gives way more than that already stays so: nobody but root may raise a priority again.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    if os.getpriority(os.PRIO_PROCESS, thread) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
    number = _IOPRIO_SET.get(platform.machine())
    if number is None:
        return
    if ctypes.CDLL(None, use_errno=True).syscall(number, _WHO_PROCESS, thread, _BEST_EFFORT_LOWEST) != 0:
        log.debug("no low priority for reading", reason=os.strerror(ctypes.get_errno()))
