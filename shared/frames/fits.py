"""The structure of a FITS file: its HDUs, the one that holds the image, and the length that the headers declare.

FITS Standard 4.0, sections 3 and 4.4; tiled image compression (section 10) is recognised, not unpacked.
"""

from dataclasses import dataclass, replace

from shared.errors import Permanent
from shared.frames.cards import BLOCK_BYTES, Card, CardValue, Header, read_header
from shared.frames.format import FileFormat
from shared.frames.layout import ImageLayout
from shared.frames.mandatory import FEWEST_CARDS, MAX_AXES, SAMPLES, data_bytes, faults, integer, is_header
from shared.frames.source import GzipSource, PlainSource
from shared.frames.sums import vouches
from shared.frames.tiles import describe_tiles
from shared.frames.values import number
from shared.frames.xisf_blocks import ALWAYS_BELIEVED_BYTES, BELIEVABLE_GROWTH

MAX_HDUS = 2048
_MOST_FAULTS = 8
_COLOURS, _MOST_COLOURS = 3, 16
_LARGEST_SCALING = 1e12
_DATASUM_DIGITS = 10
_ALTERED = "the header was changed after its CHECKSUM was written"
_COMPANIONS = frozenset({"BPM", "DQ", "ERR", "FLAGS", "MASK", "SIGMA", "UNCERT", "VAR", "WEIGHT", "WHT"})


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header and its data unit. ``data_bytes`` counts without the padding to a block.

    ``faults`` are what is wrong with the mandatory cards: then nobody knows what follows the header. A header that is
    not the one that its CHECKSUM was written for ``is_altered``.
    """

    index: int
    header: Header
    keys: dict[str, CardValue]
    data_offset: int
    data_bytes: int
    faults: tuple[str, ...] = ()
    is_altered: bool = False

    @property
    def data_end(self) -> int:
        """First byte behind the data, before the padding."""
        return self.data_offset + self.data_bytes

    @property
    def padded_end(self) -> int:
        """Where the next HDU begins."""
        return self.data_offset + -(-self.data_bytes // BLOCK_BYTES) * BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class FitsFacts:
    """A FITS file's cards (primary header, then the image's own) and image.

    ``lost`` says that a damaged header hides where the image is, ``shape`` what it still says of it: (width, height,
    planes).
    """

    cards: tuple[Card, ...]
    card_images: tuple[str, ...]
    keys: dict[str, CardValue]
    image: ImageLayout | None
    problems: tuple[str, ...]
    lost: bool = False
    shape: tuple[int, int, int] | None = None


def read_fits(source: PlainSource, file_format: FileFormat) -> FitsFacts:
    """Walk all HDUs of an open FITS file. Raises Permanent where not even the first header is one."""
    hdus, problems = _walk(source)
    primary, last = hdus[0], hdus[-1]
    lost = bool(primary.faults)
    chosen = None if lost else _choose(hdus)
    problems.extend(primary.header.problems)
    if primary.is_altered:
        problems.append(_ALTERED)
    cards, images, keys = primary.header.cards, primary.header.images, primary.keys
    if chosen is not None and chosen is not primary:
        problems.extend(f"HDU {chosen.index}: {problem}" for problem in chosen.header.problems)
        if chosen.is_altered:
            problems.append(f"HDU {chosen.index}: {_ALTERED}")
        cards += chosen.header.cards
        images += chosen.header.images
        keys = primary.keys | chosen.keys
    size = source.size
    truncated = size is not None and size < last.data_end
    if truncated:
        problems.insert(0, f"truncated: declares {last.data_end} bytes, has {size}")
    elif size is not None and size < last.padded_end and last.data_bytes:
        problems.append(f"the final padding is missing: {last.padded_end - size} of {BLOCK_BYTES} bytes")
    if isinstance(source, GzipSource) and source.damage:
        problems.append(source.damage)
    if primary.keys.get("SIMPLE") is not True:
        problems.append("SIMPLE is not T: the file does not claim to follow the FITS standard")
    layout = None
    if chosen is not None:
        layout = _layout(chosen, file_format, problems)
        if layout.compression is not None:
            layout = _with_tiles(chosen, layout, problems)
        if size is not None and size < chosen.data_end:
            layout = replace(layout, complete=False)
    shape = _shape(keys) if lost else None
    return FitsFacts(cards, images, keys, layout, tuple(problems), lost=lost, shape=shape)


def _walk(source: PlainSource) -> tuple[list[Hdu], list[str]]:
    problems: list[str] = []
    primary = _read_hdu(source, 0, 0)
    if primary.faults:
        if not is_header(primary.header):
            raise Permanent(
                f"begins like FITS, but has no header: fewer than {FEWEST_CARDS} 80-column cards with a value"
            )
        _drain(source)
        return [primary], list(primary.faults[:_MOST_FAULTS])
    hdus = [primary]
    while len(hdus) < MAX_HDUS:
        offset = hdus[-1].padded_end
        if source.size is not None and offset >= source.size:
            break
        start = source.read(offset, 9)
        if not start:
            break
        if not start.startswith(b"XTENSION"):
            problems.append(f"data that belong to no HDU follow after byte {offset}")
            _drain(source)
            break
        following = _read_hdu(source, offset, len(hdus), start)
        if following.faults:
            problems.append(f"the extension at byte {offset} has no readable header: {following.faults[0]}")
            _drain(source)
            break
        hdus.append(following)
    else:
        problems.append(f"more than {MAX_HDUS} HDUs; the rest was not read")
    return hdus, problems


def _drain(source: PlainSource) -> None:
    """Read a gzip stream to its end, so that its length and checksum are known."""
    if isinstance(source, GzipSource):
        source.drain()


def _read_hdu(source: PlainSource, offset: int, index: int, start: bytes = b"") -> Hdu:
    """The HDU at ``offset``; ``start`` are bytes of it that a forward-only source has given already."""

    def read(at: int, count: int) -> bytes:
        if start and at == offset:
            return start + source.read(at + len(start), count - len(start))
        return source.read(at, count)

    header = read_header(read, offset)
    keys = header.keys()
    size = data_bytes(keys)
    wrong = tuple(faults(keys)) if size is None else ()
    altered = "CHECKSUM" in keys and _is_altered(read(offset, header.byte_count), keys)
    return Hdu(index, header, keys, offset + header.byte_count, size or 0, wrong, altered)


def _is_altered(header: bytes, keys: dict[str, CardValue]) -> bool:
    """Whether header and data, by DATASUM, do not come to what CHECKSUM makes of them; the data are not read here."""
    total = _datasum(keys.get("DATASUM"))
    written = keys["CHECKSUM"]
    if total is None or not isinstance(written, str) or not written.strip() or len(header) % BLOCK_BYTES:
        return False
    return not vouches(header, total)


def _shape(keys: dict[str, CardValue], prefix: str = "") -> tuple[int, int, int] | None:
    """(width, height, planes) of an image of two or three axes, ignoring trailing axes of length 1.

    An image whose first axis has three pixels and whose third has many holds its colours there: scripts that write an
    array of rows, columns and colours as it is make such files.
    """
    lengths = _lengths(keys, prefix)
    if len(lengths) not in (2, 3) or min(lengths) < 1:
        return None
    if _is_interleaved(lengths):
        return lengths[1], lengths[2], lengths[0]
    return lengths[0], lengths[1], lengths[2] if len(lengths) == 3 else 1


def _lengths(keys: dict[str, CardValue], prefix: str) -> list[int]:
    """The axes of an image without trailing ones of length 1."""
    axes = integer(keys.get(f"{prefix}NAXIS")) or 0
    lengths = [integer(keys.get(f"{prefix}NAXIS{axis}")) or 0 for axis in range(1, min(axes, MAX_AXES) + 1)]
    while len(lengths) > 2 and lengths[-1] == 1:
        lengths.pop()
    return lengths


def _is_interleaved(lengths: list[int]) -> bool:
    return len(lengths) == 3 and lengths[0] == _COLOURS and min(lengths[1:]) > _MOST_COLOURS


def _choose(hdus: list[Hdu]) -> Hdu | None:
    """The first HDU with an image, plain or compressed; masks and weights only where there is nothing else."""
    images = [hdu for hdu in hdus if _is_plain(hdu) or _is_packed(hdu)]
    sky = (hdu for hdu in images if str(hdu.keys.get("EXTNAME", "")).strip().upper() not in _COMPANIONS)
    return next(sky, images[0] if images else None)


def _is_plain(hdu: Hdu) -> bool:
    return (hdu.index == 0 or hdu.keys.get("XTENSION") in ("IMAGE", "IUEIMAGE")) and _shape(hdu.keys) is not None


def _is_packed(hdu: Hdu) -> bool:
    keys = hdu.keys
    return keys.get("ZIMAGE") is True and _shape(keys, "Z") is not None and keys.get("ZBITPIX") in SAMPLES


def _datasum(written: CardValue) -> int | None:
    """DATASUM is an unsigned decimal number in a text; zero length and other forms mean that there is none."""
    digits = written.strip() if isinstance(written, str) else ""
    return int(digits) if digits.isdecimal() and len(digits) <= _DATASUM_DIGITS else None


def _with_tiles(hdu: Hdu, layout: ImageLayout, problems: list[str]) -> ImageLayout:
    """The layout with the place of its tiles; without pixels, and with a problem, where they cannot be believed."""
    size = layout.pixel_count * abs(layout.bitpix) // 8
    tiles = describe_tiles(hdu.keys, layout.bitpix)
    if size > ALWAYS_BELIEVED_BYTES and size > hdu.data_bytes * BELIEVABLE_GROWTH:
        tiles = f"{hdu.data_bytes} bytes that claim to hold an image of {size} bytes are not believed"
    if isinstance(tiles, str):
        problems.append(tiles)
        return replace(layout, complete=False)
    return replace(layout, tiles=tiles)


def _layout(hdu: Hdu, file_format: FileFormat, problems: list[str]) -> ImageLayout:
    packed = hdu.keys.get("ZIMAGE") is True and hdu.keys.get("XTENSION") == "BINTABLE"
    prefix = "Z" if packed else ""
    shape = _shape(hdu.keys, prefix)
    bits = integer(hdu.keys.get(f"{prefix}BITPIX"))
    if shape is None or bits is None:
        raise Permanent("the image's axes cannot be read")
    zero: float | None = 0.0
    scale: float | None = 1.0
    if "BZERO" in hdu.keys or "BSCALE" in hdu.keys:
        zero, scale = number(hdu.keys.get("BZERO", 0)), number(hdu.keys.get("BSCALE", 1))
    if zero is None or scale is None or not scale or max(abs(zero), abs(scale)) > _LARGEST_SCALING:
        written = f"BSCALE = {hdu.keys.get('BSCALE')!r:.30}, BZERO = {hdu.keys.get('BZERO')!r:.30}"
        problems.append(f"a scaling that no camera has is not applied: {written}")
        zero, scale = 0.0, 1.0
    blank = integer(hdu.keys.get("ZBLANK" if packed else "BLANK")) if bits > 0 else None
    width, height, planes = shape
    interleaved = _is_interleaved(_lengths(hdu.keys, prefix))
    if interleaved:
        problems.append(f"the colours of the image are its first axis ({prefix}NAXIS1 = 3), and are read so")
    return ImageLayout(
        format=file_format,
        hdu_index=hdu.index,
        byte_offset=hdu.data_offset,
        bitpix=bits,
        width=width,
        height=height,
        planes=planes,
        bzero=zero,
        bscale=scale,
        sample=SAMPLES[bits],
        compression=str(hdu.keys.get("ZCMPTYPE", "unknown")).lower() if packed else None,
        stored_bytes=hdu.data_bytes,
        interleaved=interleaved,
        complete=True,
        blank=blank,
        datasum=_datasum(hdu.keys.get("DATASUM")),
    )
