"""Room on the disk of a library: what is free, less what copies under way will still take, less a reserve.

Asked before each copy, so that a full disk is noticed while there still is room: for the database beside the library,
and for the person who has to make some. A quota or a file system that tells less than it refuses is believed when it
refuses: then nothing is tried for a while, and after that one try decides.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from shared.errors import Transient
from shared.quantities import size

NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))
MIB = 1024**2
RESERVE_BYTES, RESERVE_SHARE = 1024 * MIB, 0.05
"""What is never used where the settings say nothing: 1 GiB, or of a disk that is smaller than 20 GiB a twentieth."""
RESERVE_FILES = (16, 1000)
"""Fewest and most inodes that are never used; between them it is the same share."""
STALE_S = 0.2
"""How long a file system is not asked again after it had no room; room that comes is seen that much later."""
REFUSED_S = (10.0, 300.0)
"""First and longest time for which nothing is tried after the system refused to write more; each is twice the last."""


class Disk(NamedTuple):
    """A disk as a folder on it sees it, bytes: what is free for us, all of it, and what is never used of a library."""

    free_bytes: int
    size_bytes: int
    reserve_bytes: int


def disk_of(folder: Path, reserve_mb: int | None = None) -> Disk | None:
    """The disk of a folder; None where it tells nothing, as some shares do.

    Raises:
        OSError: the folder is not there, or does not answer.
    """
    found = os.statvfs(folder)
    if found.f_blocks == 0:
        return None
    unit = found.f_frsize
    return Disk(found.f_bavail * unit, found.f_blocks * unit, _reserve_of(found, reserve_mb))


class NoRoom(Transient):
    """The disk of the library has no room for a file."""


class Room:
    """The room on one disk; asked by many threads. Sizes are bytes."""

    def __init__(
        self, folder: Path | None, reserve_mb: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``folder``: the library, if there is one; ``reserve_mb``: never used, MiB, None for what suits the disk."""
        self._folder = folder
        self._reserve_mb = reserve_mb
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[int, int] = {}
        self._full_at = float("-inf")
        self._left = 0
        self._refusal = ""
        self._refused_s = 0.0
        self._closed_until = float("-inf")

    def fits(self, size_bytes: int) -> bool:
        """Whether a file of this size may be copied now. A disk that does not answer has room: copying will tell."""
        with self._lock:
            return self._fits(size_bytes)

    @contextmanager
    def claim(self, size_bytes: int, fd: int) -> Iterator[None]:
        """Keep room for a file while it is written to the open file ``fd``.

        Raises:
            NoRoom: there is none.
        """
        with self._lock:
            if not self._fits(size_bytes):
                raise NoRoom(f"{self._folder} has no room for {size(size_bytes)}: {self._why()}")
            self._under_way[fd] = size_bytes
        try:
            yield
        except OSError as error:
            if error.errno in NO_SPACE:
                self._refused(error)
            raise
        else:
            self._refused_s = 0.0
        finally:
            with self._lock:
                del self._under_way[fd]

    def why(self) -> str:
        """Why there was no room when that was last asked: a clause for a sentence."""
        with self._lock:
            return self._why()

    def _why(self) -> str:
        if self._clock() < self._closed_until:
            return self._refusal
        disk = self._disk()
        if disk is None:
            return "its disk does not answer"
        if _takes_no_file(disk):
            return "its disk can hold hardly any more files, however small"
        free, reserve = disk.f_bavail * disk.f_frsize, _reserve_of(disk, self._reserve_mb)
        return f"{size(free)} of its disk are free, and {size(reserve)} stay free"

    def _fits(self, size_bytes: int) -> bool:
        now = self._clock()
        if now < self._closed_until:
            return False
        if now - self._full_at < STALE_S and size_bytes > self._left:
            return False
        disk = self._disk()
        if disk is None or disk.f_blocks == 0:  # some shares tell nothing
            return True
        coming = sum(max(0, claimed - os.fstat(fd).st_blocks * 512) for fd, claimed in self._under_way.items())
        self._left = (
            0 if _takes_no_file(disk) else disk.f_bavail * disk.f_frsize - _reserve_of(disk, self._reserve_mb) - coming
        )
        if size_bytes <= self._left:
            return True
        self._full_at = now
        return False

    def _disk(self) -> os.statvfs_result | None:
        try:
            return os.statvfs(self._folder) if self._folder is not None else None
        except OSError:
            return None

    def _refused(self, error: OSError) -> None:
        first_s, longest_s = REFUSED_S
        with self._lock:
            self._refusal = f"the system writes no more to its disk ({error.strerror})"
            if self._clock() >= self._closed_until:  # else another copy was refused at the same time
                self._refused_s = min(self._refused_s * 2 or first_s, longest_s)
                self._closed_until = self._clock() + self._refused_s


def _reserve_of(disk: os.statvfs_result, reserve_mb: int | None) -> int:
    if reserve_mb is not None:
        return reserve_mb * MIB
    return min(RESERVE_BYTES, int(disk.f_blocks * disk.f_frsize * RESERVE_SHARE))


def _takes_no_file(disk: os.statvfs_result) -> bool:
    """Whether the inodes are used up but for a reserve; file systems that make them as they need them count none.

    A page of copies is written before the first of them gets its name, which takes folders, and links on some systems.
    """
    fewest, most = RESERVE_FILES
    return disk.f_files > 0 and disk.f_favail < min(most, max(fewest, int(disk.f_files * RESERVE_SHARE)))
