"""An archive as a stream of parts, made while they are asked for: nothing of it is ever on a disk of ours.

A thread reads and hashes the members, two pack frames side by side, one hashes the parts. While a part is sent the next
one is made, and no more than that: memory holds two parts and three frames, raw and packed.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import chain, cycle, starmap
from types import TracebackType
from typing import Self

from services.backup.archive import tar
from services.backup.archive.begun import Begun
from services.backup.archive.cut import Cut
from services.backup.archive.frames import Frame, frames_of
from services.backup.archive.model import Member, OpenMember, Packing, Part, Point, Written
from services.backup.archive.packer import Packer, zstd_version

PACKED_AT_ONCE = 2
_START = Point()
_BUFFERS = 3
"""Of frames: two are packed while one is read."""
_SMALL_BYTES = 64 * 1024
"""What is no longer is packed at once, which takes less time than handing it to a thread."""


class Stopped(Exception):
    """The stream was closed."""


class ArchiveStream:
    """The parts of an archive. To be closed; used by one thread at a time, which may be another each time."""

    def __init__(
        self,
        members: Sequence[Member],
        open_member: OpenMember,
        packing: Packing,
        part_bytes: int,
        *,
        number: int = 1,
        begin: Point = _START,
        written: Sequence[Written] = (),
    ) -> None:
        """Begin at a part: the first one, or any whose beginning is known.

        Args:
            members: all members, in the order of their positions, without those that are left out.
            open_member: opens a member's file.
            packing: how they are packed.
            part_bytes: size of all parts but the last, bytes.
            number: of the part to begin with.
            begin: where that part begins.
            written: members that are wholly in the archive before the one in which that part begins.

        Raises:
            ValueError: these do not belong together, or this machine's zstd is not the one of the packing.
        """
        if packing.kind == "zstd" and packing.version != zstd_version():
            raise ValueError(f"packed by zstd {packing.version or 'of no version'}, and here is {zstd_version()}")
        self._stop = threading.Event()
        begun = Begun.at(members, packing, part_bytes, number, begin, written)
        self._parts = _make(begun, open_member, packing, part_bytes, self._stop)
        self._thread = ThreadPoolExecutor(1, "archive")
        self._ahead: Future[Part | None] | None = None
        self._beginning = threading.Lock()

    def next_part(self) -> Part | None:
        """The next part, for which this waits; None after the last one. The one after it is begun at once.

        Raises:
            Spoilt: a member is not what it should be, or cannot be read.
            Away, Unavailable: the root of a member's file is not there now.
            Stopped: the stream was closed.

        What spoilt it is raised again by each further call: a new stream goes on where the last part that came ends.
        """
        ahead = self._ahead or self._begin_next()
        part = ahead.result()
        if part is not None:
            self._begin_next()
        return part

    def __iter__(self) -> Iterator[Part]:
        """All parts that are left."""
        while (part := self.next_part()) is not None:
            yield part

    def close(self) -> None:
        """End all threads and close the file that is open; waits for the read that is under way.

        Another thread may still wait for a part: it hears that the stream was closed.
        """
        with self._beginning:
            self._stop.set()
        if self._ahead is not None:
            self._ahead.exception()  # whoever waits for it hears it; here it only has to have ended
        self._parts.close()
        self._thread.shutdown()

    def _begin_next(self) -> "Future[Part | None]":
        with self._beginning:
            if self._stop.is_set():
                raise Stopped
            self._ahead = self._thread.submit(next, self._parts, None)
            return self._ahead

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


Packed = tuple[Frame, bytes | memoryview]


def _make(
    begun: Begun, open_member: OpenMember, packing: Packing, part_bytes: int, stop: threading.Event
) -> Generator[Part]:
    with (
        ThreadPoolExecutor(1, "sums") as summing,
        ThreadPoolExecutor(PACKED_AT_ONCE, "pack") as packers,
        closing(_frames(begun.members, open_member, packing.frame_bytes, stop)) as frames,
    ):
        cut = Cut(begun, part_bytes, summing)
        if packing.kind == "zstd":
            packer = Packer(packing.level)
            packed = _packed(frames, packer, packers)
            end = packer.pack(memoryview(tar.END))
        else:
            packed = ((frame, frame.data) for frame in frames)
            end = tar.END
        yield from chain.from_iterable(starmap(cut.take, packed))  # no name here keeps a frame that is cut already
        yield from cut.end(end)


def _frames(
    members: Sequence[Member], open_member: OpenMember, frame_bytes: int, stop: threading.Event
) -> Generator[Frame]:
    """The frames of all members, in buffers that take turns."""
    buffers = cycle([memoryview(bytearray(frame_bytes)) for _ in range(_BUFFERS)])
    for member in members:
        for frame in frames_of(member, open_member, frame_bytes, buffers):
            if stop.is_set():
                raise Stopped
            yield frame


def _packed(frames: Generator[Frame], packer: Packer, packers: ThreadPoolExecutor) -> Iterator[Packed]:
    """Each frame packed. By the time that a buffer is filled anew its frame is packed."""
    under_way: deque[Callable[[], bytes]] = deque()
    waiting: deque[Frame] = deque()
    for frame in frames:
        waiting.append(frame)
        if len(frame.data) <= _SMALL_BYTES:
            under_way.append(partial(_given, packer.pack(frame.data)))
        else:
            under_way.append(packers.submit(packer.pack, frame.data).result)
        if len(waiting) == _BUFFERS:
            yield waiting.popleft(), under_way.popleft()()
    while waiting:
        yield waiting.popleft(), under_way.popleft()()


def _given(packed: bytes) -> bytes:
    return packed
