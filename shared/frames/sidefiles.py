"""What the files beside the frames say: previews (JPEG, PNG, TIFF) by Pillow, videos (SER, AVI) by their headers.

SER: Lucam Recorder format, version 3 (Grischa Hahn). AVI: the ``avih`` chunk of Microsoft's AVI RIFF reference.
"""

import contextlib
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from PIL import Image, UnidentifiedImageError

from shared.errors import Permanent
from shared.frames.exif import ExifFacts, read_exif
from shared.frames.pictures import picture_faults
from shared.frames.source import PlainSource
from shared.frames.texts import decoded
from shared.frames.xisf_blocks import ALWAYS_BELIEVED_BYTES, BELIEVABLE_GROWTH

_SER_HEADER = struct.Struct("<14s7i40s40s40sqq")
_SER_COLORS = frozenset({0, 8, 9, 10, 11, 16, 17, 18, 19, 100, 101})
"""Mono, eight mosaics, RGB, BGR."""
_TICKS_PER_MICROSECOND = 10
_SER_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001  the header has one time in UTC and one in the local zone
_MOST_RIFF_LISTS = 10_000
_AVI_CHUNK_BYTES = 8
"""The header that every frame has; dropped frames have nothing else."""
_PILLOW_SURPRISES = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    NotImplementedError,
    AttributeError,
    ZeroDivisionError,
    MemoryError,
    struct.error,
)
"""What Pillow's format plug-ins were seen to raise on damaged files, besides OSError."""


@dataclass(frozen=True, slots=True)
class SideFacts:
    """Facts of a side file; ``exif`` are a picture's. ``local_time`` is the camera's own clock, ``observed_at`` UTC."""

    width: int
    height: int
    local_time: datetime | None = None
    observed_at: datetime | None = None
    camera: str | None = None
    telescope: str | None = None
    frame_count: int | None = None
    exif: ExifFacts | None = None
    problems: tuple[str, ...] = ()


@contextlib.contextmanager
def open_picture(path: Path, *, most_pixels: Literal["ignore", "error"]) -> Iterator[Image.Image]:
    """A JPEG, PNG or TIFF in Pillow's hands. ``most_pixels``: what becomes of its warning of very large pictures.

    Raises:
        Permanent: Pillow cannot read it, also while it is used.
    """
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter(most_pixels, Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        try:
            with Image.open(stream, formats=("JPEG", "PNG", "TIFF")) as picture:
                yield picture
        except _PILLOW_SURPRISES as error:
            raise Permanent(f"the picture cannot be read: {reason_of(error)}") from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise Permanent(f"the picture cannot be read: {reason_of(error)}") from error


def read_picture(path: Path) -> SideFacts:
    """Size and EXIF of a JPEG, PNG or TIFF, and whether it is whole. Raises Permanent for damaged headers.

    A PNG is unpacked whole, since its EXIF may stand behind its pixels; of the others only headers are read.
    """
    # Finished mosaics have more than a hundred million pixels; Pillow still refuses twice as many as it warns of.
    with open_picture(path, most_pixels="ignore") as picture:
        width, height = picture.size
        exif = read_exif(picture.getexif())
    with PlainSource(path) as source:
        problems = picture_faults(source)
        if width * height > max(ALWAYS_BELIEVED_BYTES, (source.size or 0) * BELIEVABLE_GROWTH):
            problems += (f"{source.size} bytes that claim to hold {width}x{height} pixels are not believed",)
        return SideFacts(width, height, exif=exif, problems=(*problems, *exif.problems))


def read_ser(source: PlainSource) -> SideFacts:
    """The facts of a SER video. Raises Permanent when the header is not whole."""
    head = source.read(0, _SER_HEADER.size)
    if len(head) < _SER_HEADER.size:
        raise Permanent(f"truncated: a SER header has {_SER_HEADER.size} bytes, {len(head)} are there")
    _, _, color, _, width, height, depth, frames, _, camera, telescope, local, utc = _SER_HEADER.unpack(head)
    problems = []
    if min(width, height) < 1 or frames < 0 or not 1 <= depth <= 16:
        problems.append(f"the SER header declares {frames} frames of {width}x{height} pixels of {depth} bits")
        width, height, frames = max(width, 0), max(height, 0), max(frames, 0)
    elif frames == 0:
        problems.append("the video holds no frames")
    declared = _SER_HEADER.size + frames * width * height * (3 if color >= 100 else 1) * (2 if depth > 8 else 1)
    if color not in _SER_COLORS:
        problems.append(f"the SER header declares a colour format of number {color}, which is not known")
    if source.size is not None and source.size < declared:
        problems.append(f"truncated: declares {declared} bytes, has {source.size}")
    elif source.size not in (declared, declared + 8 * frames):
        problems.append(f"{source.size} bytes are not those of {frames} frames, with or without a time for each")
    return SideFacts(
        width,
        height,
        local_time=_ser_time(local),
        observed_at=observed.replace(tzinfo=UTC) if (observed := _ser_time(utc)) else None,
        camera=_text(camera),
        telescope=_text(telescope),
        frame_count=frames,
        problems=tuple(problems),
    )


def read_avi(source: PlainSource) -> SideFacts:
    """The facts of an AVI video's main header, and whether its chunks are whole. Raises Permanent without a header."""
    head = source.read(0, 512)
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        raise Permanent("the AVI file has no main header")
    frames = int.from_bytes(head[at + 24 : at + 28], "little")
    width, height = struct.unpack_from("<II", head, at + 40)
    problems, movie_bytes = _avi_chunks(source)
    if not 0 < max(width, height) <= 1 << 20 or min(width, height) < 1:
        problems.append(f"the AVI header declares {width}x{height} pixels")
        width = height = 0
    if frames == 0 or frames * _AVI_CHUNK_BYTES > max(movie_bytes, 1):
        problems.append(f"the AVI header declares {frames} frames in {movie_bytes} bytes")
        frames = 0
    return SideFacts(width, height, frame_count=frames or None, problems=tuple(problems))


def _avi_chunks(source: PlainSource) -> tuple[list[str], int]:
    """Walk RIFF lists and the chunks in them: what is wrong, and how many bytes the frames have together."""
    size = source.size or 0
    problems: list[str] = []
    offset = movie_bytes = 0
    for _ in range(_MOST_RIFF_LISTS):
        head = source.read(offset, 12)
        if offset and head[:4] != b"RIFF":
            if head.strip(b"\0"):
                problems.append(f"{size - offset} bytes that belong to no RIFF list follow after byte {offset}")
            break
        end = offset + 8 + int.from_bytes(head[4:8], "little")
        if end > size or end < offset + 12:
            problems.insert(0, f"truncated: declares {end} bytes, has {size}")
            break
        at = offset + 12
        for _ in range(_MOST_RIFF_LISTS):
            if at >= end - 8:
                break
            head = source.read(at, 12)
            length = int.from_bytes(head[4:8], "little")
            if not (head[:4].isascii() and head[:4].decode("ascii").isprintable()):
                problems.append(f"no AVI chunk begins at byte {at}")
                break
            if at + 8 + length > end:
                problems.append(f"the AVI chunk at byte {at} ends at {at + 8 + length}, behind its list")
                break
            if head[:4] == b"LIST" and head[8:12] == b"movi":
                movie_bytes += length - 4
            at += 8 + length + length % 2
        offset = end + end % 2
    return problems, movie_bytes


def _ser_time(ticks: int) -> datetime | None:
    """The naive time of a count of 100 ns since the year 1; None for zero and for years that no video was taken in."""
    try:
        found = _SER_EPOCH + timedelta(microseconds=ticks // _TICKS_PER_MICROSECOND)
    except OverflowError:
        return None
    return found if 1900 <= found.year <= 2100 else None


def _text(field: bytes) -> str | None:
    return decoded(field.split(b"\x00")[0], hidden="").strip() or None


def reason_of(error: BaseException) -> str:
    """The parser's words without the object addresses that some contain."""
    return (str(error).split("<")[0].strip() or type(error).__name__)[:120]
