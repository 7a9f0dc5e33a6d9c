"""Where the pixels of a file are, so that they can be read without parsing the header again."""

from dataclasses import dataclass

from shared.frames.format import FileFormat


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """The image of a frame: shape in pixels, place in bytes, and how the stored numbers become values.

    ``value = stored * bscale + bzero``. ``sample`` is the numpy dtype of the stored numbers (``>i2``, ``<f4``).
    ``compression`` is None, a FITS tile algorithm in lower case (``rice_1``), or an XISF codec (``zlib``, ``lz4+sh``).
    For gzipped files ``byte_offset`` counts decompressed bytes. ``complete`` is False when pixels are missing.
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

    @property
    def pixel_count(self) -> int:
        """Numbers in the image, all planes together."""
        return self.width * self.height * self.planes
