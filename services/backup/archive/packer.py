"""Packing: pieces of the tar as zstd frames, each of which any zstd unpacks by itself.

A frame tells its content's size, so that whoever unpacks it makes room once, and ends with a checksum (XXH64, about
1 % of the time), so that ``zstd -t`` finds damage without a manifest.
"""

import threading
from collections.abc import Iterator
from typing import Literal

import zstandard

from services.backup.archive.model import Packing

_BLOCK_BYTES = 128 * 1024
_FRAME_OVERHEAD_BYTES = 18 + 4
"""Largest frame header, and the checksum (RFC 8878, 3.1.1)."""
_BLOCK_OVERHEAD_BYTES = 3


def zstd_version() -> str:
    """The version of the zstd library, which decides what bytes come out."""
    return ".".join(map(str, zstandard.ZSTD_VERSION))


def packing_here(kind: Literal["zstd", "none"], level: int) -> Packing:
    """How this machine packs now."""
    return Packing(kind, level, version=zstd_version()) if kind == "zstd" else Packing(kind, level)


def frame_lengths(tar_bytes: int, frame_bytes: int) -> Iterator[int]:
    """How many of a member's tar bytes each of its frames has: all ``frame_bytes`` but the last."""
    for at in range(0, tar_bytes, frame_bytes):
        yield min(frame_bytes, tar_bytes - at)


def most_frame_bytes(tar_bytes: int) -> int:
    """How long a frame of so many tar bytes is at most: where nothing can be packed, blocks hold them as they are."""
    blocks = max(1, -(-tar_bytes // _BLOCK_BYTES))
    return tar_bytes + blocks * _BLOCK_OVERHEAD_BYTES + _FRAME_OVERHEAD_BYTES


class Packer:
    """Packs frames; threads may share it, since each has a compressor of its own."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._local = threading.local()

    def pack(self, data: memoryview) -> bytes:
        """One frame."""
        compressor: zstandard.ZstdCompressor | None = getattr(self._local, "compressor", None)
        if compressor is None:
            compressor = self._local.compressor = zstandard.ZstdCompressor(
                level=self._level, write_content_size=True, write_checksum=True
            )
        return compressor.compress(data)
