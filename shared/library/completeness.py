"""Whether a file holds as many bytes as its own header declares: a copy that is still under way does not.

Only length is judged, at the level of bytes and within bounds. Whatever is not understood counts as complete, since
content is the scanner's work and a file must never wait for ever because of an unusual header. Formats are told by
their first bytes, since names lie (``.fit`` is also a Garmin activity, ``.ser`` a Java object).
"""

import re
import struct
from collections.abc import Callable
from pathlib import Path

from shared.library.fits_length import fits_completeness
from shared.library.gzip_length import gzip_completeness
from shared.library.length import Completeness, FileLengthReader, LengthReader, complete, incomplete, tail, too_short
from shared.library.reading import open_source

__all__ = ["Completeness", "completeness_of", "is_complete"]

_TAIL_BYTES = 64 * 1024
_XISF_HEADER_BYTES = 16 * 1024 * 1024
_ATTACHMENT = re.compile(rb"<([\w:.-]+)\s[^<>]*?\blocation\s*=\s*[\"']attachment:(\d{1,18}):(\d{1,18})[\"']")
_MOST_RIFF_CHUNKS = 10_000
_SER_HEADER_BYTES = 178


def is_complete(path: Path) -> Completeness:
    """Compare a file's length with what its header declares, as ``completeness_of`` does.

    Raises:
        Transient: the file cannot be read now.
        Permanent: it is a symbolic link, a folder or a special file.
    """
    with open_source(path) as source:
        return completeness_of(FileLengthReader(source.fd, source.status.st_size))


def completeness_of(file: LengthReader) -> Completeness:
    """Compare a file's length with what its header declares. Raises what the reader does.

    FITS (and .fz), gzipped FITS, XISF, JPEG, PNG, SER and AVI are understood; TIFF is not judged. A FITS file that
    lacks only the padding of its last block is complete.
    """
    head = file.at(0, 2880)
    if not head:
        return incomplete(file, None, "the file is empty")
    if not head.strip(b"\0"):
        return incomplete(file, None, "the file begins with zeros: room was made for it, but nothing written yet")
    for magic, judge in _JUDGES:
        if head.startswith(magic) or magic.startswith(head):
            return judge(file)
    return complete(file, None)


def _xisf(file: LengthReader) -> Completeness:
    """XISF 1.0, monolithic: signature, header length (uint32, little endian), 4 reserved bytes, XML, attachments."""
    if file.size_bytes < 16:
        return incomplete(file, 16, "the file ends inside its XISF signature")
    (header_bytes,) = struct.unpack("<I", file.at(8, 4))
    declared = 16 + header_bytes
    if declared > file.size_bytes:
        return incomplete(file, declared, "the file ends inside its XISF header")
    if header_bytes > _XISF_HEADER_BYTES:
        return complete(file, None)
    for element, position, size in _ATTACHMENT.findall(file.at(16, header_bytes)):
        if element != b"Thumbnail":  # some devices declare a thumbnail that they never write
            declared = max(declared, int(position) + int(size))
    return _compare(file, declared)


def _jpeg(file: LengthReader) -> Completeness:
    """JPEG ends with the marker EOI; cameras append previews and padding after it."""
    if b"\xff\xd9" in tail(file, _TAIL_BYTES):
        return complete(file, None)
    return incomplete(file, None, "the JPEG has no end marker")


def _png(file: LengthReader) -> Completeness:
    """PNG ends with the chunk IEND, its name followed by 4 bytes of checksum."""
    last = tail(file, _TAIL_BYTES)
    end = last.rfind(b"IEND")
    if end >= 0 and end + 8 <= len(last):
        return complete(file, None)
    return incomplete(file, None, "the PNG has no end chunk")


def _ser(file: LengthReader) -> Completeness:
    """SER version 3: a header of 178 bytes with geometry and frame count, the frames, optionally a time for each."""
    if file.size_bytes < _SER_HEADER_BYTES:
        return incomplete(file, _SER_HEADER_BYTES, "the file ends inside its SER header")
    color, _, width, height, depth, frames = struct.unpack("<6i", file.at(18, 24))
    planes = 3 if color in (100, 101) else 1
    if not 1 <= depth <= 16 or min(width, height) <= 0:
        return complete(file, None)
    if frames <= 0:  # some recorders write the count last, or never
        return incomplete(file, None, "the SER header does not say yet how many frames there are")
    return _compare(file, _SER_HEADER_BYTES + frames * width * height * planes * (1 if depth <= 8 else 2))


def _riff(file: LengthReader) -> Completeness:
    """AVI: a RIFF chunk that declares its size, followed by more of them beyond 1 GiB (OpenDML)."""
    offset = 0
    for _ in range(_MOST_RIFF_CHUNKS):
        head = file.at(offset, 12)
        if len(head) < 12 or head[:4] != b"RIFF":
            break
        (size,) = struct.unpack("<I", head[4:8])
        if head[8:11] != b"AVI":
            return complete(file, None)
        if size in (0, 0xFFFFFFFF):  # a recorder that writes the size last, or never
            return incomplete(file, None, "the AVI header does not say its length yet")
        if offset + 8 + size > file.size_bytes:
            return _compare(file, offset + 8 + size)
        offset += 8 + size + size % 2
    return complete(file, min(offset, file.size_bytes) or None)


def _compare(file: LengthReader, declared_bytes: int) -> Completeness:
    if declared_bytes <= file.size_bytes:
        return complete(file, declared_bytes)
    return too_short(file, declared_bytes)


_JUDGES: tuple[tuple[bytes, Callable[[LengthReader], Completeness]], ...] = (
    (b"SIMPLE  =", fits_completeness),
    (b"\x1f\x8b\x08", gzip_completeness),
    (b"XISF0100", _xisf),
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"LUCAM-RECORDER", _ser),
    (b"RIFF", _riff),
)
