"""The identity of a file: the SHA-256 of its content."""

import hashlib
import io
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from shared.library.reading import BUFFER_BYTES, buffer, open_source

_LARGE_BYTES = 16 * 1024 * 1024
_BUFFERS = 4
_AHEAD_BYTES = 8 * 1024 * 1024
_ZEROS = memoryview(bytes(BUFFER_BYTES))
_local = threading.local()

Progress = Callable[[int], None]
"""Told how many bytes more were read; it may raise, which ends the reading."""


@dataclass(frozen=True, slots=True)
class Digest:
    """``file_id`` is the SHA-256 of the content in 64 lower-case hexadecimal digits."""

    file_id: str
    size_bytes: int


def unwatched(_count: int) -> None:
    """Nobody wants to know how far it is."""


def sha256_file(path: Path, progress: Progress = unwatched) -> Digest:
    """Hash a file in one pass and make sure that it was one and the same file all the while.

    ``progress`` is told the bytes as they are read; what it raises ends the reading and is raised.

    Raises:
        Transient: the file changed while it was read, or cannot be read now.
        Permanent: it is a symbolic link, a folder or a special file.
    """
    with open_source(path) as source:
        digest = sha256_descriptor(source.fd, progress)
        source.require_unchanged(digest.size_bytes)
        return digest


def sha256_descriptor(fd: int, progress: Progress = unwatched) -> Digest:
    """Hash an open file from its current position to its end; the descriptor stays open. Raises OSError.

    The kernel is asked to read ahead, so that a disk works while we hash.
    """
    sha256 = StreamHash(os.fstat(fd).st_size)
    size_bytes = asked_bytes = 0
    start = os.lseek(fd, 0, os.SEEK_CUR) if hasattr(os, "posix_fadvise") else None
    with io.FileIO(fd, "rb", closefd=False) as file:
        for view in sha256.buffers():
            if start is not None and asked_bytes - size_bytes <= _AHEAD_BYTES // 2:
                os.posix_fadvise(fd, start + asked_bytes, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
                asked_bytes += _AHEAD_BYTES
            if not (count := file.readinto(view)):
                break
            sha256.update(view[:count])
            size_bytes += count
            progress(count)
    return Digest(sha256.hexdigest(), size_bytes)


class StreamHash:
    """SHA-256 of a stream of parts. Of a large one the parts are hashed in a helper thread while others are read."""

    def __init__(self, size_bytes: int) -> None:
        """``size_bytes``: how much may come; right or wrong, it changes the way and not the hash."""
        self._sha256 = hashlib.sha256()
        self._helper = _helper() if size_bytes >= _LARGE_BYTES else None
        self._pending: deque[Future[None]] = deque()

    def buffers(self) -> Iterator[memoryview]:
        """Where to read the parts to, in turn; to be called once. The one that comes next is free by then."""
        return cycle((buffer(),) if self._helper is None else _ring())

    def update(self, part: memoryview) -> None:
        """Hash a part that was read to the buffer that came last; it must stay as it is until that comes again."""
        if self._helper is None:
            self._sha256.update(part)
            return
        self._pending.append(self._helper.submit(self._sha256.update, part))
        if len(self._pending) == _BUFFERS:  # the oldest part lies in the buffer that comes next
            self._pending.popleft().result()

    def update_zeros(self, count: int, progress: Progress = unwatched) -> None:
        """Hash so many zeros, which is what a hole reads as."""
        while count > 0:
            part = _ZEROS[:count]
            self.update(part)
            count -= len(part)
            progress(len(part))

    def hexdigest(self) -> str:
        """The hash of all parts, 64 lower-case hexadecimal digits."""
        while self._pending:
            self._pending.popleft().result()
        return self._sha256.hexdigest()


def _ring() -> tuple[memoryview, ...]:
    """This thread's buffers for large files: with several, reading and hashing do not wait for each other each time."""
    ring: tuple[memoryview, ...] | None = getattr(_local, "ring", None)
    if ring is None:
        ring = _local.ring = tuple(memoryview(bytearray(BUFFER_BYTES)) for _ in range(_BUFFERS))
    return ring


def _helper() -> ThreadPoolExecutor:
    """This thread's helper, kept from file to file; hashlib gives the interpreter's lock away."""
    helper: ThreadPoolExecutor | None = getattr(_local, "helper", None)
    if helper is None:
        helper = _local.helper = ThreadPoolExecutor(1, thread_name_prefix="hash")
    return helper
