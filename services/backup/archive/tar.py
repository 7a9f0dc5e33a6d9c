"""Members as tar writes them: a header, the content, and zeros up to whole blocks.

A header is plain ustar (POSIX.1-1988) where name and size fit, which every tar reads; else a pax header (POSIX.1-2001)
goes before it. Nothing in it depends on the machine or the moment.
"""

import tarfile

from services.backup.archive.model import Member
from shared.library.reading import as_utf8

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""How every tar file ends."""
_MODE = 0o644


def header(member: Member) -> bytes:
    """The blocks that go before a member's content. A name that is no UTF-8 stands there as the library stores it."""
    entry = tarfile.TarInfo(as_utf8(member.path))
    entry.size, entry.mtime, entry.mode = member.size_bytes, member.mtime_s, _MODE
    if entry.name.isascii():
        try:
            return entry.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
        except ValueError:
            pass  # too long a name, or too large a number
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding_bytes(size_bytes: int) -> int:
    """How many zeros follow a content of that size."""
    return -size_bytes % BLOCK_BYTES


def tar_bytes(member: Member) -> int:
    """How long a member is in the tar, with header and padding, bytes."""
    return len(header(member)) + member.size_bytes + padding_bytes(member.size_bytes)
