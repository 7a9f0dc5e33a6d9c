"""A member's stored bytes turned into its file, with the proof that it is the one that was archived."""

from typing import BinaryIO, Protocol

from services.backup.archive.extract import ArchiveReader, Damaged, OneMember
from services.backup.archive.model import MIB
from services.backup.restore.wanted import Copy
from shared.library.reading import shown


class Readable(Protocol):
    """Bytes in order."""

    def read(self, size: int, /) -> bytes | memoryview:
        """At most so many of the next bytes; none at the end. Raises Transient where they cannot be read now."""


def unpack(stored: Readable, copy: Copy, target: BinaryIO | None = None) -> None:
    """Write the content of a member to ``target``, where one is given; runs in a thread.

    ``stored`` is its range of the archive and no more. What was written counts only once this has returned.

    Raises:
        Damaged: the bytes are not those of the file; the sentence says in what way.
        Transient: they cannot be read now.
        OSError: the target cannot be written to.
    """
    name = f"{shown(copy.key)} at {copy.destination}"
    named = f"{shown(copy.member)} in {name}"
    member = OneMember(name, copy, target)
    reader = ArchiveReader(named, "zstd" if copy.packed else "none", member, whole=False)
    left = copy.stored_bytes
    while data := stored.read(min(left, MIB)):
        reader.feed(bytes(data))
        left -= len(data)
    reader.end()
    member.require_proven()
    if left:
        raise Damaged(f"{named} is damaged: it ends too early")


def damage_of(stored: Readable, copy: Copy) -> str | None:
    """Why a member is not what was archived; None where it is. Raises Transient as ``unpack`` does."""
    try:
        unpack(stored, copy)
    except Damaged as error:
        return str(error)
    return None
