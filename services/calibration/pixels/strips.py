"""The pixels of one frame in strips of rows, whatever its size: plain samples straight from the file.

What is packed (gzip, tiled FITS compression, XISF codecs) is unpacked once into a file without a name, which ends with
the process; several frames share one.
"""

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.errors import NightbusError, Permanent, Transient
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.pixels import MAX_PIXELS, load_image
from shared.frames.read import Content, read_content
from shared.frames.sidefiles import SideFacts
from shared.library.reading import open_source, shown

Samples = NDArray[Any]

_FLIP = 0x8000


class Scratch:
    """A file without a name for what was unpacked. Use as a context manager."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by the context
        self._end = 0

    @property
    def fd(self) -> int:
        """Its descriptor."""
        return self._file.fileno()

    def append(self, samples: Samples) -> int:
        """Write samples at the end; the offset at which they begin, bytes. Raises OSError where there is no room."""
        begin, view = self._end, np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data
        while view:
            written = os.pwrite(self.fd, view, self._end)
            self._end += written
            view = view[written:]
        return begin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Strips:
    """One plane of pixels, in rows. ``value = stored * scale + zero``; a stored integer equal to ``blank`` has none.

    ``offset`` and ``dtype`` are of the samples as they lie in the file; 16-bit integers come out unsigned.
    """

    path: Path
    layout: ImageLayout
    dtype: np.dtype[Any]
    offset: int
    scale: float
    zero: float
    blank: int | None
    identity: tuple[int, ...]
    scratch: Scratch | None = None
    bottom_up: bool = False
    """Whether the first row stored is the lowest of the picture."""

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return self.layout.width

    @property
    def height(self) -> int:
        """Rows."""
        return self.layout.height

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """What `stored` gives."""
        native = self.dtype.newbyteorder("=")
        return np.dtype(np.uint16) if native == np.int16 else native

    def stored(self, first: int, last: int, out: Samples | None = None) -> Samples:
        """The stored numbers of the rows from ``first`` up to ``last`` (without it), flat, in native byte order.

        Raises:
            Transient: the file changed, has gone or cannot be read now.
        """
        count = (last - first) * self.width
        raw = np.empty(count, self.dtype) if out is None else out.view(self.dtype)
        self._read(raw.view(np.uint8).data, self.offset + first * self.width * self.dtype.itemsize)
        if not self.dtype.isnative:
            raw.byteswap(inplace=True)
        flat: Samples = raw.view(self.dtype.newbyteorder("="))
        if flat.dtype == np.int16:
            flat = flat.view(np.uint16)
            # Adding half the range is flipping the highest bit; the zero point counts it.
            np.bitwise_xor(flat, np.uint16(_FLIP), out=flat)
        return flat

    def values(self, first: int, last: int, dtype: type[np.floating[Any]] = np.float32) -> Samples:
        """The values of rows, flat, as floats; NaN where there is none. Raises as `stored` does."""
        return self.scaled(self.stored(first, last), dtype)

    def scaled(self, stored: Samples, dtype: type[np.floating[Any]] = np.float32) -> Samples:
        """Values of stored numbers."""
        values = stored.astype(dtype)
        if self.scale != 1.0:
            np.multiply(values, dtype(self.scale), out=values)
        if self.zero:
            np.add(values, dtype(self.zero), out=values)
        if self.blank is not None:
            values[stored == self.blank] = np.nan
        return values

    def _read(self, view: memoryview, offset: int) -> None:
        if self.scratch is not None:
            _fill(self.scratch.fd, view, offset, self.path)
            return
        with open_source(self.path) as source:
            if _identity(source.status) != self.identity:
                raise Transient(f"{shown(self.path)} changed while it was read")
            _fill(source.fd, view, offset, self.path)


def open_strips(path: Path, scratch: Scratch | None = None) -> Strips:
    """A frame's only plane; with a ``scratch`` also of packed files.

    Raises:
        Permanent: it is no frame, is incomplete, too large, or has several planes; one sentence without its name.
        Transient: it cannot be read now.
    """
    try:
        with open_source(path) as source:
            identity = _identity(source.status)
        _format, content = read_content(path)
    except NightbusError:
        raise
    except OSError as error:
        raise Transient(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    layout = None if isinstance(content, SideFacts) else content.image
    if layout is None:
        raise Permanent("it holds no image")
    if not layout.complete:
        raise Permanent("it is truncated: pixels are missing")
    if layout.planes != 1:
        raise Permanent(f"it has {layout.planes} planes, and raw frames have one")
    if layout.pixel_count > MAX_PIXELS:
        raise Permanent(f"it has {layout.pixel_count} pixels, more than the limit of {MAX_PIXELS}")
    bottom_up = layout.format is not FileFormat.XISF and _is_bottom_up(content)
    if _is_packed(layout):
        return replace(_unpacked(path, layout, identity, scratch), bottom_up=bottom_up)
    offset = layout.block.offset if layout.block is not None else layout.byte_offset
    zero, blank = layout.bzero, layout.blank
    dtype = np.dtype(layout.sample)
    if dtype.newbyteorder("=") == np.int16:
        zero -= _FLIP * layout.bscale
        blank = None if blank is None else blank + _FLIP
    return Strips(path, layout, dtype, offset, layout.bscale, zero, blank, identity, bottom_up=bottom_up)


def _unpacked(path: Path, layout: ImageLayout, identity: tuple[int, ...], scratch: Scratch | None) -> Strips:
    if scratch is None:
        raise Permanent("it is packed, and there is nowhere to unpack it")
    try:
        image = load_image(path, layout)
        offset = scratch.append(image)
    except NightbusError:
        raise
    except OSError as error:
        raise Transient(f"{shown(path)} cannot be unpacked: {error.strerror or error}") from error
    zero = -float(_FLIP) if image.dtype == np.int16 else 0.0
    return Strips(path, layout, image.dtype, offset, 1.0, zero, None, identity, scratch)


def _is_bottom_up(content: Content) -> bool:
    order = getattr(content, "keys", {}).get("ROWORDER")
    return isinstance(order, str) and order.strip().upper().startswith("BOTTOM")


def _is_packed(layout: ImageLayout) -> bool:
    packed = layout.format is FileFormat.FITS_GZ or layout.compression is not None
    return packed or (layout.block is not None and bool(layout.block.codec or layout.block.encoding))


def _fill(fd: int, view: memoryview, offset: int, path: Path) -> None:
    while view:
        got = os.preadv(fd, [view], offset)
        if not got:
            raise Transient(f"{shown(path)} is shorter than it was")
        offset += got
        view = view[got:]


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
