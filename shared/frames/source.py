"""Bytes of a file by offset, plain or gzipped, with the limits that hostile files need."""

import gzip
import os
import zlib
from types import TracebackType
from typing import Self

MAX_DECOMPRESSED_BYTES = 4 << 30
ALWAYS_DECOMPRESSED_BYTES = 256 << 20
MOST_GROWTH = 50
"""Real captures shrink to a half or a third; so much growth beyond the size above is a bomb."""
_SKIP_BYTES = 1 << 20
_FARTHEST = 2**63 - 1
"""No file goes on behind it, whatever a header says."""
_BACK_BYTES = 2 << 20
"""The longest header: one without END is read so far and may turn out to be short."""


class PlainSource:
    """An open file that is read by position. Use as a context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        self.size: int | None = os.fstat(self._fd).st_size

    def read(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes from ``offset``, fewer only at the end of the file."""
        if offset > _FARTHEST:
            return b""
        os.lseek(self._fd, offset, os.SEEK_SET)
        data = os.read(self._fd, count)
        while 0 < len(data) < count:
            more = os.read(self._fd, count - len(data))
            if not more:
                break
            data += more
        return data

    def read_into(self, offset: int, count: int) -> bytearray:
        """Like :meth:`read`, into a fresh writable buffer that is never copied."""
        buffer = bytearray(count)
        view = memoryview(buffer)
        os.lseek(self._fd, offset, os.SEEK_SET)
        filled = 0
        with os.fdopen(os.dup(self._fd), "rb", buffering=0) as stream:
            while filled < count:
                got = stream.readinto(view[filled:])
                if not got:
                    break
                filled += got
        view.release()
        del buffer[filled:]
        return buffer

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class GzipSource(PlainSource):
    """The decompressed bytes of a gzip file, read forward. ``size`` is None until the end was met.

    A stream that is cut off or damaged ends where it can no longer be read, and ``damage`` says so. So does one that
    grows beyond 256 MiB and 50 times its packed size, or beyond 4 GiB: a small bomb cannot keep a worker busy for ever.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        packed_bytes = self.size or 0
        self._limit = min(MAX_DECOMPRESSED_BYTES, max(ALWAYS_DECOMPRESSED_BYTES, MOST_GROWTH * packed_bytes))
        self.size = None
        self.damage: str | None = None
        self._packed = os.fdopen(os.dup(self._fd), "rb")
        self._stream = gzip.GzipFile(fileobj=self._packed)
        self._position = 0
        # Header reads overshoot into what follows, so the latest run of bytes is kept.
        self._window_start, self._window = 0, bytearray()

    def read(self, offset: int, count: int) -> bytes:
        """At most ``count`` decompressed bytes from ``offset``, which may lie 2 MiB before the last one at most."""
        if offset < self._window_start:
            raise ValueError("a gzip source is read forward only")
        if offset > self._position:
            while self._position < offset and self.size is None:
                self._take(min(_SKIP_BYTES, offset - self._position))
            self._window_start, self._window = self._position, bytearray()
        wanted_end = offset + count
        while self._position < wanted_end and self.size is None:
            self._window += self._take(wanted_end - self._position)
        at = offset - self._window_start
        found = bytes(self._window[at : at + count])
        if at > 2 * _BACK_BYTES:
            del self._window[: at - _BACK_BYTES]
            self._window_start = offset - _BACK_BYTES
        return found

    def read_into(self, offset: int, count: int) -> bytearray:
        """Like :meth:`read`, in a writable buffer that grows as bytes really come out."""
        buffer = bytearray(self.read(offset, min(count, _SKIP_BYTES)))
        while len(buffer) < count and self.size is None:
            self._window_start, self._window = self._position, bytearray()
            buffer += self._take(min(count - len(buffer), _SKIP_BYTES))
        return buffer

    def drain(self) -> None:
        """Read on to the end, so that the size and the checksum are known."""
        while self.size is None:
            self._take(_SKIP_BYTES)

    def close(self) -> None:
        """Close the stream and the file beneath."""
        self._stream.close()
        self._packed.close()
        super().close()

    def _take(self, count: int) -> bytes:
        try:
            data = self._stream.read(min(count, self._limit - self._position))
            if not data and self._position == self._limit and self._stream.read(1):
                self.damage = f"the gzip stream grows beyond {self._limit} bytes, more than is believed"
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.damage = f"the gzip stream is cut off or damaged: {error}"
            data = b""
        self._position += len(data)
        if not data:
            self.size = self._position
        return data
