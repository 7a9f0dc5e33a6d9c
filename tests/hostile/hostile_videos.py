"""Hostile SER, AVI, TIFF, PNG and JPEG: frame counts and sizes that lie, chains without end, cut files."""

import struct
from collections.abc import Iterator

from tests.hostile.writers import avi, chunk, picture, png, ser, tiff


def videos() -> Iterator[tuple[str, bytes]]:
    """Videos."""
    for declared in (-1, 0, 1, 2, 4, 1000, 10**6, 2**31 - 1):
        yield f"frames-{declared}.ser", ser(3, declared=declared)
    whole = ser(3)
    for offset, values in (
        (26, (0, -1, 10**6, 2**31 - 1)),
        (30, (0, -5, 2**31 - 1)),
        (34, (0, 17, 64, -8)),
        (18, (7, 50, -1, 102)),
    ):
        for value in values:
            yield f"field-{offset}-{value}.ser", whole[:offset] + struct.pack("<i", value) + whole[offset + 4 :]
    for length in (14, 100, 177, 178, 179, 178 + 128, 178 + 255, len(whole) - 1):
        yield f"cut-{length}.ser", whole[:length]
    whole = avi()
    for length in (12, 20, 40, 88, 100, 200, 300, len(whole) // 2, len(whole) - 1):
        yield f"cut-{length}.avi", whole[:length]
    for size in (0, 1, 4, 100, len(whole), len(whole) + 1000, 2**31, 2**32 - 1):
        yield f"riff-{size}.avi", avi(riff_size=size)
        yield f"movi-{size}.avi", avi(movi_size=min(size + 7, 2**32 - 1))
    for frames in (0, 10**6, 2**32 - 1):
        yield f"frames-{frames}.avi", avi(frames=frames)
    for width, height in ((0, 8), (2**31, 2**31), (2**32 - 1, 1)):
        wrong = struct.pack("<II", width, height)
        at = whole.index(b"avih") + 40
        yield f"size-{width}.avi", whole[:at] + wrong + whole[at + 8 :]
    yield "nested.avi", b"RIFF" + struct.pack("<I", 2000) + b"AVI " + chunk(b"LIST", b"hdrl" * 100, size=2**32 - 8)
    yield "no-header.avi", b"RIFF" + struct.pack("<I", 16) + b"AVI " + chunk(b"JUNK", b"1234")


def pictures() -> Iterator[tuple[str, bytes]]:
    """Pictures."""
    for kind, content in (("png", png()), ("jpg", picture("JPEG")), ("tif", picture("TIFF"))):
        for length in (8, 12, 33, 60, len(content) // 2, len(content) - 13, len(content) - 12, len(content) - 1):
            yield f"cut-{length}.{kind}", content[:length]
    for at in (20, 30, 45, -6, -1):
        spoilt = bytearray(png())
        spoilt[at] ^= 0x55
        yield f"spoilt-{at}.png", bytes(spoilt)
    for length in (0, 2**31, 2**32 - 1):
        yield f"chunk-{length}.png", png()[:33] + struct.pack(">I", length) + png()[37:]
    jpeg = picture("JPEG")
    for length in (0, 1, 65535):
        yield f"segment-{length}.jpg", jpeg[:4] + struct.pack(">H", length) + jpeg[6:200]
    size = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    strips = [(273, 4, 1, 200), (278, 3, 1, 8), (279, 4, 1, 64)]
    yield "circle.tif", tiff([*size, *strips], following=8, data=bytes(300))
    yield "next-beyond.tif", tiff([*size, *strips], following=10**6, data=bytes(300))
    yield "next-is-text.tif", tiff([*size, *strips], following=150, data=b"x" * 300)
    yield "strip-beyond.tif", tiff([*size, (273, 4, 1, 10**6), *strips[1:]], data=bytes(300))
    yield "strip-huge.tif", tiff([*size, *strips[:2], (279, 4, 1, 2**32 - 1)], data=bytes(300))
    yield "strip-short.tif", tiff([*size, *strips[:2], (279, 4, 1, 3)], data=bytes(300))
    yield "strip-count.tif", tiff([*size, (273, 4, 2**31, 200), *strips[1:]], data=bytes(300))
    yield "no-size.tif", tiff(strips, data=bytes(300))
    wide = [(256, 4, 1, 60_000), (257, 4, 1, 60_000), *size[2:], *strips]
    yield "bomb.tif", tiff(wide, data=bytes(300))
    yield "endless-entries.tif", b"II*\0\x08\0\0\0\xff\xff" + bytes(400)
    yield "big-tiff-huge.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**63) + bytes(64)
