"""Files out of the stored bytes of archives: a whole one, or the range of one member, with bounded memory.

Bytes are pushed in as they come from a destination, and go through zstd, the tar and a hash to who takes the files.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, BinaryIO, Protocol, cast

import zstandard

from services.backup.archive.keys import PackingKind, packing_of
from services.backup.archive.untar import Damaged, Entry, Taker, Untar

__all__ = [
    "ArchiveReader", "Damaged", "Entry", "Listing", "OneMember", "Taker", "Wanted", "read_member", "read_through",
]  # fmt: skip


class Wanted(Protocol):
    """A file of an archive, as a manifest or the database knows it."""

    @property
    def member(self) -> str:
        """Its name in the archive."""

    @property
    def file_id(self) -> str:
        """SHA-256 that its content must have, hexadecimal."""

    @property
    def size_bytes(self) -> int:
        """How long it must be."""


class ArchiveReader:
    """Takes stored bytes, in pieces of any size, and gives the files in them to a taker."""

    def __init__(self, name: str, packing: PackingKind, taker: Taker, *, whole: bool) -> None:
        """Read an archive, or members of it.

        Args:
            name: how messages call it, such as its key.
            packing: how it is packed.
            taker: who gets the files.
            whole: whether it is read to its end; otherwise the bytes are those of whole members.
        """
        self._name = name
        self._untar = Untar(name, taker)
        self._whole = whole
        self._unpack = _unpacking(self._untar) if packing == "zstd" else None

    def feed(self, data: bytes) -> None:
        """The stored bytes that come next; for a thread, since it unpacks and hashes.

        Raises:
            Damaged: they are not what was written.
            Exception: what the taker raises.
        """
        if self._unpack is None:
            self._untar.write(data)
            return
        try:
            self._unpack.write(data)
        except zstandard.ZstdError as error:
            raise Damaged(f"{self._name} is damaged: it cannot be unpacked ({error})") from error

    def end(self) -> None:
        """That were all bytes.

        Raises:
            Damaged: some are missing.
        """
        self._untar.end(whole=self._whole)


def _unpacking(untar: Untar) -> zstandard.ZstdDecompressionWriter:
    """What is written to it is unpacked and written on, 128 KiB at a time."""
    return zstandard.ZstdDecompressor().stream_writer(cast("IO[bytes]", untar), closefd=False)


async def read_member(source: AsyncIterator[bytes], key: str, wanted: Wanted, target: BinaryIO | None = None) -> None:
    """Read one member from the range of stored bytes that it has in an archive, and prove that it is the file.

    Args:
        source: these bytes, from ``stored_offset`` on, ``stored_bytes`` of them.
        key: of the archive, which tells how it is packed.
        wanted: the file that it must be.
        target: what its bytes are written to as they come, before they are proven; None: they are only proven.

    Raises:
        Damaged: it is another file, or not the content that it had.
        Exception: what the destination raises, and OSError of the target.
    """
    member = OneMember(key, wanted, target)
    await read_through(source, ArchiveReader(key, packing_of(key), member, whole=False))
    member.require_proven()


async def read_through(source: AsyncIterator[bytes], reader: ArchiveReader) -> None:
    """Read stored bytes as a destination gives them, each piece in a thread.

    Raises:
        Damaged: they are not what was written.
        Exception: what the destination and the taker raise.
    """
    async for data in source:
        await asyncio.to_thread(reader.feed, data)
    reader.end()


class OneMember:
    """Takes one member and proves that it is the file that is wanted."""

    def __init__(self, name: str, wanted: Wanted, target: BinaryIO | None = None) -> None:
        """``name``: how messages call the archive; ``target``: what the bytes are written to."""
        self._name = name
        self._wanted = wanted
        self._target = target
        self._proven = False

    def begin(self, entry: Entry) -> None:
        """Refuse any other. Raises Damaged."""
        wanted = self._wanted
        if (entry.path, entry.size_bytes) != (wanted.member, wanted.size_bytes) or self._proven:
            raise Damaged(
                f"{wanted.member} is not where it was in {self._name}: "
                f"{entry.path} of {entry.size_bytes:,} bytes is there"
            )

    def write(self, data: memoryview) -> None:
        """Hand it on."""
        if self._target is not None:
            self._target.write(data)

    def end(self, _entry: Entry, file_id: str) -> None:
        """Compare. Raises Damaged."""
        if file_id != self._wanted.file_id:
            raise Damaged(f"{self._wanted.member} in {self._name} is damaged: its content has another SHA-256")
        self._proven = True

    def require_proven(self) -> None:
        """Make sure that it came, whole. Raises Damaged."""
        if not self._proven:
            raise Damaged(f"{self._wanted.member} is not in {self._name} where it was: the archive ends before it")


@dataclass(slots=True)
class Listing:
    """Takes note of the files of an archive, without a manifest."""

    files: list[tuple[Entry, str]] = field(default_factory=list)
    """Each with its ``file_id``, in the order of the archive."""

    def begin(self, entry: Entry) -> None:
        """It is noted at its end."""

    def write(self, data: memoryview) -> None:
        """Its content is not kept."""

    def end(self, entry: Entry, file_id: str) -> None:
        """Note it."""
        self.files.append((entry, file_id))
