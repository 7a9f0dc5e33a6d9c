"""What kind of file this is, told by its first bytes. The name only decides between forms of the same bytes.

``.fit`` is also what sports watches write and ``.ser`` what Java writes, so extensions prove nothing.
"""

import zlib
from enum import StrEnum

SNIFF_BYTES = 4096
"""How much of a file's beginning :func:`sniff` wants; less is accepted."""


class FileFormat(StrEnum):
    """The formats that capture programs write and Nightbus reads."""

    FITS = "FITS"
    FITS_GZ = "FITS_GZ"
    FITS_FZ = "FITS_FZ"
    XISF = "XISF"
    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    AVI = "AVI"
    SER = "SER"


FITS_SIGNATURE = b"SIMPLE  ="

_SIGNATURES: tuple[tuple[bytes, FileFormat], ...] = (
    (b"XISF0100", FileFormat.XISF),
    (b"\xff\xd8\xff", FileFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", FileFormat.PNG),
    (b"II*\x00", FileFormat.TIFF),
    (b"MM\x00*", FileFormat.TIFF),
    (b"II+\x00", FileFormat.TIFF),
    (b"MM\x00+", FileFormat.TIFF),
    (b"LUCAM-RECORDER", FileFormat.SER),
)

_STRANGERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xac\xed\x00\x05", "Java serialized objects"),
    (8, b".FIT", "an activity file of a Garmin device"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x1f\x8b", "gzip data that hold no FITS file"),
    (0, b"SQLite format 3", "an SQLite database"),
)
"""Offset, bytes and name of files that are met under a capture file's extension."""


def sniff(head: bytes, name: str) -> FileFormat | None:
    """The format of a file whose first bytes are ``head``; None when it is none of ours."""
    if head.startswith(FITS_SIGNATURE):
        return FileFormat.FITS_FZ if name.lower().endswith(".fz") else FileFormat.FITS
    for signature, file_format in _SIGNATURES:
        if head.startswith(signature):
            return file_format
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return FileFormat.AVI
    if head.startswith(b"\x1f\x8b") and _gunzip_head(head).startswith(FITS_SIGNATURE):
        return FileFormat.FITS_GZ
    return None


def describe_stranger(head: bytes) -> str:
    """Words for what an unrecognised file begins with, for the sentence that refuses it."""
    if not head:
        return "the file is empty"
    for offset, signature, words in _STRANGERS:
        if head[offset : offset + len(signature)] == signature:
            return f"it is {words}"
    start = head[:32]
    if not start.strip(b"\x00"):
        return "it begins with zero bytes"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return f"it is text that begins with {start.decode('ascii').split(chr(10))[0].strip()[:32]!r}"
    return f"it begins with the bytes {head[:8].hex(' ')}"


def _gunzip_head(head: bytes) -> bytes:
    """The first few decompressed bytes; empty when the deflate stream is broken."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 80)
    except zlib.error:
        return b""
