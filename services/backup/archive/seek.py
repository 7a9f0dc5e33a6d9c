"""The seek table of zstd's seekable format: the sizes of all frames, in a frame that every zstd skips.

Source: zstd, contrib/seekable_format/zstd_seekable_compression_format.md, version 0.1.0.
"""

import struct
import sys
from array import array
from collections.abc import Iterable

_SKIPPABLE = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_ENTRY_BYTES = 8
FOOTER_BYTES = 9
_BEFORE_BYTES = 8


class SeekTable:
    """Frames in their order. Of 5 TB there are more than a million, so that they are kept as plain numbers."""

    def __init__(self) -> None:
        self._sizes = array("I")

    def add(self, stored_bytes: int, tar_bytes: int) -> None:
        """The next frame: how long it is, and how long what it holds."""
        self._sizes.append(stored_bytes)
        self._sizes.append(tar_bytes)

    def add_all(self, stored_bytes: Iterable[int], tar_bytes: Iterable[int]) -> None:
        """Frames one after the other. Raises ValueError where not as many are told of the one as of the other."""
        for stored, tar in zip(stored_bytes, tar_bytes, strict=True):
            self.add(stored, tar)

    def frame(self) -> bytes:
        """The table as a skippable frame."""
        count = len(self._sizes) // 2
        before = struct.pack("<II", _SKIPPABLE, count * _ENTRY_BYTES + FOOTER_BYTES)
        return before + _little_endian(self._sizes) + struct.pack("<IBI", count, 0, _SEEKABLE)


def frame_bytes(frames: int) -> int:
    """How long the table of so many frames is."""
    return _BEFORE_BYTES + frames * _ENTRY_BYTES + FOOTER_BYTES


def _little_endian(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
