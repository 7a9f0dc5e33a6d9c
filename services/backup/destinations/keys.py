"""Keys: names that every destination can hold, so that an archive may be copied from any of them to any other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Permanent
from shared.library.reading import shown
from shared.library.template import safe_path

MARKER = "installation.json"
"""Key of the marker, which tells whose objects lie below a prefix."""
UNFINISHED = ".unfinished"
"""Where a folder keeps what is not complete; no key begins with it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes that is known by its hash."""

    size_bytes: int
    sha256: bytes


def piece_of(data: bytes) -> tuple[Piece, ...]:
    """The whole of small data as a piece."""
    return (Piece(len(data), hashlib.sha256(data).digest()),)


def size_of(pieces: Sequence[Piece]) -> int:
    """Bytes of all pieces together."""
    return sum(piece.size_bytes for piece in pieces)


def require_key(key: str) -> str:
    """Make sure that a key is one, and give it back.

    Raises:
        Permanent: some file system cannot hold it, it leaves its folder, or it is the marker's.
    """
    if safe_path(key) != key or key.casefold() == MARKER:
        raise Permanent(f"'{shown(key)}' cannot be a key: not every destination can hold it")
    return key
