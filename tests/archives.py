"""Archives for tests: members out of memory, and the whole of an archive put together."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.backup.archive.model import Member, OpenMember, Packing, Part, Point, Written
from services.backup.archive.packer import packing_here
from services.backup.archive.stream import ArchiveStream
from shared.errors import Transient
from shared.library.stream import Stream

KIB = 1024
PLAIN = packing_here("none", 3)
ZSTD = packing_here("zstd", 3)
START = Point()
MTIME_S = 1_700_000_000


@dataclass
class MemoryStream:
    """A file in memory, read in bits. ``holes``: start and length of the stretches that are told as holes."""

    content: bytes
    name: str = "/library/a.fit"
    holes: Mapping[int, int] = field(default_factory=dict)
    most_at_once: int = 100_000
    changed: bool = False
    mtime_ns: int | None = None
    places: None = None
    _at: int = 0

    @property
    def size_bytes(self) -> int:
        """As long as it is."""
        return len(self.content)

    @property
    def data_bytes(self) -> int:
        """Without the holes."""
        return len(self.content) - sum(self.holes.values())

    def hole(self) -> int:
        """The one that begins here."""
        count = self.holes.get(self._at, 0)
        self._at += count
        return count

    def read_into(self, view: memoryview) -> int:
        """Up to the next hole."""
        if self._at in self.holes:
            return 0
        end = min([start for start in self.holes if start > self._at], default=len(self.content))
        piece = self.content[self._at : min(end, self._at + self.most_at_once)][: len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def require_unchanged(self, read_bytes: int) -> None:
        """By what the test says."""
        if self.changed or read_bytes != len(self.content):
            raise Transient(f"{self.name} changed while it was read")


def member(position: int, content: bytes, path: str | None = None) -> Member:
    """A member with that content."""
    return Member(
        position,
        hashlib.sha256(content).hexdigest(),
        path or f"20240102_0123ABCD/library/{position:05}.fit",
        len(content),
        MTIME_S + position,
    )


def opener(contents: Mapping[int, bytes]) -> OpenMember:
    """Opens members by position."""

    @contextmanager
    def opened(one: Member) -> Iterator[Stream]:
        yield MemoryStream(contents[one.position], name=f"/library/{one.path}")

    return opened


def parts_of(
    members: Sequence[Member],
    contents: Mapping[int, bytes],
    packing: Packing,
    part_bytes: int,
    *,
    number: int = 1,
    begin: Point = START,
    written: Sequence[Written] = (),
) -> list[Part]:
    """All parts of an archive, from one on."""
    stream = ArchiveStream(members, opener(contents), packing, part_bytes, number=number, begin=begin, written=written)
    with stream:
        return list(stream)


def whole(parts: Sequence[Part]) -> bytes:
    """The archive's bytes."""
    return b"".join(part.data for part in parts)


def written_in(parts: Sequence[Part]) -> list[Written]:
    """The members that are in these parts."""
    return [one for part in parts for one in part.written]
