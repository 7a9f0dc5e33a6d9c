"""A member as frames of tar bytes: its header, its content as it is read and proven, and zeros up to whole blocks."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.backup.archive import tar
from services.backup.archive.fits_header import HeaderHash
from services.backup.archive.model import MIB, Member, OpenMember, Spoilt
from services.backup.archive.packer import frame_lengths
from shared.errors import Away, Permanent, Transient, Unavailable
from shared.library.stream import Stream

_ZEROS = bytes(MIB)


@dataclass(frozen=True, slots=True)
class Frame:
    """What becomes one frame. ``data`` lies in a buffer that comes round again."""

    position: int
    data: memoryview
    last: bool
    """Of its member, which then was read to its end and had the content that it should have."""
    header_sha256: str | None = None
    """In the last frame of a FITS file."""


def frames_of(
    member: Member, open_member: OpenMember, frame_bytes: int, buffers: Iterator[memoryview]
) -> Iterator[Frame]:
    """A member's frames, one after the other; each takes the next buffer, of ``frame_bytes``, when it is asked for.

    Raises:
        Spoilt: the member cannot be read, changed while it was read, or has not the content that it should have.
        Away, Unavailable: the root of its file is not there now.
    """
    header = tar.header(member)
    total = len(header) + member.size_bytes + tar.padding_bytes(member.size_bytes)
    with _spoilt(member), open_member(member) as stream:
        content = _Content(member, stream)
        done = 0
        for length in frame_lengths(total, frame_bytes):
            view = next(buffers)[:length]
            begun = min(max(len(header) - done, 0), length)
            view[:begun] = header[done : done + begun]
            filled = begun + content.fill(view[begun:])
            view[filled:] = bytes(length - filled)
            done += length
            last = done == total
            yield Frame(member.position, view, last, content.proven() if last else None)


class _Content:
    """The content of a member, hashed as it is read."""

    def __init__(self, member: Member, stream: Stream) -> None:
        if stream.size_bytes != member.size_bytes:
            raise Permanent(
                f"{stream.name} is {stream.size_bytes:,} bytes long, and was {member.size_bytes:,} when it arrived"
            )
        self._member = member
        self._stream = stream
        self._left = member.size_bytes
        self._hole = 0
        self._sha256 = hashlib.sha256()
        self._header = HeaderHash()

    def fill(self, view: memoryview) -> int:
        """Read as much as there is room for, or left; how many bytes that were."""
        room = view[: self._left]
        at = 0
        while at < len(room):
            at += self._zeros(room[at:]) or self._data(room[at:])
        self._left -= at
        self._sha256.update(room)
        self._header.update(room)
        return at

    def proven(self) -> str | None:
        """Make sure that this was all, and the content that it should be; the hash of its FITS header."""
        beyond = self._stream.hole() or self._stream.read_into(memoryview(bytearray(1)))
        self._stream.require_unchanged(self._member.size_bytes + beyond)
        if beyond:
            raise Transient(f"{self._stream.name} goes on behind its end: it changed while it was read")
        if self._sha256.hexdigest() != self._member.file_id:
            raise Permanent(f"{self._stream.name} has another content than when it arrived")
        return self._header.hexdigest()

    def _zeros(self, view: memoryview) -> int:
        """The part of a hole that there is room for: none where data comes next."""
        self._hole = self._hole or self._stream.hole()
        count = min(self._hole, len(view))
        for at in range(0, count, len(_ZEROS)):
            view[at : at + len(_ZEROS)][: count - at] = _ZEROS[: count - at]
        self._hole -= count
        return count

    def _data(self, view: memoryview) -> int:
        count = self._stream.read_into(view)
        if not count:
            raise Transient(f"{self._stream.name} ended {self._left:,} bytes too early: it changed while it was read")
        return count


@contextmanager
def _spoilt(member: Member) -> Iterator[None]:
    try:
        yield
    except (Away, Unavailable):
        raise
    except (Transient, Permanent) as error:
        raise Spoilt(member, str(error), error) from error
