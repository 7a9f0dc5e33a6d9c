"""The answer to "is this file all there?", and the reader that the judges of the formats share."""

import os
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completeness:
    """``declared_bytes`` is what the header promises, or None; ``reason`` is empty where the file is complete."""

    complete: bool
    declared_bytes: int | None
    actual_bytes: int
    reason: str


class LengthReader(Protocol):
    """Reads at given places of a file, and never past the size that it had when it was opened."""

    @property
    def size_bytes(self) -> int:
        """How long it was when it was opened, bytes."""

    def at(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes at an offset; fewer only at the end. Raises OSError."""


@dataclass(frozen=True, slots=True)
class FileLengthReader:
    """Reads an open file of this system, wherever its position is."""

    fd: int
    size_bytes: int

    def at(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes at an offset; fewer only at the end. Raises OSError."""
        wanted = min(count, self.size_bytes - offset)
        chunks: list[bytes] = []
        while wanted > 0:
            chunk = os.pread(self.fd, wanted, offset)
            if not chunk:
                break
            chunks.append(chunk)
            wanted -= len(chunk)
            offset += len(chunk)
        return b"".join(chunks)


def tail(file: LengthReader, count: int) -> bytes:
    """The last bytes of a file. Raises OSError."""
    return file.at(max(file.size_bytes - count, 0), count)


def complete(file: LengthReader, declared_bytes: int | None) -> Completeness:
    """A file that is all there, or whose format is not understood."""
    return Completeness(True, declared_bytes, file.size_bytes, "")


def incomplete(file: LengthReader, declared_bytes: int | None, reason: str) -> Completeness:
    """A file that lacks bytes, with the sentence that says so."""
    return Completeness(False, declared_bytes, file.size_bytes, reason)


def too_short(file: LengthReader, declared_bytes: int) -> Completeness:
    """A file that is shorter than its header declares."""
    return incomplete(
        file, declared_bytes, f"the header declares {declared_bytes} bytes, the file has {file.size_bytes}"
    )
