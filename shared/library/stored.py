"""Looking at a stored copy: is it there, is it whole, and where it is not, did it rot or did somebody change it.

A place in the library is known with the content that it should hold and with the mtime at which it held that. Whoever
changes a file moves its mtime; a disk that loses bits does not. So other bytes at that very mtime are rot, and other
bytes at another mtime, or where the mtime was never noted, are somebody's work.
"""

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from shared.library.hashing import Digest, sha256_descriptor
from shared.library.place import place_of
from shared.library.reading import drop_cache, open_source, status_of
from shared.library.roots import Root, read_marker


class Condition(StrEnum):
    """What became of a stored copy."""

    SOUND = "sound"
    GONE = "gone"
    """No regular file has that name: nothing has, or a link, a folder or a special file."""
    DAMAGED = "damaged"
    """Other bytes at the mtime at which it was whole."""
    CHANGED = "changed"
    """Other bytes at another mtime, or where that mtime is not known."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. ``digest``: what the file holds, where it was hashed. ``inode`` and ``device`` tell one file."""

    condition: Condition
    mtime_ns: int = 0
    inode: int = 0
    device: int = 0
    digest: Digest | None = None


def examine(library: Root, relative_path: str, expected: Digest, *, whole_at_ns: int | None, hashing: bool) -> Examined:
    """Look at a stored copy. That it has gone or holds other bytes is believed only of the library itself.

    Of one that was not read the caller asks for the marker: it may look at many.

    Args:
        library: where it is.
        relative_path: its path there.
        expected: what it should hold.
        whole_at_ns: the mtime at which it held that, nanoseconds since 1970; None where that is not known.
        hashing: whether its bytes are read; without it a file of the right size is read only where its mtime is
            another one than it was.

    Raises:
        LibraryAway: the library is not mounted, or another one is.
        Transient: the copy cannot be read now or changes meanwhile.
        Permanent: the path leaves the root.
    """
    path = library.path / relative_path
    status = status_of(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        read_marker(library)  # a volume that is away takes every name with it
        status = status_of(path)  # and one that has just come back brings them
        if status is None or not stat.S_ISREG(status.st_mode):
            return Examined(Condition.GONE)
    path, _folders = place_of(library, relative_path)
    looks_whole = status.st_size == expected.size_bytes and whole_at_ns in (None, status.st_mtime_ns)
    if looks_whole and not hashing:
        return Examined(Condition.SOUND, status.st_mtime_ns, status.st_ino, status.st_dev)
    examined = _hashed(path, expected, whole_at_ns)
    read_marker(library)  # what another disk holds under that name says nothing of ours
    return examined


def _hashed(path: Path, expected: Digest, whole_at_ns: int | None) -> Examined:
    digest, status = read_back(path)
    if digest == expected:
        condition = Condition.SOUND
    else:
        condition = Condition.DAMAGED if status.st_mtime_ns == whole_at_ns else Condition.CHANGED
    return Examined(condition, status.st_mtime_ns, status.st_ino, status.st_dev, digest)


def read_back(path: Path) -> tuple[Digest, os.stat_result]:
    """Hash a file from the disk rather than from memory, wherever the kernel lets us; raises as ``sha256_file``."""
    with open_source(path) as opened:
        drop_cache(opened.fd)
        digest = sha256_descriptor(opened.fd)
        opened.require_unchanged(digest.size_bytes)
        return digest, opened.status
