"""Holes of sparse files: parts that were never written, read as zeros and take no room on the disk.

Where holes are is asked by ``lseek`` with SEEK_DATA and SEEK_HOLE (lseek(2)). A system or file system that knows none
says that all is data; then a file is one part, and nothing is lost but room.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from shared.library.reading import open_source

_UNKNOWN = frozenset((errno.EINVAL, errno.ENOTSUP, errno.ENOSYS))
_BLOCK_BYTES = 512
"""Unit of ``st_blocks`` (stat(2)), whatever the file system's own blocks are."""


def data_parts(fd: int) -> Iterator[tuple[int, int]]:
    """Start and end of each part of an open file that is no hole, in order; moves the file's position.

    A file that takes as much room as it is long has no hole, and is not asked for any.
    """
    status = os.fstat(fd)
    size = status.st_size
    if not _is_short_of_blocks(status):
        if size:
            yield 0, size
        return
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
            end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # no data from here to the end
            if error.errno not in _UNKNOWN:
                raise
            start, end = position, size
        if start >= size:
            return  # it grew meanwhile; whoever reads it compares
        yield start, end
        position = end


def room_for(path: Path) -> int:
    """Bytes that a copy of a file takes. Raises as ``open_source`` does."""
    with open_source(path) as source:
        return data_bytes(source.fd)


def may_be_sparse(path: Path) -> bool:
    """Whether a file takes less room than it is long: it has holes, or its file system compresses it."""
    try:
        status = os.lstat(path)
    except OSError:
        return False  # whoever opens it says why
    return _is_short_of_blocks(status)


def _is_short_of_blocks(status: os.stat_result) -> bool:
    return hasattr(os, "SEEK_DATA") and status.st_blocks * _BLOCK_BYTES < status.st_size


def data_bytes(fd: int) -> int:
    """How many bytes of an open file are no holes: the room that a copy of it takes."""
    return sum(end - start for start, end in data_parts(fd))
