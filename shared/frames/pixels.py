"""Pixels of a frame whose layout is known: straight from the file where that is possible.

Tiled FITS compression goes through astropy, which is imported only then.
"""

import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Permanent
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.source import GzipSource, PlainSource

MAX_PIXELS = 400_000_000
"""Numbers in an image (all planes) that are still read: twice the largest amateur colour sensor's stack."""

Pixels = NDArray[Any]

_UNSIGNED_ZERO = {16: 32_768.0, 32: 2_147_483_648.0}
_UNSIGNED = {16: np.uint16, 32: np.uint32}
_FLIP = {16: 0x8000, 32: 0x8000_0000}


def load_image(path: Path, layout: ImageLayout, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The image as (ny, nx), or (planes, ny, nx) with more than one plane; native byte order, C order.

    uint8, uint16, uint32 and floats come as they were written; other integers with BSCALE or BZERO as float32
    (float64 from 32 bits on). Raises Permanent for images that are incomplete, too large or packed in a way that is
    not supported; OSError when the file cannot be read.
    """
    if not layout.complete:
        raise Permanent("the file is truncated: pixels are missing")
    if layout.pixel_count > max_pixels:
        raise Permanent(f"the image has {layout.pixel_count} pixels, more than the limit of {max_pixels}")
    if layout.format is FileFormat.XISF:
        return _load_xisf(path, layout)
    if layout.compression is not None:
        return _load_tiled(path, layout)
    raw = _read_bytes(path, layout, layout.pixel_count * np.dtype(layout.sample).itemsize)
    return _scaled(_shaped(raw, layout), layout)


def _load_xisf(path: Path, layout: ImageLayout) -> Pixels:
    if layout.byte_offset == 0:
        raise Permanent("XISF data inside the header are not supported yet")
    size = layout.pixel_count * np.dtype(layout.sample).itemsize
    codec, *rest = (layout.compression or "").split(":")
    if codec not in ("", "zlib", "zlib+sh"):
        raise Permanent(f"XISF compression {codec[:20]!r} is not supported yet")
    if not codec and layout.stored_bytes < size:
        raise Permanent(f"the image needs {size} bytes, its attachment has {layout.stored_bytes}")
    raw: bytes | bytearray = _read_bytes(
        path, layout, min(layout.stored_bytes, size + (size >> 4) + 1024) if codec else size
    )
    if codec:
        raw = _inflate(raw, size)
    if codec.endswith("+sh"):
        item = int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() else np.dtype(layout.sample).itemsize
        if item < 1 or size % item:
            raise Permanent("the XISF byte shuffle does not fit the image")
        raw = np.frombuffer(raw, np.uint8).reshape(item, size // item).T.tobytes()
    return _native(_shaped(raw, layout))


def _inflate(packed: bytes | bytearray, size: int) -> bytes:
    try:
        data = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise Permanent(f"the XISF data are damaged: {error}") from error
    if len(data) < size:
        raise Permanent(f"the XISF data are damaged: {size} bytes declared, {len(data)} unpacked")
    return data


def _load_tiled(path: Path, layout: ImageLayout) -> Pixels:
    """A tile-compressed image by astropy, whose errors on damaged tiles are of many kinds."""
    import warnings

    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False) as hdus:
                data = np.asarray(hdus[layout.hdu_index].data)
    except OSError as error:
        if error.errno is not None:
            raise
        raise Permanent(f"the compressed image is damaged: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, fits.VerifyError) as error:
        raise Permanent(f"the compressed image is damaged: {error}") from error
    if prod(data.shape) != layout.pixel_count:
        raise Permanent("the compressed image has not the size that its header declares")
    return _native(data.reshape(_shape(layout)))


def _read_bytes(path: Path, layout: ImageLayout, count: int) -> bytearray:
    source_type = GzipSource if layout.format is FileFormat.FITS_GZ else PlainSource
    with source_type(path) as source:
        if source.size is not None and layout.byte_offset + count > source.size:
            raise Permanent(
                f"truncated: the image ends at byte {layout.byte_offset + count}, the file at {source.size}"
            )
        raw = source.read_into(layout.byte_offset, count)
    if len(raw) < count:
        raise Permanent(f"truncated: the image has {count} bytes, {len(raw)} are there")
    return raw


def _shape(layout: ImageLayout) -> tuple[int, ...]:
    plane = (layout.height, layout.width)
    return plane if layout.planes == 1 else (layout.planes, *plane)


def _shaped(raw: bytes | bytearray, layout: ImageLayout) -> Pixels:
    flat: Pixels = np.frombuffer(raw, dtype=layout.sample, count=layout.pixel_count)
    if layout.interleaved and layout.planes > 1:
        return np.ascontiguousarray(flat.reshape(layout.height, layout.width, layout.planes).transpose(2, 0, 1))
    return flat.reshape(_shape(layout))


def _native(data: Pixels) -> Pixels:
    if data.dtype.isnative:
        return data
    # The buffer is ours alone, so the bytes may be swapped where they are.
    swapped = data.byteswap(inplace=True) if data.flags.writeable else data.byteswap()
    return swapped.view(swapped.dtype.newbyteorder("="))


def _scaled(stored: Pixels, layout: ImageLayout) -> Pixels:
    data = _native(stored)
    if layout.bscale == 1.0 and layout.bzero == 0.0:
        return data
    if layout.bscale == 1.0 and layout.bzero == _UNSIGNED_ZERO.get(layout.bitpix):
        unsigned = data.view(_UNSIGNED[layout.bitpix])
        # Adding half the range is flipping the highest bit: half the time, and no larger type between.
        np.bitwise_xor(unsigned, unsigned.dtype.type(_FLIP[layout.bitpix]), out=unsigned)
        return unsigned
    wide = np.float32 if layout.bitpix in (8, 16, -32) else np.float64
    scaled: Pixels = data.astype(wide)
    np.multiply(scaled, wide(layout.bscale), out=scaled)
    np.add(scaled, wide(layout.bzero), out=scaled)
    return scaled
