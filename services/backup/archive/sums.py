"""MD5 and SHA-256 of one part after the other, in a thread beside the work that makes the parts."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

_TOGETHER_BYTES = 1024 * 1024
"""Hashed at a time: handing over costs as much as hashing 30 KiB."""


class Sums:
    """The sums of a part that is being filled."""

    def __init__(self, thread: ThreadPoolExecutor, part: memoryview) -> None:
        self._thread = thread
        self._part = part
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._begun_bytes = 0
        self._under_way: Future[None] | None = None

    def filled(self, filled_bytes: int) -> None:
        """So many bytes of the part are what they will be."""
        if filled_bytes - self._begun_bytes >= _TOGETHER_BYTES:
            self._hash(filled_bytes)

    def digests(self, filled_bytes: int) -> tuple[bytes, bytes]:
        """MD5 and SHA-256 of the part, which is that long."""
        self._hash(filled_bytes)
        self._settle()
        self._part.release()
        return self._md5.digest(), self._sha256.digest()

    def _hash(self, filled_bytes: int) -> None:
        piece = self._part[self._begun_bytes : filled_bytes]
        self._begun_bytes = filled_bytes
        self._settle()
        self._under_way = self._thread.submit(self._update, piece)

    def _settle(self) -> None:
        if self._under_way is not None:
            self._under_way.result()
            self._under_way = None

    def _update(self, piece: memoryview) -> None:
        with piece:
            self._md5.update(piece)
            self._sha256.update(piece)
