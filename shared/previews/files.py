"""The files of a preview: the picture (JPEG or WebP), the proxy's levels (PNG), and what explains them (JSON).

**Levels.** An 8-bit grey PNG of ``width_px`` columns that holds one image below the other: the high bytes of each
plane (red, green, blue), then the low bytes in the same order. Every browser and Pillow read it exactly, which neither
does with 16-bit colour PNG; and it is written in a fifth of the time, since high bytes pack quickly and well and low
bytes, which are noise, are stored as they are::

    rows = numpy.asarray(PIL.Image.open(path)).reshape(2, planes, height, width).astype("u2")
    levels = rows[0] << 8 | rows[1]
"""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image
from pydantic import Field

from shared.errors import Permanent
from shared.events.base import FileId, Model
from shared.previews.kinds import PictureFormat, StretchKind
from shared.previews.make import Picture, Reduced, own_stretch
from shared.previews.reduction import Levels, Proxy
from shared.previews.stretch import LEVELS, ChannelLevels, Stretch, auto_stretch, common_levels

FACTS_VERSION = 1
"""Grows when previews are made in another way, so that kept ones are made anew."""

_JPEG_QUALITY = 85
_WEBP_QUALITY = 80
_WEBP_EFFORT = 0  # a fifth of the time of the usual 4, for files 10 to 20 % larger

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLE_BYTES = 16_384
_WORTH_PACKING = 0.5


class PreviewFacts(Model):
    """What a preview shows and how: enough to give a whole group one stretch without opening an original."""

    version: int = FACTS_VERSION
    file_id: FileId
    kind: Literal["frame", "picture"] = Field(description="a frame has levels and stretches, a picture has neither")
    source_width_px: int
    source_height_px: int
    width_px: int
    height_px: int
    planes: int = Field(description="1 = grey, 3 = red, green, blue")
    black_adu: float | None = Field(default=None, description="value of level 0")
    white_adu: float | None = Field(default=None, description="value of level 65535")
    full_scale_adu: float | None = Field(default=None, description="top of the file's own range")
    channels: tuple[ChannelLevels, ...] = Field(default=(), description="statistics of each plane of the proxy")
    auto: Stretch = Field(default=(), description="its own stretch, channel by channel: what the picture shows")
    linked: Stretch = Field(default=(), description="its own stretch with colours as recorded")
    file_bytes: dict[str, int] = Field(default_factory=dict, description="size of each file, by extension")


def describe(reduced: Reduced, file_id: str, file_bytes: dict[str, int]) -> PreviewFacts:
    """The facts of a preview that is about to be kept. Raises ValueError for what is no ``file_id``."""
    proxy = reduced.proxy
    if proxy is None:
        assert reduced.picture is not None
        height, width, *colours = reduced.picture.shape
        return PreviewFacts(
            file_id=file_id, kind="picture", source_width_px=reduced.width_px, source_height_px=reduced.height_px,
            width_px=width, height_px=height, planes=3 if colours else 1, file_bytes=file_bytes,
        )  # fmt: skip
    planes, height, width = proxy.levels.shape
    return PreviewFacts(
        file_id=file_id, kind="frame", source_width_px=reduced.width_px, source_height_px=reduced.height_px,
        width_px=width, height_px=height, planes=planes, black_adu=proxy.black_adu, white_adu=proxy.white_adu,
        full_scale_adu=proxy.full_scale_adu, channels=proxy.channels, auto=own_stretch(proxy),
        linked=own_stretch(proxy, StretchKind.LINKED), file_bytes=file_bytes,
    )  # fmt: skip


def common_stretch(frames: Sequence[PreviewFacts], *, linked: bool = False) -> Stretch:
    """The one stretch that a group is shown with, from what is kept of its frames. Raises ValueError without frames."""
    frames = [facts for facts in frames if facts.channels]
    levels = common_levels([facts.channels for facts in frames])
    blacks, whites, tops = (
        [value for facts in frames if (value := getattr(facts, name)) is not None]
        for name in ("black_adu", "white_adu", "full_scale_adu")
    )
    return auto_stretch(
        levels,
        black_adu=min(0.0, *blacks),
        white_adu=max(tops),
        least_sigma_adu=max(white - black for white, black in zip(whites, blacks, strict=True)) / (LEVELS - 1),
        linked=linked,
    )


def encode_picture(picture: Picture, kind: PictureFormat = PictureFormat.JPEG) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    image = Image.fromarray(picture)
    if kind is PictureFormat.WEBP:
        image.save(stream, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_EFFORT)
    elif kind is PictureFormat.PNG:
        image.save(stream, "PNG", compress_level=3)
    else:
        image.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def encode_levels(levels: Levels) -> bytes:
    """The levels of a proxy, (planes, ny, nx) uint16, as described above."""
    planes, height, width = levels.shape
    high, low = (_rows(part) for part in ((levels >> 8).astype(np.uint8), levels.astype(np.uint8)))
    middle = len(low) // 2
    sample = low[middle : middle + _SAMPLE_BYTES]
    noise = len(zlib.compress(sample, 1)) > _WORTH_PACKING * len(sample)
    # Two deflate streams in a row are one: runs of equal high bytes first, then the low bytes.
    first = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    second = zlib.compressobj(0 if noise else 1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    data = b"".join(
        (
            b"\x78\x01",
            first.compress(high), first.flush(zlib.Z_FULL_FLUSH),
            second.compress(low), second.flush(),
            struct.pack(">I", zlib.adler32(low, zlib.adler32(high))),
        )
    )  # fmt: skip
    header = struct.pack(">IIBBBBB", width, 2 * planes * height, 8, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode_proxy(png: bytes, facts: PreviewFacts) -> Proxy:
    """The proxy that was kept. Raises Permanent when the file is not what its facts say."""
    if facts.black_adu is None or facts.white_adu is None or facts.full_scale_adu is None:
        raise Permanent("the preview is of a picture, which has no levels to stretch")
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            rows = np.asarray(image)
        parts = rows.reshape(2, facts.planes, facts.height_px, facts.width_px).astype(np.uint16)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Permanent(f"the kept preview is damaged: {error}") from error
    levels = parts[0] << 8 | parts[1]
    return Proxy(levels, facts.black_adu, facts.white_adu, facts.full_scale_adu, facts.channels)


def _rows(part: Picture) -> bytes:
    """PNG's rows: a filter byte (none) before the samples of each."""
    planes, height, width = part.shape
    rows = np.zeros((planes * height, width + 1), np.uint8)
    rows[:, 1:] = part.reshape(planes * height, width)
    return rows.tobytes()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
