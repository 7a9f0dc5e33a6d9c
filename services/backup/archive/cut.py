"""Cutting an archive's bytes into parts of one size, and noting where members and parts begin and end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from services.backup.archive import tar
from services.backup.archive.begun import Begun
from services.backup.archive.frames import Frame
from services.backup.archive.model import Part, Point, Written
from services.backup.archive.sums import Sums


class Cut:
    """The part under way, and the member whose bytes go into it."""

    def __init__(self, begun: Begun, part_bytes: int, summing: ThreadPoolExecutor) -> None:
        self._filling = _Filling(part_bytes, summing)
        self._seek_table = begun.seek_table
        self._end_position = begun.end_position
        self._number = begun.number
        self._begins = begun.point
        self._written: list[Written] = []
        self._skip = begun.point.offset
        self._stored_offset = begun.stored_offset
        self._offset = 0
        self._frame_sizes: list[int] = []

    def take(self, frame: Frame, packed: bytes | memoryview) -> Iterator[Part]:
        """The next frame as it is stored; the parts that become full.

        Raises:
            ValueError: the first part begins behind its member, which is shorter than it was.
        """
        stored = memoryview(packed)
        if self._seek_table is not None:
            self._seek_table.add(len(stored), len(frame.data))
            self._frame_sizes.append(len(stored))
        if not frame.last:
            yield from self._put(frame.position, stored)
            return
        stored_bytes = self._offset + len(stored)
        yield from self._put(
            frame.position,
            stored,
            Written(frame.position, self._stored_offset, stored_bytes, tuple(self._frame_sizes), frame.header_sha256),
        )
        self._stored_offset += stored_bytes
        self._offset = 0
        self._frame_sizes = []

    def end(self, stored: bytes) -> Iterator[Part]:
        """The end of the tar as it is stored, and the seek table; the parts that are left.

        Raises:
            ValueError: the first part begins behind the archive's end.
        """
        if self._seek_table is not None:
            self._seek_table.add(len(stored), len(tar.END))
            stored += self._seek_table.frame()
        yield from self._put(self._end_position, memoryview(stored))
        if self._skip:
            raise ValueError(f"part {self._number} begins {self._skip} bytes behind the archive's end")
        if self._filling.filled_bytes:
            yield self._part(Point(self._end_position, self._offset))

    def _put(self, position: int, stored: memoryview, whole: Written | None = None) -> Iterator[Part]:
        """Stored bytes of a member; with the last of them it is whole."""
        skipped = min(self._skip, len(stored))
        self._skip -= skipped
        self._offset += skipped
        stored = stored[skipped:]
        if whole and not stored:
            raise ValueError(f"part {self._number} begins behind member {position}, which is shorter than it was")
        while stored:
            count = self._filling.add(stored)
            stored = stored[count:]
            self._offset += count
            ends = Point(position, self._offset)
            if whole and not stored:
                self._written.append(whole)
                ends = Point(position + 1)
            if self._filling.is_full:
                yield self._part(ends)

    def _part(self, ends: Point) -> Part:
        data, md5, sha256 = self._filling.take()
        part = Part(self._number, self._begins, data, md5, sha256, tuple(self._written))
        self._number += 1
        self._begins = ends
        self._written = []
        return part


class _Filling:
    """The bytes of a part, hashed while they come."""

    def __init__(self, part_bytes: int, summing: ThreadPoolExecutor) -> None:
        self._part_bytes = part_bytes
        self._summing = summing
        self._file = BytesIO()
        self.filled_bytes = 0

    @property
    def is_full(self) -> bool:
        """Nothing more goes into it."""
        return self.filled_bytes == self._part_bytes

    def add(self, data: memoryview) -> int:
        """Take as much as there is room for; how much that was, bytes."""
        if not self.filled_bytes:
            self._begin()
        piece = data[: self._part_bytes - self.filled_bytes]
        self._view[self.filled_bytes : self.filled_bytes + len(piece)] = piece
        self.filled_bytes += len(piece)
        self._sums.filled(self.filled_bytes)
        return len(piece)

    def take(self) -> tuple[bytes, bytes, bytes]:
        """The bytes, which are not kept, their MD5 and their SHA-256."""
        md5, sha256 = self._sums.digests(self.filled_bytes)
        self._file.truncate(self.filled_bytes)
        data = self._file.getvalue()  # the very bytes, and no copy, since the file is of just their length
        self._file = BytesIO()
        self.filled_bytes = 0
        return data, md5, sha256

    def _begin(self) -> None:
        self._file.seek(self._part_bytes - 1)
        self._file.write(b"\0")
        self._view = self._file.getbuffer()
        self._sums = Sums(self._summing, self._view)
