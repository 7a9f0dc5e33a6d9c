"""The hostile corpus: several hundred damaged and malicious files, the same ones at every run.

Each family is a function that yields names and contents; nothing is kept in memory but the file at hand. All are
damaged in a way that can be known, so every one must be refused or read with a problem. ``honest`` yields the whole
files that they were made from, which must be read without one.
"""

import gzip
import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator

import numpy as np

from tests.hostile import hostile_videos, hostile_xisf
from tests.hostile.writers import (
    BLOCK,
    LIGHT,
    avi,
    blocks,
    card,
    cards,
    fits,
    noise,
    picture,
    png,
    ser,
    shape_cards,
    xisf,
)

Files = Iterator[tuple[str, bytes]]

LONG = (*LIGHT, *(f"COMMENT line {number}" for number in range(40)))
_SAMPLES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


def honest() -> Files:
    """Files with nothing wrong."""
    for bitpix, dtype in _SAMPLES.items():
        yield f"honest/bitpix{bitpix}.fits", image(bitpix, dtype)
    yield "honest/mef.fits", extensions()
    yield "honest/packed.fits.gz", gzip.compress(image(16, ">i2"), mtime=0)
    for method in ("RICE_1", "GZIP_1", "HCOMPRESS_1", "PLIO_1"):
        yield f"honest/{method}.fits.fz", tiled(method)
    data = np.frombuffer(noise(48 * 64, dtype="<u2"), "<u2").reshape(48, 64)
    for codec in ("", "zlib", "lz4+sh", "zstd"):
        yield f"honest/{codec}.xisf", hostile_xisf.xisf(data, codec=codec, checksum="sha1")
    sky = sky_pixels(">f4")
    sky[:, :20] = sky[40:] = np.nan
    yield "honest/border-of-nan.fits", fits((*LIGHT, "STACKCNT= 30"), bitpix=-32, axes=(64, 48), data=sky.tobytes())
    yield "honest/video.ser", ser()
    yield "honest/video.avi", avi()
    for kind in ("JPEG", "PNG", "TIFF"):
        yield f"honest/picture.{kind.lower()}", picture(kind)


def hostile() -> Files:
    """All families."""
    for family in (
        truncated_fits, truncated_packed, lying_axes, lying_types, endless_headers, odd_cards, absurd_values,
        lost_pixels, polyglots, strangers, random_bytes, bombs, hostile_xisf.xisf_files, hostile_videos.videos,
        hostile_videos.pictures,
    ):  # fmt: skip
        for name, content in family():
            yield f"{family.__name__}/{name}", content


def image(bitpix: int, dtype: str) -> bytes:
    """An image of several blocks behind a header of two."""
    return fits(LONG, bitpix=bitpix, axes=(64, 48), data=noise(64 * 48, dtype=dtype))


def extensions() -> bytes:
    """An empty primary, a table, an image and one more."""
    table = cards(
        "XTENSION= 'BINTABLE'", card("BITPIX", 8), card("NAXIS", 2), card("NAXIS1", 4), card("NAXIS2", 5),
        card("PCOUNT", 0), card("GCOUNT", 1), card("TFIELDS", 1), "TFORM1  = 'J       '",
    ) + blocks(bytes(20))  # fmt: skip
    picture_hdu = cards(*shape_cards(16, (64, 48), first="XTENSION")) + blocks(noise(64 * 48))
    return cards(card("SIMPLE", "T"), card("BITPIX", 8), card("NAXIS", 0), *LIGHT) + table + picture_hdu


def tiled(method: str) -> bytes:
    """A tile-compressed image that astropy wrote, with checksums."""
    from astropy.io import fits as astropy_fits

    data = np.clip(np.frombuffer(noise(64 * 48), ">i2"), 0, 4095).reshape(48, 64).astype(np.int16)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"tile_shape": (16, 64)} if method == "HCOMPRESS_1" else {}
        hdu = astropy_fits.CompImageHDU(data, compression_type=method, **options)
        hdu.header["IMAGETYP"], hdu.header["EXPTIME"] = "LIGHT", 60.0
        astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(stream, checksum=True)
    return stream.getvalue()


def edges(content: bytes, step: int = BLOCK) -> Iterator[int]:
    """The lengths at every block edge of a file, one less and one more, below its own."""
    for edge in range(0, len(content) + 1, step):
        yield from (length for length in (edge - 1, edge, edge + 1) if 0 < length < len(content))


def truncated_fits() -> Files:
    """Cut at every block edge; where an extension ends, what is left would be a whole file."""
    for bitpix, dtype in _SAMPLES.items():
        content = image(bitpix, dtype)
        for length in edges(content):
            yield f"bitpix{bitpix}-{length}.fits", content[:length]
    content = extensions()
    for length in edges(content):
        yield f"mef-{length}.fits", content[:length]
    for card_number in range(1, 12):
        yield f"header-{card_number}.fits", image(16, ">i2")[: card_number * 80]


def truncated_packed() -> Files:
    """Compressed images cut at block edges, and with bytes changed."""
    packed = gzip.compress(image(16, ">i2"), mtime=0)
    for length in range(1, len(packed), len(packed) // 16):
        yield f"cut-{length}.fits.gz", packed[:length]
        spoilt = bytearray(packed)
        spoilt[length] ^= 0x55
        yield f"spoilt-{length}.fits.gz", bytes(spoilt)
    for method in ("RICE_1", "GZIP_1", "HCOMPRESS_1", "PLIO_1"):
        content = tiled(method)
        for length in edges(content):
            if length != BLOCK:
                yield f"{method}-{length}.fits.fz", content[:length]
        end = len(content.rstrip(b"\0"))
        for at in range(end - 60, end, 16):
            spoilt = bytearray(content)
            spoilt[at] ^= 0x55
            yield f"{method}-spoilt-{at}.fits.fz", bytes(spoilt)
    for keyword, value in (("ZTILE1", 10**9), ("ZTILE1", 0), ("ZTILE2", -1), ("ZNAXIS1", 10**5), ("ZNAXIS2", 10**8)):
        content = tiled("RICE_1")
        at = content.index(f"{keyword:<8}=".encode())
        yield f"{keyword}-{value}.fits.fz", content[:at] + card(keyword, value).ljust(80).encode() + content[at + 80 :]


def lying_axes() -> Files:
    """Axes that are negative, huge, no integers, or not those of the data."""
    wrong = (
        -1, -(2**31), 61, 10**6, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**64, "9" * 60, "'wide'", "T", "1.5", "", "NaN",
        "1E9", "-0.0", "0x20",
    )  # fmt: skip
    for value in wrong:
        for axes in ((value, 24), (32, value)):
            yield f"axes-{axes[0]}-{axes[1]}.fits".replace("'", ""), fits(axes=axes)
    for number in (-1, 1, 3, 4, 999, 1000, 10**9, "'two'", "T", "2.5", ""):
        block = cards(*shape_cards(16, (32, 24))).replace(card("NAXIS", 2).encode(), card("NAXIS", number).encode())
        yield f"naxis-{number}.fits".replace("'", ""), block + blocks(noise(32 * 24))
    for extra in ((card("PCOUNT", 10**12),), (card("GCOUNT", 10**9),), (card("PCOUNT", 2880), card("GCOUNT", 2**62))):
        yield f"groups-{len(extra)}-{extra[0][-12:].strip()}.fits", fits((*LIGHT, *extra))


def lying_types() -> Files:
    """BITPIX that is none, or not that of the data."""
    for bitpix in (8, 32, 64, -32, -64, 7, 0, -16, 12, 128, "'x'", "T", 2**70, "", "1E2"):
        yield f"bitpix-{bitpix}.fits".replace("'", ""), fits(bitpix=bitpix, axes=(64, 48), data=noise(64 * 48))
    yield "simple-f.fits", fits().replace(b"SIMPLE  =                    T", b"SIMPLE  =                    F")


def endless_headers() -> Files:
    """Headers without END, of too many cards, or continued for ever."""
    whole = fits(LONG)
    yield "no-end.fits", whole.replace(b"END     ", b"        ", 1)
    yield "end-of-another-column.fits", whole.replace(b"END     ", b" END    ", 1)
    yield "only-header-no-end.fits", cards(*shape_cards(16, (32, 24)), end=False)
    many = cards(*shape_cards(16, (32, 24)), *(card(f"K{number:06}", number) for number in range(30_000)), end=False)
    yield "30000-cards.fits", many
    million = cards(*shape_cards(16, (32, 24)), end=False) + b"COMMENT all the same".ljust(80) * 1_000_000
    yield "million-cards.fits.gz", gzip.compress(million, 1, mtime=0)
    yield (
        "million-hdus.fits.gz",
        gzip.compress(fits() + cards(*shape_cards(8, (), first="XTENSION")) * 20_000, 1, mtime=0),
    )
    chain = [f"CONTINUE  '{number:06}&'" for number in range(20_000)]
    yield "continued-20000.fits", fits((*LIGHT, "LONG    = 'x&'", *chain))
    yield "continued-without-end.fits", fits((*LIGHT, "LONG    = 'x&'", *chain)).replace(b"END     ", b"        ", 1)
    yield "continued-number.fits", fits((*LIGHT, "LONG    =  1", "CONTINUE  12"))
    yield "continued-garbage.fits", fits((*LIGHT, "LONG    = 'x&'", "CONTINUE  = = ="))
    yield "continue-unclosed.fits", fits((*LIGHT, "LONG    = 'x&'", "CONTINUE  'never closed"))


def odd_cards() -> Files:
    """Cards that are no cards."""
    junk = (
        "HIERARCH", "HIERARCH =", "HIERARCH = = =", "HIERARCH A B C = 'open", "HIERARCH " + "X " * 20 + "= unquoted",
        "OBJECT  = 'M 31", "OBJECT  = M 31", "OBJECT  = '''", "EXPTIME = 1 2 3", "EXPTIME = --5", "EXPTIME = (1, 2",
        "EXPTIME = 1_000", "GAIN    = 0x10", "GAIN    = 1e", "FILTER  ='H\xe4'x", "FOCALLEN= five", "= = = = =",
        "KEYWORD",        "\x01\x02\x03", "D\x00TE-OBS= '2025'", "DATE-OBS= 2025-10-20", "\xff" * 80,
    )  # fmt: skip
    for number, text in enumerate(junk):
        yield f"card-{number:02}.fits", fits((*LIGHT, text))
    yield "zeros-in-header.fits", fits().replace(b"   ", b"\0\0\0")
    yield "newlines-in-header.fits", fits().replace(b"  T ", b"  T\n")


def absurd_values() -> Files:
    """Numbers that are none, or beyond what any telescope has."""
    for keyword in ("EXPTIME", "GAIN", "CCD-TEMP", "RA", "DEC", "SITELAT", "SITELONG", "FOCALLEN", "XPIXSZ", "AIRMASS"):
        for value in ("NaN", "inf", "-Infinity", "1E999", "-1D400"):
            yield f"{keyword}-{value}.fits", fits((card(keyword, value),))
    for keyword, value in (
        ("EXPTIME", "-300"), ("EXPTIME", "1E30"), ("EXPOSURE", "-1"), ("CCD-TEMP", "-400"), ("SET-TEMP", "1E9"),
        ("GAIN", "-200"), ("FOCALLEN", "-530"), ("XPIXSZ", "1E9"), ("XBINNING", "4096"),
    ):  # fmt: skip
        yield f"{keyword}-{value}.fits", fits((card(keyword, value), *LIGHT))
    for keyword in ("BZERO", "BSCALE"):
        for value in ("NaN", "inf", "1E999", "1E308", "-1E300", "1E13", "'x'", "T"):
            yield f"{keyword}-{value}.fits".replace("'", ""), fits((*LIGHT, card(keyword, value)))
    yield "BSCALE-0.fits", fits((*LIGHT, card("BSCALE", 0)))


def sky_pixels(dtype: str) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
    """Sky-like noise of 64 x 48 pixels."""
    return np.frombuffer(noise(64 * 48, dtype=dtype), dtype).reshape(48, 64).copy()


def lost_pixels() -> Files:
    """Sound headers before pixels of which none, few or only scattered ones hold a number."""
    for bitpix in (-32, -64):
        for value in (np.nan, np.inf, -np.inf, 1e30):
            for kind in ("LIGHT", "DARK", "FLAT", "Master Light"):
                data = np.full(64 * 48, value, _SAMPLES[bitpix]).tobytes()
                head = (f"IMAGETYP= '{kind}'", *LIGHT[1:])
                yield f"all-{value}-{kind}{bitpix}.fits", fits(head, bitpix=bitpix, axes=(64, 48), data=data)
        for value in (np.nan, np.inf):
            for share in (0.1, 0.3, 0.6, 0.95, 0.999):
                sky = sky_pixels(_SAMPLES[bitpix])
                sky[np.random.default_rng(1).random(sky.shape) < share] = value
                yield f"some-{value}-{share}{bitpix}.fits", fits(bitpix=bitpix, axes=(64, 48), data=sky.tobytes())
        for columns in (40, 60, 63):
            sky = sky_pixels(_SAMPLES[bitpix])
            sky[:, :columns] = np.nan
            yield f"columns-{columns}{bitpix}.fits", fits(bitpix=bitpix, axes=(64, 48), data=sky.tobytes())
    undefined = (*LIGHT, card("BLANK", -32768))
    yield "all-blank.fits", fits(undefined, axes=(64, 48), data=np.full(64 * 48, -32768, ">i2").tobytes())
    cube = np.full((3, 48, 64), np.nan, ">f4").tobytes()
    yield "all-nan-cube.fits", fits(bitpix=-32, axes=(64, 48, 3), data=cube)
    keyword = '<FITSKeyword name="IMAGETYP" value="\'LIGHT\'" comment=""/>'
    yield "all-nan.xisf", xisf(np.full((48, 64), np.nan, "<f4"), keywords=keyword, attributes=' bounds="0:1"')


def polyglots() -> Files:
    """Files that are something else as well."""
    archive = b"PK\x03\x04" + bytes(26) + b"evil.sh" + b"#!/bin/sh" + b"PK\x05\x06" + bytes(18)
    page = b"<html><script>alert(1)</script></html>"
    data = np.zeros((24, 32), "<u2")
    first = {
        "fits": fits(), "mef.fits": extensions(), "png": png(), "jpg": picture("JPEG"), "xisf": xisf(data),
        "ser": ser(), "avi": avi(), "fits.gz": gzip.compress(fits(), mtime=0), "fits.fz": tiled("RICE_1"),
    }  # fmt: skip
    second = {"zip": archive, "html": page, "png": png(), "fits": fits()}
    for name, content in first.items():
        for other, behind in second.items():
            if (name, other) != ("fits.gz", "fits"):
                yield f"{other}-behind.{name}", content + behind
    yield "fits-inside-zip.fits", archive + fits()
    yield "pdf.fits", b"%PDF-1.7\n" + fits()
    yield "png-in-gzip.fits.gz", gzip.compress(png(), mtime=0)


def strangers() -> Files:
    """What is met under the extensions of captures."""
    yield "empty.fits", b""
    yield "garmin.fit", b"\x0e\x10\xd9\x07\x10\x00\x00\x00.FIT" + bytes(range(64))
    yield "java.ser", b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap" + bytes(64)
    yield "text.fit", b"Weather was fine, seeing 2 arcsec.\n" * 20
    yield "curve.fit", b"x,y\n1,2\n"
    yield "html.fits", b"<!DOCTYPE html><html>404 Not Found</html>"
    yield "program.fits", b"\x7fELF" + bytes(200)
    yield "picture.gif", b"GIF89a" + bytes(100)
    for count in (1, 79, 80, 2879, 2880, 5761):
        yield f"zeros-{count}.fits", bytes(count)
    yield "only-signature.fits", b"SIMPLE  ="
    yield "only-signature.xisf", b"XISF0100"
    yield "wcs.fits", b"SIMPLE  =                    T\nBITPIX  =                    8\nNAXIS   = 0\nEND\n"


def random_bytes() -> Files:
    """Noise behind valid signatures, short and long, plain and gzipped."""
    heads = {
        "fits": b"SIMPLE  =                    T".ljust(80), "xisf": b"XISF0100\x40\0\0\0\0\0\0\0<xisf>",
        "ser": b"LUCAM-RECORDER", "avi": b"RIFF\x40\0\0\0AVI LIST\x20\0\0\0hdrlavih",
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        "jpg": b"\xff\xd8\xff\xe1", "tif": b"II*\0\x08\0\0\0", "big.tif": b"MM\0+\0\x08\0\0",
        "gz": b"\x1f\x8b\x08\0\0\0\0\0",
    }  # fmt: skip
    for kind, head in heads.items():
        for seed in range(6):
            source = random.Random(seed)
            yield f"{seed}.{kind}", head + source.randbytes(source.choice((3, 100, 3000, 20_000)))
    for seed in range(6):
        yield f"{seed}.fits.gz", gzip.compress(heads["fits"] + random.Random(seed).randbytes(6000), mtime=0)


def bombs() -> Files:
    """Little that unpacks to much."""
    zeros = bytes(1 << 20)
    for side, megabytes in ((40_000, 64), (20_000, 280)):
        packer = zlib.compressobj(1, wbits=31)
        parts = [packer.compress(cards(*shape_cards(16, (side, side))))]
        parts += [packer.compress(zeros) for _ in range(megabytes)]
        yield f"gzip-{side}.fits.gz", b"".join([*parts, packer.flush()])
    packer = zlib.compressobj(9, wbits=31)
    inner = b"".join([*(packer.compress(zeros) for _ in range(100)), packer.flush()])
    yield "tile.fits.fz", tile_bomb(inner)
    for side in (20_000, 60_000, 2**31 - 1):
        yield f"png-{side}.png", png(declared=(side, side))
    jpeg = picture("JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    yield "jpeg-65500.jpg", jpeg[:at] + struct.pack(">HH", 65_500, 65_500) + jpeg[at + 4 :]


def tile_bomb(inner: bytes) -> bytes:
    """A compressed image of 64 x 48 pixels, of which one tile unpacks to what ``inner`` holds."""
    header = cards(
        "XTENSION= 'BINTABLE'", card("BITPIX", 8), card("NAXIS", 2), card("NAXIS1", 8), card("NAXIS2", 1),
        card("PCOUNT", len(inner)), card("GCOUNT", 1), card("TFIELDS", 1), "TTYPE1  = 'COMPRESSED_DATA'",
        f"TFORM1  = '1PB({len(inner)})'", card("ZIMAGE", "T"), card("ZSIMPLE", "T"), card("ZBITPIX", 16),
        card("ZNAXIS", 2), *LIGHT,
        card("ZNAXIS1", 64), card("ZNAXIS2", 48), card("ZTILE1", 64), card("ZTILE2", 48), "ZCMPTYPE= 'GZIP_1  '",
    )  # fmt: skip
    primary = cards(card("SIMPLE", "T"), card("BITPIX", 8), card("NAXIS", 0))
    return primary + header + blocks(struct.pack(">II", len(inner), 0) + inner)
