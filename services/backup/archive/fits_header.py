"""The primary header of a FITS file, hashed from bytes that pass by.

Source: FITS Standard 4.0, section 3.3.1 (blocks of 2880 bytes) and 4.4.1 (SIMPLE comes first, END last).
"""

import hashlib

from shared.library.fits_length import BLOCK_BYTES

LONGEST_BYTES = 4 * 1024 * 1024
_FIRST = b"SIMPLE  ="
_CARD_BYTES = 80
_END = b"END".ljust(8)


class HeaderHash:
    """SHA-256 of a primary header, up to and with the block in which END stands."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._rest = b""
        self._passed = 0
        self._done = False
        self._ended = False

    def update(self, data: memoryview) -> None:
        """What comes next of the file."""
        at = 0
        while not self._done and at < len(data):
            took = BLOCK_BYTES - len(self._rest)
            self._rest += bytes(data[at : at + took])
            at += took
            if len(self._rest) == BLOCK_BYTES:
                self._take(self._rest)
                self._rest = b""

    def hexdigest(self) -> str | None:
        """The hash; None of what is no FITS file, has no END, or a longer header than 4 MiB."""
        return self._sha256.hexdigest() if self._ended else None

    def _take(self, block: bytes) -> None:
        if self._passed == 0 and not block.startswith(_FIRST):
            self._done = True
            return
        self._sha256.update(block)
        self._passed += len(block)
        self._ended = any(block.startswith(_END, at) for at in range(0, BLOCK_BYTES, _CARD_BYTES))
        self._done = self._ended or self._passed >= LONGEST_BYTES
