"""Whole files of the formats beside FITS, in the variety in which programs write them: what mutations begin with."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.hostile import hostile_xisf
from tests.hostile.writers import avi, chunk, noise, ser, tiff

Files = Iterator[tuple[str, bytes]]


def all_seeds() -> Files:
    """Every one of them."""
    for family in (xisf_files, tiffs, pngs, jpegs, videos):
        yield from family()


def xisf_files() -> Files:
    """Every codec, place, order and checksum, with properties and a thumbnail."""
    grey = np.frombuffer(noise(48 * 64, dtype="<u2"), "<u2").reshape(48, 64)
    colour = np.stack([grey, grey, grey])
    properties = (
        '<Property id="Instrument:ExposureTime" type="Float32" value="60"/>'
        '<Property id="Observation:Object:Name" type="String">M 31</Property>'
        '<Property id="Observation:Time:Start" type="TimePoint" value="2025-10-20T20:00:00Z"/>'
    )
    for checksum in ("sha1", "sha-256", "sha512", "sha3-256"):
        yield f"{checksum}.xisf", hostile_xisf.xisf(grey, checksum=checksum, outside=properties)
    for codec in ("zlib+sh", "lz4", "lz4hc+sh", "zstd+sh"):
        yield f"{codec}-parts.xisf", hostile_xisf.xisf(grey, codec=codec, subblock_bytes=2048, checksum="sha1")
    for location in ("inline", "embedded"):
        for encoding in ("base64", "hex"):
            yield f"{location}-{encoding}.xisf", hostile_xisf.xisf(
                grey, location=location, encoding=encoding, codec="zlib", checksum="sha1"
            )  # fmt: skip
    yield "colour.xisf", hostile_xisf.xisf(colour, codec="zlib", checksum="sha1")
    yield "interleaved.xisf", hostile_xisf.xisf(colour, interleaved=True, checksum="sha1")
    yield "float.xisf", hostile_xisf.xisf((grey / 65536).astype("<f4"), attributes=' bounds="0:1"', checksum="sha1")
    yield "big.xisf", hostile_xisf.xisf(grey.astype(">u2"), checksum="sha1")
    yield (
        "thumbnail.xisf",
        hostile_xisf.xisf(
            grey, checksum="sha1", replacements=[("</Image>", f"<Thumbnail geometry='1:1:1'/>{properties}</Image>")]
        ),
    )


def _saved(kind: str, pixels: Any, mode: str | None = None, **options: Any) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels)
    if mode is not None:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[306] = "2025:10:20 22:00:00"
    exif[272] = "EOS 6D"
    inner = exif.get_ifd(0x8769)
    inner[36867], inner[33434], inner[34855] = "2025:10:20 22:00:00", 30.0, 1600
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif, **options)
    return stream.getvalue()


def _pixels(*shape: int, dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(3).integers(0, 255, shape).astype(dtype)


def tiffs() -> Files:
    """Eight to thirty-two bits, grey and colour, packed and plain, of several pages, of both orders, and BigTIFF."""
    grey, colour = _pixels(24, 32), _pixels(24, 32, 3)
    yield "deep.tiff", _saved("TIFF", _pixels(24, 32, dtype=np.uint16))
    yield "float.tiff", _saved("TIFF", _pixels(24, 32, dtype=np.float32))
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"{packing}.tiff", _saved("TIFF", colour, compression=packing)
    from PIL import Image

    pages = [Image.fromarray(grey) for _ in range(3)]
    yield "pages.tiff", _saved("TIFF", grey, save_all=True, append_images=pages)
    yield "big.tiff", _saved("TIFF", grey, big_tiff=True)
    entries = [(256, 3, 1, 16), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    strips = [(273, 4, 1, 200), (278, 3, 1, 8), (279, 4, 1, 128)]
    yield "plain.tiff", tiff([*entries, *strips], data=bytes(200)).ljust(328, b"\x7f")
    yield "motorola.tiff", _motorola([*entries, *strips]).ljust(328, b"\x7f")


def _motorola(entries: list[tuple[int, int, int, int]]) -> bytes:
    """A big-endian TIFF, whose short values stand at the left of their field."""
    rows = [
        struct.pack(">HHIHH", tag, kind, count, value, 0)
        if kind == 3
        else struct.pack(">HHII", tag, kind, count, value)
        for tag, kind, count, value in entries
    ]
    return b"MM\0*" + struct.pack(">IH", 8, len(rows)) + b"".join(rows) + bytes(4)


def pngs() -> Files:
    """All kinds of colour, eight and sixteen bits, interlaced, with texts."""
    for mode in ("L", "RGB", "P", "LA", "RGBA", "1"):
        yield f"{mode}.png", _saved("PNG", _pixels(24, 32, 3), mode)
    yield "deep.png", _saved("PNG", _pixels(24, 32, dtype=np.uint16))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)),
        (b"tEXt", b"Software\0x"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"words")),
        (b"IDAT", zlib.compress(b"\0\x7f")),
        (b"IEND", b""),
    )
    yield (
        "interlaced.png",
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in parts
        ),
    )


def jpegs() -> Files:
    """Baseline and progressive, grey, colour and print colours, with restart markers and a comment."""
    colour = _pixels(24, 32, 3)
    yield "grey.jpeg", _saved("JPEG", _pixels(24, 32))
    yield "progressive.jpeg", _saved("JPEG", colour, progressive=True)
    yield "restarts.jpeg", _saved("JPEG", colour, restart_marker_rows=1, comment=b"words", subsampling=2)
    yield "print.jpeg", _saved("JPEG", colour, "CMYK")


def videos() -> Files:
    """SER of every depth and colour, with times behind the frames and without; AVI with an odd chunk and two lists."""
    ticks = struct.pack("<3q", *(638_000_000_000_000_000 + number for number in range(3)))
    for color, depth in ((0, 8), (0, 16), (8, 12), (100, 8), (101, 16)):
        yield f"{color}-{depth}.ser", ser(color=color, depth=depth)
        yield f"{color}-{depth}-times.ser", ser(color=color, depth=depth) + ticks
    whole = avi()
    body = whole[8:] + chunk(b"JUNK", b"odd")
    yield "junk.avi", b"RIFF" + struct.pack("<I", len(body)) + body
    more = b"AVIX" + chunk(b"LIST", b"movi" + chunk(b"00db", bytes(384)))
    yield "two.avi", whole + b"RIFF" + struct.pack("<I", len(more)) + more
