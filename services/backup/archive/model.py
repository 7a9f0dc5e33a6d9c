"""What an archive is made of, without a database and without a destination.

An archive is a tar file. Packed by zstd, each member begins a frame of its own and long members have several, all of
``frame_bytes`` of tar bytes but the last; a seek table (zstd's own seekable format, a skippable frame) ends it. So any
``zstd`` and ``tar`` restores it, and one member is a range of bytes. The same members and packing give the same bytes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from shared.library.stream import Stream

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A file that is to be in an archive."""

    position: int
    """In the archive, from 0 on."""
    file_id: str
    """SHA-256 that its content must have, hexadecimal."""
    path: str
    """Its name in the archive: ``<collection>/<root>/<path>``."""
    size_bytes: int
    mtime_s: int
    """Of the member in the tar; when the file arrived, so that reading it again gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How the tar is packed; what is not alike gives other bytes."""

    kind: Literal["zstd", "none"] = "zstd"
    level: int = 3
    frame_bytes: int = 4 * MIB
    version: str = ""
    """Of the zstd library, as ``archive.packer.zstd_version`` tells it; empty where nothing is packed."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A place in an archive's bytes that does not change when earlier members are left out or packed anew."""

    position: int = 0
    """Of the member; that after the last one is the archive's end (tar's two blocks of zeros and the seek table)."""
    offset: int = 0
    """Stored bytes since this member's first one."""


@dataclass(frozen=True, slots=True)
class Written:
    """A member that is wholly in the archive and had the content that it should have."""

    position: int
    stored_offset: int
    """Where its first byte lies in the archive, bytes."""
    stored_bytes: int
    """How long it is there, with its tar header and padding."""
    frame_sizes: tuple[int, ...]
    """Stored size of each of its frames, bytes; empty where nothing is packed."""
    header_sha256: str | None
    """Of a FITS file, of its primary header up to and with the block of END; None for all others."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the archive's bytes, ready to be sent."""

    number: int
    """From 1 on."""
    begins: Point
    """A member that fills the part before to its last byte ends there: this one begins with the next member."""
    data: bytes
    md5: bytes
    sha256: bytes
    written: tuple[Written, ...]
    """Members whose last byte lies in this part."""


OpenMember = Callable[[Member], AbstractContextManager[Stream]]
"""Opens a member's file; called in a thread. Raises Away, Gone or another Transient, or Permanent."""


class Spoilt(Exception):
    """A member has not the content that it should have, or cannot be read; nothing is wrong with the others.

    The parts from that on in which it begins are void: the caller tries the member again or leaves it out, and goes on
    at the beginning of that part.
    """

    def __init__(self, member: Member, reason: str, cause: Exception | None = None) -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason
        """One sentence that names the file."""
        self.cause = cause
