"""What a request sends: bytes that are neither copied nor hashed again, written as the connection takes them.

botocore sees a file, aiohttp a payload of its own kind. aiohttp's way with bytes blocks the loop, its way with
``BytesIO`` copies all of them, and its way with files asks a thread for each 64 KiB.
"""

import io
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from botocore.auth import S3SigV4Auth

_WRITE_BYTES = 1024 * 1024


def _nobody() -> None:
    """Nobody wants to know that bytes are moving."""


class Body(Payload):
    """Bytes whose SHA-256 is known. ``on_progress`` is called whenever the connection took more of them."""

    def __init__(self, data: bytes, sha256: bytes) -> None:
        super().__init__(data, content_type="application/octet-stream")
        self._size = len(data)
        self._data = data
        self._at = 0
        self.sha256 = sha256
        self.on_progress: Callable[[], None] = _nobody

    def read(self, count: int = -1) -> bytes:
        """As of a file."""
        end = self._size if count is None or count < 0 else self._at + count
        found = self._data[self._at : end]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of a file."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        return self._at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As text; nobody asks for it."""
        return self._data.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """All of it, as fast as the connection takes it."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """At most so many bytes of it."""
        view = memoryview(self._data)[:content_length]
        for start in range(0, len(view), _WRITE_BYTES):
            await writer.write(view[start : start + _WRITE_BYTES])
            self.on_progress()


class SignedByKnownHash(S3SigV4Auth):  # type: ignore[misc] # botocore has no types
    """Signature version 4 over the SHA-256 of the body, which every server compares. One known is not made anew."""

    def payload(self, request: Any) -> str:
        """The hash that is signed."""
        if isinstance(request.body, Body):
            return request.body.sha256.hex()
        hashed: str = super().payload(request)
        return hashed

    def _should_sha256_sign_payload(self, _request: Any) -> bool:
        return True
