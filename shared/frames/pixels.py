"""Pixels of a frame whose layout is known: straight from the file where that is possible.

Tiled FITS compression goes through astropy, which is imported only then.
"""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Permanent
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.source import GzipSource, PlainSource
from shared.frames.sums import data_fault, folded
from shared.frames.tiles import verify_tiles
from shared.frames.xisf_blocks import Stored, decoded_text, size_fault, unpack

MAX_PIXELS = 400_000_000
"""Numbers in an image (all planes) that are still read: twice the largest amateur colour sensor's stack."""

_MOST_SLACK_BYTES = 1 << 20
"""A data block may be so much larger than the samples in it: headers of codecs, padding."""

Pixels = NDArray[Any]

_UNSIGNED_ZERO = {16: 32_768.0, 32: 2_147_483_648.0}
_UNSIGNED = {16: np.uint16, 32: np.uint32}
_FLIP = {16: 0x8000, 32: 0x8000_0000}


def load_image(
    path: Path, layout: ImageLayout, *, max_pixels: int = MAX_PIXELS, problems: list[str] | None = None
) -> Pixels:
    """The image as (ny, nx), or (planes, ny, nx) with more than one plane; native byte order, C order.

    uint8, uint16, uint32 and floats come as they were written; other integers with BSCALE or BZERO as float32 (float64
    from 32 bits on), and so do integers with undefined pixels (BLANK), which become NaN. Raises Permanent for images
    that are incomplete, too large or packed in a way that is not supported; OSError when the file cannot be read.
    Where a header's DATASUM is not the sum of plain data, a list of ``problems`` takes a sentence: half of the files
    with one were changed later by programs that do not renew it. Packed data are damaged then.
    """
    if not layout.complete:
        raise Permanent("the file is truncated: pixels are missing")
    if layout.pixel_count > max_pixels:
        raise Permanent(f"the image has {layout.pixel_count} pixels, more than the limit of {max_pixels}")
    if layout.format is FileFormat.XISF:
        return _load_xisf(path, layout)
    if layout.compression is not None:
        packed = _read_bytes(path, layout, layout.stored_bytes)
        if layout.datasum is not None and (fault := data_fault(_sum(packed), layout.datasum)):
            raise Permanent(f"the data are damaged: {fault}")
        if layout.tiles is not None:
            verify_tiles(layout.tiles, packed)
        del packed
        return _load_tiled(path, layout)
    raw = _read_bytes(path, layout, layout.pixel_count * np.dtype(layout.sample).itemsize)
    if problems is not None and layout.datasum is not None and (fault := data_fault(_sum(raw), layout.datasum)):
        problems.append(f"the data were damaged, or changed by a program that did not renew their sum: {fault}")
    return _scaled(_shaped(np.frombuffer(raw, dtype=layout.sample, count=layout.pixel_count), layout), layout)


def _load_xisf(path: Path, layout: ImageLayout) -> Pixels:
    block = layout.block
    if block is None:
        raise Permanent("the XISF image has no data block that can be read")
    size = layout.pixel_count * np.dtype(layout.sample).itemsize
    if block.encoding:
        stored: Stored = decoded_text(block)
    else:
        if fault := size_fault(block, size):
            raise Permanent(fault)
        if block.stored_bytes > size + (size >> 4) + _MOST_SLACK_BYTES:
            raise Permanent(f"the data block has {block.stored_bytes} bytes for an image of {size}")
        stored = _read_bytes(path, layout, block.stored_bytes)
    samples = unpack(block, stored, size)
    data = np.frombuffer(samples, dtype=layout.sample, count=layout.pixel_count)
    return _native(_shaped(data, layout))


def _sum(raw: bytearray) -> int:
    """The ones' complement sum of 32-bit words."""
    whole = len(raw) // 4 * 4
    total = int(np.frombuffer(raw, ">u4", whole // 4).sum(dtype=np.uint64))
    total += int.from_bytes(raw[whole:].ljust(4, b"\0"), "big") if whole < len(raw) else 0
    return folded(total)


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
    except MemoryError:
        raise
    except Exception as error:  # its decoders raise errors of every kind, some of them by names that are not public
        raise Permanent(f"the compressed image is damaged: {str(error)[:200]}") from error
    if prod(data.shape) != layout.pixel_count:
        raise Permanent("the compressed image has not the size that its header declares")
    return _native(_shaped(data.reshape(-1), layout))


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


def _shaped(flat: Pixels, layout: ImageLayout) -> Pixels:
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
    empty = data == layout.blank if layout.blank is not None and data.dtype.kind in "iu" else None
    if empty is None or not empty.any():
        if layout.bscale == 1.0 and layout.bzero == 0.0:
            return data
        if layout.bscale == 1.0 and layout.bzero == _UNSIGNED_ZERO.get(layout.bitpix):
            unsigned = data.view(_UNSIGNED[layout.bitpix])
            # Adding half the range is flipping the highest bit: half the time, and no larger type between.
            np.bitwise_xor(unsigned, unsigned.dtype.type(_FLIP[layout.bitpix]), out=unsigned)
            return unsigned
    wide = np.float32 if layout.bitpix in (8, 16, -32) else np.float64
    scaled: Pixels = data.astype(wide)
    with np.errstate(over="ignore", invalid="ignore"):
        np.multiply(scaled, wide(layout.bscale), out=scaled)
        np.add(scaled, wide(layout.bzero), out=scaled)
    if empty is not None:
        scaled[empty] = np.nan
    return scaled
