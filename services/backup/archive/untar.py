"""Reading a tar as its bytes come by: one file after the other, each handed on and hashed, nothing kept."""

import hashlib
import tarfile
from dataclasses import dataclass, replace
from typing import Protocol

from services.backup.archive.tar import BLOCK_BYTES, padding_bytes
from shared.errors import Permanent

_LONGEST_PAX_BYTES = 1024 * 1024
_PAX = tarfile.XHDTYPE


class Damaged(Permanent):
    """Stored bytes are not what was written. One sentence says of what, and how that shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the tar tells of it."""

    path: str
    size_bytes: int
    mtime_s: int


class Taker(Protocol):
    """Who gets what is read. What it raises ends the reading and is raised."""

    def begin(self, entry: Entry) -> None:
        """A file comes."""

    def write(self, data: memoryview) -> None:
        """What comes next of it; valid until this returns."""

    def end(self, entry: Entry, file_id: str) -> None:
        """It was read to its end. ``file_id``: SHA-256 of what was read, hexadecimal."""


class Untar:
    """Takes the bytes of a tar and gives the files in it to a taker."""

    def __init__(self, name: str, taker: Taker) -> None:
        """``name``: how messages call what is read."""
        self._name = name
        self._taker = taker
        self._block = b""
        self._pax: dict[str, str] = {}
        self._pax_bytes = self._pax_left = 0
        self._entry: Entry | None = None
        self._left = 0
        self._padding = 0
        self._sha256 = hashlib.sha256()
        self._ended = False

    def write(self, data: bytes) -> int:
        """The bytes that come next. Raises Damaged."""
        view = memoryview(data)
        while view:
            if self._ended:
                break  # zeros up to the size of a tape's record
            if self._left:
                view = view[self._content(view) :]
            elif self._padding:
                count = min(self._padding, len(view))
                self._padding -= count
                view = view[count:]
            else:
                wanted = BLOCK_BYTES + self._pax_left - len(self._block)
                self._block += bytes(view[:wanted])
                view = view[wanted:]
                if len(self._block) == BLOCK_BYTES + self._pax_left:
                    self._read_block()
        return len(data)

    def end(self, *, whole: bool) -> None:
        """That was all. ``whole``: it was a whole tar, so that its end must have come.

        Raises:
            Damaged: it ends in the middle.
        """
        amid = self._entry is not None or self._padding or self._block or self._pax or self._pax_left
        if amid or (whole and not self._ended):
            of = f" in {self._entry.path}" if self._entry else ""
            raise Damaged(f"{self._name} is damaged: it ends too early{of}")

    def _content(self, view: memoryview) -> int:
        assert self._entry is not None
        piece = view[: self._left]
        self._sha256.update(piece)
        self._taker.write(piece)
        self._left -= len(piece)
        if not self._left:
            self._finish(self._entry)
        return len(piece)

    def _finish(self, entry: Entry) -> None:
        self._padding = padding_bytes(entry.size_bytes)
        self._entry = None
        self._taker.end(entry, self._sha256.hexdigest())

    def _read_block(self) -> None:
        """A header block; behind one of pax, its records and the header that they are of."""
        block, self._block = self._block, b""
        if self._pax_left:
            self._pax = self._records(block[: self._pax_bytes])
            block = block[self._pax_left :]
            self._pax_left = 0
        if not any(block):
            self._ended = True
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise Damaged(f"{self._name} is damaged: a header in it cannot be read ({error})") from error
        if info.type == _PAX and not self._pax and 0 <= info.size <= _LONGEST_PAX_BYTES:
            self._pax_bytes = info.size
            self._pax_left = info.size + padding_bytes(info.size)
        elif info.type == tarfile.REGTYPE:
            self._begin(Entry(info.name, info.size, int(info.mtime)))
        else:
            raise Damaged(f"{self._name} is damaged: {info.name} in it is no file")

    def _begin(self, entry: Entry) -> None:
        pax, self._pax = self._pax, {}
        try:
            entry = replace(
                entry,
                path=pax.get("path", entry.path),
                size_bytes=int(pax.get("size", entry.size_bytes)),
                mtime_s=int(float(pax.get("mtime", entry.mtime_s))),
            )
        except (ValueError, OverflowError) as error:
            raise Damaged(f"{self._name} is damaged: a header in it holds no number ({error})") from error
        if entry.size_bytes < 0:
            raise Damaged(f"{self._name} is damaged: {entry.path} in it is shorter than nothing")
        self._entry, self._left = entry, entry.size_bytes
        self._sha256 = hashlib.sha256()
        self._taker.begin(entry)
        if not self._left:
            self._finish(entry)

    def _records(self, data: bytes) -> dict[str, str]:
        """Records of pax: their length in decimal digits, a blank, the keyword, =, the value, a line's end."""
        records = {}
        while data:
            digits, blank, _ = data.partition(b" ")
            length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
            record, data = data[:length][len(digits) + len(blank) :], data[length:]
            keyword, equals, value = record.removesuffix(b"\n").partition(b"=")
            if not (length and blank and equals):
                raise Damaged(f"{self._name} is damaged: an extended header in it cannot be read")
            records[keyword.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        return records
