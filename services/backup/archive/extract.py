"""Files out of the stored bytes of archives: a whole one, or the range of one member, with bounded memory.

Bytes are pushed in as they come from a destination, and go through zstd, the tar and a hash to who takes the files.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, BinaryIO, cast

import zstandard

from services.backup.archive.keys import PackingKind
from services.backup.archive.untar import Damaged, Entry, Taker, Untar

__all__ = ["ArchiveReader", "Damaged", "Entry", "Listing", "OneMember", "Taker", "read_through"]


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

    def __init__(self, name: str, path: str, file_id: str, size_bytes: int, target: BinaryIO | None = None) -> None:
        """Ask for a file.

        Args:
            name: how messages call the archive.
            path: the member's name in it.
            file_id: SHA-256 that its content must have, hexadecimal.
            size_bytes: how long it must be.
            target: what its bytes are written to, which raises OSError where it cannot; None: it is only proven.
        """
        self._name = name
        self._path = path
        self._file_id = file_id
        self._size_bytes = size_bytes
        self._target = target
        self.proven = False
        """Whether it was read to its end and is the file that is wanted."""

    def begin(self, entry: Entry) -> None:
        """Refuse any other. Raises Damaged."""
        if entry.path != self._path or entry.size_bytes != self._size_bytes or self.proven:
            raise Damaged(
                f"{self._path} is not where it should be in {self._name}: {entry.path} of {entry.size_bytes:,} bytes is"
            )

    def write(self, data: memoryview) -> None:
        """Hand it on."""
        if self._target is not None:
            self._target.write(data)

    def end(self, _entry: Entry, file_id: str) -> None:
        """Compare. Raises Damaged."""
        if file_id != self._file_id:
            raise Damaged(f"{self._path} in {self._name} is damaged: its content has another SHA-256 than it had")
        self.proven = True


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
