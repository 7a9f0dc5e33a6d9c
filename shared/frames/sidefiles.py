"""What the files beside the frames say: previews (JPEG, PNG, TIFF) by Pillow, videos (SER, AVI) by their headers.

SER: Lucam Recorder format, version 3 (Grischa Hahn). AVI: the ``avih`` chunk of Microsoft's AVI RIFF reference.
"""

import struct
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from shared.errors import Permanent
from shared.frames.source import PlainSource
from shared.frames.values import file_stamp

_SER_HEADER = struct.Struct("<14s7i40s40s40sqq")
_TICKS_PER_MICROSECOND = 10
_SER_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001  the header has one time in UTC and one in the local zone
_EXIF_IFD, _DATE_TIME_ORIGINAL, _DATE_TIME = 0x8769, 36867, 306
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
    """Facts of a side file. ``local_time`` is the camera's own clock, ``observed_at`` is UTC."""

    width: int
    height: int
    local_time: datetime | None = None
    observed_at: datetime | None = None
    camera: str | None = None
    telescope: str | None = None
    frame_count: int | None = None
    problems: tuple[str, ...] = ()


def read_picture(path: Path) -> SideFacts:
    """Size and capture date of a JPEG, PNG or TIFF, from its headers only. Raises Permanent if they are damaged."""
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        try:
            with Image.open(stream, formats=("JPEG", "PNG", "TIFF")) as picture:
                width, height = picture.size
                exif = picture.getexif()
                written = exif.get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL) or exif.get(_DATE_TIME)
        except _PILLOW_SURPRISES as error:
            raise Permanent(f"the picture cannot be read: {_reason(error)}") from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise Permanent(f"the picture cannot be read: {_reason(error)}") from error
    local = file_stamp(written) if isinstance(written, str) else None
    return SideFacts(width, height, local_time=local)


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
    if source.size is not None and source.size < declared:
        problems.append(f"truncated: declares {declared} bytes, has {source.size}")
    return SideFacts(
        width,
        height,
        local_time=_ser_time(local),
        observed_at=observed.replace(tzinfo=UTC) if (observed := _ser_time(utc)) else None,
        camera=_latin(camera),
        telescope=_latin(telescope),
        frame_count=frames,
        problems=tuple(problems),
    )


def read_avi(source: PlainSource) -> SideFacts:
    """The facts of an AVI video's main header. Raises Permanent when there is none."""
    head = source.read(0, 512)
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        raise Permanent("the AVI file has no main header")
    frames = int.from_bytes(head[at + 24 : at + 28], "little")
    width, height = struct.unpack_from("<II", head, at + 40)
    declared = int.from_bytes(head[4:8], "little") + 8
    problems = []
    if source.size is not None and source.size < declared:
        problems.append(f"truncated: declares {declared} bytes, has {source.size}")
    if max(width, height) > 1 << 20:
        problems.append(f"the AVI header declares {width}x{height} pixels")
        width = height = 0
    return SideFacts(width, height, frame_count=frames, problems=tuple(problems))


def _ser_time(ticks: int) -> datetime | None:
    """The naive time of a count of 100 ns since the year 1; None for zero and for years that no video was taken in."""
    try:
        found = _SER_EPOCH + timedelta(microseconds=ticks // _TICKS_PER_MICROSECOND)
    except OverflowError:
        return None
    return found if 1900 <= found.year <= 2100 else None


def _latin(field: bytes) -> str | None:
    words = field.split(b"\x00")[0].decode("latin-1")
    return "".join(char for char in words if char.isprintable()).strip() or None


def _reason(error: BaseException) -> str:
    """The parser's words without the object addresses that some contain."""
    return (str(error).split("<")[0].strip() or type(error).__name__)[:120]
