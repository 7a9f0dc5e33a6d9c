"""Small writers of the formats that captures have: whole files, which the tests then damage.

They know nothing of the readers under test; sources are the same documents (FITS Standard 4.0, XISF 1.0, SER version 3,
Microsoft's RIFF reference, RFC 2083 for PNG, TIFF 6.0).
"""

import base64
import hashlib
import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 2880
LIGHT = ("IMAGETYP= 'LIGHT'", "OBJECT  = 'M 31'", "EXPTIME =                 60.0", "DATE-OBS= '2025-10-20T20:00:00'")
_FORMATS = {"u1": "UInt8", "u2": "UInt16", "u4": "UInt32", "f4": "Float32", "f8": "Float64", "u8": "UInt64"}


def blocks(data: bytes, fill: bytes = b"\0") -> bytes:
    """Data filled up to whole FITS blocks."""
    return data.ljust(-(-len(data) // BLOCK) * BLOCK, fill)


def cards(*texts: str, end: bool = True) -> bytes:
    """Card texts as a header of whole blocks."""
    text = "".join(card.ljust(80)[:80] for card in (*texts, *(("END",) if end else ())))
    return blocks(text.encode("latin-1"), b" ")


def card(keyword: str, value: object) -> str:
    """A card with a value in the fixed format."""
    return f"{keyword:<8}= {value!s:>20}"


def shape_cards(bitpix: object, axes: Sequence[object], *, first: str = "SIMPLE") -> list[str]:
    """The mandatory cards of an image, whatever their values."""
    start = card("SIMPLE", "T") if first == "SIMPLE" else "XTENSION= 'IMAGE   '"
    numbered = [card(f"NAXIS{number}", axis) for number, axis in enumerate(axes, 1)]
    more = [] if first == "SIMPLE" else [card("PCOUNT", 0), card("GCOUNT", 1)]
    return [start, card("BITPIX", bitpix), card("NAXIS", len(axes)), *numbered, *more]


def fits(
    extra: Iterable[str] = LIGHT, *, bitpix: object = 16, axes: Sequence[object] = (32, 24), data: bytes | None = None
) -> bytes:
    """A FITS file of one image; sky-like noise where no data are given."""
    return cards(*shape_cards(bitpix, axes), *extra) + blocks(noise(32 * 24) if data is None else data)


def noise(count: int, *, dtype: str = ">i2", seed: int = 1) -> bytes:
    """Numbers around 1000 with a deviation of 20."""
    return np.random.default_rng(seed).normal(1000, 20, count).astype(dtype).tobytes()


def xisf(
    data: Array,
    *,
    codec: str = "",
    location: str = "attachment",
    encoding: str = "base64",
    subblock_bytes: int = 0,
    checksum: str = "",
    keywords: str = "",
    attributes: str = "",
    namespace: str = ' xmlns="http://www.pixinsight.com/xisf"',
    replacements: Sequence[tuple[str, str]] = (),
    interleaved: bool = False,
    outside: str = "",
    stored_as: bytes | None = None,
) -> bytes:
    """An XISF file of one image, (ny, nx) or (planes, ny, nx), packed as asked.

    ``stored_as`` are the bytes stored in place of the packed ones; ``codec`` is the part of the attribute before the
    colon (``lz4+sh``). ``replacements`` are made in the finished XML, whose length in the preamble stays true.
    ``attributes`` go into the Image, ``outside`` behind it.
    """
    planes, height, width = (1, *data.shape)[-3:]
    order = ' byteOrder="big"' if data.dtype.byteorder == ">" else ""
    storage = ' pixelStorage="Normal"' if interleaved else ""
    sample = _FORMATS[data.dtype.str[1:]]
    stored = (data.transpose(1, 2, 0) if interleaved and data.ndim == 3 else data).tobytes()
    packing, size = "", len(stored)
    if codec:
        name, _, shuffle = codec.partition("+")
        if shuffle:
            stored = shuffled(stored, data.itemsize)
        pieces = [stored[at : at + (subblock_bytes or size)] for at in range(0, size, subblock_bytes or size)]
        packed = [pack(name, piece) for piece in pieces]
        packing = f' compression="{codec}:{size}{f":{data.itemsize}" if shuffle else ""}"'
        if subblock_bytes:
            sizes = ":".join(f"{len(new)},{len(old)}" for new, old in zip(packed, pieces, strict=True))
            packing += f' subblocks="{sizes}"'
        stored = b"".join(packed)
    stored = stored if stored_as is None else stored_as
    if checksum:
        digest = hashlib.new(checksum.replace("sha-", "sha").replace("sha3-", "sha3_"), stored).hexdigest()
        packing += f' checksum="{checksum}:{digest}"'
    text = base64.b64encode(stored).decode() if encoding == "base64" else stored.hex()
    where, inside = f"attachment:4096:{len(stored)}", ""
    if location == "inline":
        where, inside = f"inline:{encoding}", text
    elif location == "embedded":
        where, inside = "embedded", f'<Data encoding="{encoding}"{packing}>{text}</Data>'
        packing = ""
    image = (
        f'<Image geometry="{width}:{height}:{planes}" sampleFormat="{sample}" location="{where}"{packing}'
        f"{order}{storage}"
        f"{attributes}>{keywords}{inside}</Image>"
    )
    xml = f'<?xml version="1.0" encoding="UTF-8"?><xisf version="1.0"{namespace}>{image}{outside}</xisf>'
    for old, new in replacements:
        assert old in xml, old
        xml = xml.replace(old, new)
    header = xml.encode()
    if location != "attachment":
        return b"XISF0100" + struct.pack("<II", len(header), 0) + header
    assert len(header) <= 4080
    return b"XISF0100" + struct.pack("<II", 4080, 0) + header.ljust(4080, b"\0") + stored


def shuffled(data: bytes, item_bytes: int) -> bytes:
    """All first bytes of the items, then all second ones, and so on."""
    return b"".join(data[place::item_bytes] for place in range(item_bytes))


def pack(name: str, data: bytes) -> bytes:
    """Compress with a codec of XISF."""
    import zstandard
    from lz4 import block

    if name == "zlib":
        return zlib.compress(data)
    if name == "zstd":
        return zstandard.ZstdCompressor().compress(data)
    mode = "high_compression" if name == "lz4hc" else "default"
    packed: bytes = block.compress(data, mode=mode, store_size=False)
    return packed


def ser(
    frames: int = 3, *, width: int = 16, height: int = 8, depth: int = 8, color: int = 0, declared: int | None = None
) -> bytes:
    """A SER video; ``declared`` is the number of frames that its header claims."""
    size = width * height * (3 if color >= 100 else 1) * (2 if depth > 8 else 1)
    ticks = 638_000_000_000_000_000
    count = frames if declared is None else declared
    head = struct.pack(
        "<14s7i40s40s40sqq", b"LUCAM-RECORDER", 0, color, 0, width, height, depth, count,
        b"Observer", b"Camera", b"Telescope", ticks, ticks,
    )  # fmt: skip
    return head + bytes(size * frames)


def chunk(name: bytes, data: bytes, *, size: int | None = None) -> bytes:
    """A RIFF chunk, with another size where one is given."""
    return name + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def avi(
    *, frames: int = 3, width: int = 16, height: int = 8, riff_size: int | None = None, movi_size: int | None = None
) -> bytes:
    """An uncompressed AVI video with an index."""
    main = struct.pack("<10I16x", 40_000, 1000, 0, 0x10, frames, 0, 1, width * height * 3, width, height)
    stream = chunk(b"strh", b"vidsDIB " + bytes(48)) + chunk(
        b"strf", struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    header = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + chunk(b"LIST", b"strl" + stream))
    images = b"".join(chunk(b"00db", bytes(width * height * 3)) for _ in range(3))
    body = b"AVI " + header + chunk(b"LIST", b"movi" + images, size=movi_size) + chunk(b"idx1", bytes(48))
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def png(width: int = 16, height: int = 8, *, declared: tuple[int, int] | None = None) -> bytes:
    """A grey PNG of 8 bits; ``declared`` is the size that its header claims."""
    rows = b"".join(b"\0" + bytes(column % 256 for column in range(width)) for _ in range(height))
    head = struct.pack(">IIBBBBB", *(declared or (width, height)), 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def picture(kind: str, width: int = 32, height: int = 24) -> bytes:
    """A picture that Pillow wrote: JPEG, PNG or TIFF, with a date in its EXIF."""
    from PIL import Image

    image = Image.fromarray(np.random.default_rng(2).integers(0, 255, (height, width), dtype=np.uint8))
    exif = Image.Exif()
    exif[306] = "2025:10:20 22:00:00"
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif)
    return stream.getvalue()


def tiff(entries: Sequence[tuple[int, int, int, int]], *, following: int = 0, data: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory: (tag, type, count, value or offset) each, and the offset of the next."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + data
