"""The identity of a file: the SHA-256 of its content."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from shared.library.reading import buffer, open_source


@dataclass(frozen=True, slots=True)
class Digest:
    """``file_id`` is the SHA-256 of the content in 64 lower-case hexadecimal digits."""

    file_id: str
    size_bytes: int


def sha256_file(path: Path) -> Digest:
    """Hash a file in one pass and make sure that it was one and the same file all the while.

    Raises:
        Transient: the file changed while it was read, or cannot be read now.
        Permanent: it is a symbolic link, a folder or a special file.
    """
    with open_source(path) as source:
        digest = sha256_descriptor(source.fd)
        source.require_unchanged(digest.size_bytes)
        return digest


def sha256_descriptor(fd: int) -> Digest:
    """Hash an open file from its current position to its end; the descriptor stays open. Raises OSError."""
    sha256 = hashlib.sha256()
    view = buffer()
    size_bytes = 0
    with io.FileIO(fd, "rb", closefd=False) as file:
        while count := file.readinto(view):
            sha256.update(view[:count])
            size_bytes += count
    return Digest(sha256.hexdigest(), size_bytes)
