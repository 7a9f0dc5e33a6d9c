"""Where the pixels of a file are, so that they can be read without parsing the header again."""

from dataclasses import dataclass

from shared.frames.format import FileFormat
from shared.frames.tiles import TileTable
from shared.frames.xisf_blocks import DataBlock

BAYER_PATTERNS = frozenset({"RGGB", "BGGR", "GRBG", "GBRG"})
"""Mosaics of two by two pixels, by rows."""


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """The image of a frame: shape in pixels, place in bytes, and how the stored numbers become values.

    ``value = stored * bscale + bzero``. ``sample`` is the numpy dtype of the stored numbers (``>i2``, ``<f4``).
    ``compression`` is None, a FITS tile algorithm in lower case (``rice_1``), or an XISF codec (``zlib``, ``lz4+sh``).
    For gzipped files ``byte_offset`` counts decompressed bytes. ``complete`` is False when pixels are missing.
    ``bottom_up`` is True where ROWORDER says that the first row stored is the lowest of the picture (a Bayer pattern is
    named from the top), ``bayer_offset`` is x and y of the pattern's first pixel (XBAYROFF, YBAYROFF). ``block`` says
    how XISF packs the samples, ``bounds`` which range its floats have by the writer's own word. A stored integer equal
    to ``blank`` (FITS) is a pixel without a value; ``datasum`` is the checksum that a FITS header gives for the stored
    bytes, ``tiles`` where the packed tiles of a FITS image are.
    """

    format: FileFormat
    hdu_index: int
    byte_offset: int
    bitpix: int
    width: int
    height: int
    planes: int
    bzero: float
    bscale: float
    sample: str
    compression: str | None
    stored_bytes: int
    interleaved: bool
    complete: bool
    block: DataBlock | None = None
    bounds: tuple[float, float] | None = None
    bottom_up: bool = False
    bayer_offset: tuple[int, int] = (0, 0)
    blank: int | None = None
    datasum: int | None = None
    tiles: TileTable | None = None

    @property
    def pixel_count(self) -> int:
        """Numbers in the image, all planes together."""
        return self.width * self.height * self.planes
