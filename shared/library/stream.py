"""A file as a stream of bytes, wherever it comes from: read once, from its beginning to its end.

Whoever reads gives the buffer, so that bytes are copied nowhere on their way. Holes of sparse files are told and not
read: they are hashed as the zeros that they read as, and a copy has them again.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from shared.errors import Transient
from shared.library.hashing import Digest, Progress, StreamHash, unwatched
from shared.library.holes import data_bytes, data_parts
from shared.library.length import FileLengthReader, LengthReader
from shared.library.reading import Source, open_source, shown

_AHEAD_BYTES = 8 * 1024 * 1024


class Stream(Protocol):
    """An open file. ``hole`` and ``read_into`` are asked in turn; where both give nothing it is at its end."""

    @property
    def name(self) -> str:
        """How a person finds the file, for messages."""

    @property
    def size_bytes(self) -> int:
        """How long it was when it was opened, bytes."""

    @property
    def mtime_ns(self) -> int | None:
        """When it was last modified, nanoseconds since 1970; None where nobody knows."""

    @property
    def data_bytes(self) -> int:
        """How many of its bytes are no holes: the room that a copy takes."""

    @property
    def places(self) -> LengthReader | None:
        """Reads it at given places, whatever was read of the stream; None where only its next bytes can be read."""

    def hole(self) -> int:
        """Pass over the hole that comes next; how many bytes of zeros that were, 0 where data comes next."""

    def read_into(self, view: memoryview) -> int:
        """Read what comes next, up to the next hole; how many bytes that were, 0 at a hole and at the end.

        Raises:
            Transient: it cannot be read now.
        """

    def require_unchanged(self, read_bytes: int) -> None:
        """Make sure that what was read, from beginning to end, was one content all the while.

        Raises:
            Transient: the file changed, grew, shrank, was replaced or has gone meanwhile.
        """


class FileStream:
    """An open file of this system. Its last part is read to the file's end, so that one sees that it grows."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file = io.FileIO(source.fd, "rb", closefd=False)
        self._parts = data_parts(source.fd)
        self._position = self._asked = 0
        self._start, self._end = 0, 0
        self._advance()

    @property
    def fd(self) -> int:
        """Its descriptor."""
        return self._source.fd

    @property
    def name(self) -> str:
        """The path."""
        return str(self._source.path)

    @property
    def size_bytes(self) -> int:
        """Its size when it was opened."""
        return self._source.status.st_size

    @property
    def mtime_ns(self) -> int:
        """Its mtime when it was opened."""
        return self._source.status.st_mtime_ns

    @property
    def data_bytes(self) -> int:
        """To be asked before anything is read: it moves the file's position."""
        count = data_bytes(self._source.fd)
        self._file.seek(self._position)
        return count

    @property
    def places(self) -> LengthReader:
        """Read by offset."""
        return FileLengthReader(self._source.fd, self.size_bytes)

    def hole(self) -> int:
        """As the file system tells of it."""
        if self._position == self._end < self.size_bytes:
            self._advance()
        count = max(self._start - self._position, 0)
        if count:
            self._position = self._file.seek(self._start)
        return count

    def read_into(self, view: memoryview) -> int:
        """From the disk, which is asked to read ahead, so that it works while others do."""
        if self._position < self._start or self._position > self.size_bytes:
            return 0  # one that grows without end fills no disk
        if self._end < self.size_bytes:
            view = view[: self._end - self._position]
        self._read_ahead()
        try:
            count = self._file.readinto(view) or 0
        except OSError as error:
            raise Transient(f"{shown(self._source.path)} cannot be read: {error.strerror}") from error
        self._position += count
        return count

    def require_unchanged(self, read_bytes: int) -> None:
        """By what the file system says of the open file, and of its name."""
        self._source.require_unchanged(read_bytes)

    def _advance(self) -> None:
        self._start, self._end = next(self._parts, (self.size_bytes, self.size_bytes))
        self._asked = max(self._asked, self._start)
        self._file.seek(self._position)  # telling parts moved it

    def _read_ahead(self) -> None:
        if hasattr(os, "posix_fadvise") and self._asked - self._position <= _AHEAD_BYTES // 2:
            os.posix_fadvise(self._source.fd, self._asked, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
            self._asked += _AHEAD_BYTES


@contextmanager
def open_stream(path: Path) -> Iterator[FileStream]:
    """Open a regular file as a stream; it is closed at the end of the block. Raises as ``open_source`` does."""
    with open_source(path) as source:
        yield FileStream(source)


def sha256_stream(stream: Stream, progress: Progress = unwatched) -> Digest:
    """Hash a stream in one pass and make sure that it was one and the same content all the while.

    ``progress`` is told the bytes as they are read; what it raises ends the reading and is raised.

    Raises:
        Transient: it cannot be read now, or changed meanwhile.
    """
    sha256 = StreamHash(stream.size_bytes)
    buffers = sha256.buffers()
    done = 0
    while True:
        if hole := stream.hole():
            sha256.update_zeros(hole, progress)
            done += hole
            continue
        view = next(buffers)
        if not (count := stream.read_into(view)):
            break
        sha256.update(view[:count])
        done += count
        progress(count)
    stream.require_unchanged(done)
    return Digest(sha256.hexdigest(), done)
