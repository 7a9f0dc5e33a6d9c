"""Damage that knows the format: a chunk, a segment, an entry or an attribute is changed, and all else stays right.

A byte that is flipped at random ends most readings at the first checksum or length. Here checksums and lengths are made
right again around the damage (or are what is damaged), so that it gets to the code behind them. Each function returns a
damaged copy, or None for a file that it cannot take apart.
"""

import random
import re
import struct
import zlib
from collections.abc import Callable

NUMBERS = (
    0, 1, 2, 3, 7, 2**7, 255, 256, 2**15, 2**16 - 1, 2**16, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1,
    2**63, 2**64 - 1,
)  # fmt: skip
WORDS = (
    "", "0", "-1", "1.5", "nan", "inf", "x" * 500, "UInt16", "Float64", "Normal", "big", "zlib:100", "lz4+sh:96:2",
    "zstd:1", "inline:hex", "inline:base64", "embedded", "attachment:4096:6144", "sha1:00", "1:1:1", "&#0;", "\u202e",
)  # fmt: skip
Structure = Callable[[bytes, random.Random], bytes | None]


def damaged_structure(content: bytes, source: random.Random) -> bytes | None:
    """A copy that is damaged where its format has a meaning; None for formats without a function here."""
    for signature, damage in _STRUCTURES:
        if content.startswith(signature):
            try:
                return damage(content, source)
            except (struct.error, IndexError, ValueError, OverflowError, StopIteration):
                return None  # it was damaged before, so that it cannot be taken apart
    return None


def _spoilt(data: bytes, source: random.Random) -> bytes:
    """Bytes of which one or a few are others."""
    raw = bytearray(data)
    for _ in range(source.choice((1, 1, 3, 20))):
        if raw:
            raw[source.randrange(min(len(raw), source.choice((16, 200, len(raw)))))] = source.randrange(256)
    return bytes(raw)


def _number(source: random.Random, code: str) -> bytes:
    size = struct.calcsize(code)
    value: int = source.choice(NUMBERS) % 256**size
    return value.to_bytes(size, "big" if code.startswith(">") else "little")


def _rearranged(parts: list[tuple[bytes, bytes]], source: random.Random) -> None:
    """Drop, repeat or move one of several parts."""
    at = source.randrange(len(parts))
    kind = source.choice(("drop", "repeat", "flood", "move"))
    if kind == "drop":
        del parts[at]
    elif kind == "move":
        parts.insert(source.randrange(len(parts)), parts.pop(at))
    else:
        parts[at:at] = [parts[at]] * (1 if kind == "repeat" else 500)


def _png(content: bytes, source: random.Random) -> bytes | None:
    """Chunks with right checksums: others' contents, sizes of the header, pixels packed anew, names."""
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    number = source.randrange(len(chunks))
    name, data = chunks[number]
    kind = source.choice(("content", "header", "pixels", "name", "order"))
    if kind == "content":
        chunks[number] = (name, _spoilt(data, source))
    elif kind == "header":
        place, code = source.choice(((0, ">I"), (4, ">I"), (8, "B"), (9, "B"), (10, "B"), (11, "B"), (12, "B")))
        head = chunks[0][1]
        chunks[0] = (b"IHDR", head[:place] + _number(source, code) + head[place + struct.calcsize(code) :])
    elif kind == "pixels":
        pixels = source.randbytes(source.choice((0, 1, 100, 5000))) + bytes(source.choice((0, 10**6)))
        chunks = [one for one in chunks if one[0] != b"IDAT"]
        chunks.insert(len(chunks) - 1, (b"IDAT", zlib.compress(pixels)))
    elif kind == "name":
        other = source.choice((b"IDAT", b"IEND", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"PLTE", b"iCCP", b"aBcD"))
        chunks[number] = (other, data)
    else:
        _rearranged(chunks, source)
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _jpeg(content: bytes, source: random.Random) -> bytes | None:
    """Segments with right lengths: the frame header, tables, EXIF (which is a TIFF), markers, the order."""
    segments: list[tuple[bytes, bytes]] = []
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        segments.append((content[at : at + 2], content[at + 4 : at + 2 + length]))
        at += 2 + length
    scan = content[at:]
    number = source.randrange(len(segments))
    marker, data = segments[number]
    kind = source.choice(("content", "frame", "exif", "marker", "order", "scan", "length"))
    lie = 0
    if kind == "content":
        segments[number] = (marker, _spoilt(data, source))
    elif kind == "frame":
        number = next(i for i, (marker, _) in enumerate(segments) if 0xC0 <= marker[1] <= 0xC2)
        marker, data = segments[number]
        place, code = source.choice(((0, "B"), (1, ">H"), (3, ">H"), (5, "B"), (6, "B"), (7, "B")))
        segments[number] = (marker, data[:place] + _number(source, code) + data[place + struct.calcsize(code) :])
    elif kind == "exif":
        found = [i for i, (_, data) in enumerate(segments) if data.startswith(b"Exif\0\0")]
        if not found:
            return None
        marker, data = segments[found[0]]
        segments[found[0]] = (marker, data[:6] + (_tiff(data[6:], source) or data[6:]))
    elif kind == "marker":
        segments[number] = (bytes((0xFF, source.choice((0xC0, 0xC2, 0xC4, 0xD8, 0xDB, 0xDD, 0xE1, 0xFE)))), data)
    elif kind == "order":
        _rearranged(segments, source)
    elif kind == "scan":
        scan = _spoilt(scan, source)
    else:
        lie = source.choice((-2, -1, 1, 1000))
    return (
        b"\xff\xd8"
        + b"".join(marker + struct.pack(">H", (len(data) + 2 + lie) % 2**16) + data for marker, data in segments)
        + scan
    )


def _tiff(content: bytes, source: random.Random) -> bytes | None:
    """Entries of a directory: tag, type, count, value or place; the place of the next directory; the byte order."""
    order = "<" if content.startswith(b"II") else ">"
    big = content[2:4] in (b"+\0", b"\0+")
    pointer, count_code, entry_bytes = ("Q", "Q", 20) if big else ("I", "H", 12)
    raw = bytearray(content)
    first = 8 if big else 4
    (at,) = struct.unpack_from(order + pointer, raw, first)
    directories: list[int] = []
    while at and len(directories) < 8 and at not in directories:
        directories.append(at)
        (count,) = struct.unpack_from(order + count_code, raw, at)
        (at,) = struct.unpack_from(order + pointer, raw, at + struct.calcsize(count_code) + count * entry_bytes)
    at = source.choice(directories)
    (count,) = struct.unpack_from(order + count_code, raw, at)
    entries = at + struct.calcsize(count_code)
    kind = source.choice(("tag", "type", "count", "value", "value", "next", "entries", "order", "first"))
    entry = entries + source.randrange(max(count, 1)) * entry_bytes
    if kind == "order":
        raw[:2] = b"MM" if order == "<" else b"II"
        return bytes(raw)
    place, code = {
        "tag": (entry, "H"), "type": (entry + 2, "H"), "count": (entry + 4, pointer),
        "value": (entry + 4 + struct.calcsize(pointer), pointer), "next": (entries + count * entry_bytes, pointer),
        "entries": (at, count_code), "first": (first, pointer),
    }[kind]  # fmt: skip
    values = (*NUMBERS, *directories, len(raw), len(raw) - 1, source.randrange(len(raw)), 273, 279, 258, 259, 34665)
    value = source.choice(values) % 256 ** struct.calcsize(code)
    raw[place : place + struct.calcsize(code)] = value.to_bytes(
        struct.calcsize(code), "little" if order == "<" else "big"
    )
    return bytes(raw)


_ATTRIBUTE = re.compile(rb'([\w:]+)="([^"]*)"')
_ELEMENT = re.compile(rb"<(\w+)[^<>]*?(/>|>)")


def _xisf(content: bytes, source: random.Random) -> bytes | None:
    """Attributes and elements of the header, whose length stays right; or bytes of the data."""
    (length,) = struct.unpack_from("<I", content, 8)
    if 16 + length > len(content):
        return None
    xml, data = content[16 : 16 + length].rstrip(b"\0"), content[16 + length :]
    kind = source.choice(("number", "number", "word", "word", "lose", "repeat", "name", "data"))
    if kind == "data":
        return content[: 16 + length] + _spoilt(data, source)
    if kind in ("repeat", "name"):
        element = source.choice(list(_ELEMENT.finditer(xml)))
        names = (b"Image", b"Data", b"Property", b"FITSKeyword", b"Thumbnail", b"xisf", b"Metadata")
        new = element[0] * source.choice((2, 50)) if kind == "repeat" else element[0].replace(
            element[1], source.choice(names), 1
        )  # fmt: skip
        xml = xml[: element.start()] + new + xml[element.end() :]
    else:
        found = source.choice(list(_ATTRIBUTE.finditer(xml)))
        value = found[2]
        if kind == "number":
            number = str(source.choice((*NUMBERS, -1, 10**30))).encode()
            value = re.sub(rb"\d+", number, value, count=1) if source.random() < 0.7 else number
        elif kind == "word":
            value = source.choice(WORDS).encode()
        lost = kind == "lose"
        xml = xml[: found.start()] + (b"" if lost else found[1] + b'="' + value + b'"') + xml[found.end() :]
    length = max(length, len(xml))
    return content[:8] + struct.pack("<I", length) + content[12:16] + xml.ljust(length, b"\0") + data


def _ser(content: bytes, source: random.Random) -> bytes | None:
    """Numbers of the header, texts, and times behind the frames."""
    raw = bytearray(content)
    kind = source.choice(("number", "number", "number", "text", "tail"))
    if kind == "number":
        place = source.choice((14, 18, 22, 26, 30, 34, 38))
        raw[place : place + 4] = _number(source, "<I")
    elif kind == "text":
        place = source.choice((42, 82, 122, 162, 170))
        raw[place : place + 8] = source.choice((source.randbytes(8), b"\xff" * 8, bytes(8), b"\x1b[31m\x9b\x80"))
    else:
        raw += source.randbytes(source.choice((1, 8, 24, 100)))
    return bytes(raw)


def _avi(content: bytes, source: random.Random) -> bytes | None:
    """Sizes and names of chunks and lists at every depth, numbers of the main header, repeated and lost chunks."""
    places: list[int] = []
    pending = [(0, len(content))]
    while pending:
        at, end = pending.pop()
        while at + 8 <= end and len(places) < 200:
            (length,) = struct.unpack_from("<I", content, at + 4)
            places.append(at)
            if content[at : at + 4] in (b"RIFF", b"LIST"):
                pending.append((at + 12, min(at + 8 + length, end)))
            at += 8 + length + length % 2
    raw = bytearray(content)
    at = source.choice(places)
    (length,) = struct.unpack_from("<I", content, at + 4)
    kind = source.choice(("size", "name", "header", "lose", "repeat", "content"))
    if kind == "size":
        near = struct.pack("<I", (length + source.choice((-1, 1))) % 2**32)
        raw[at + 4 : at + 8] = source.choice((_number(source, "<I"), near))
    elif kind == "name":
        names = (b"RIFF", b"LIST", b"JUNK", b"movi", b"\0\0\0\0", b"avih", b"00dc", b"\xff" * 4)
        raw[at : at + 4] = source.choice(names)
    elif kind == "header":
        place = content.index(b"avih") + 8 + 4 * source.randrange(14)
        raw[place : place + 4] = _number(source, "<I")
    elif kind == "content":
        raw[at + 8 : at + 8 + length] = _spoilt(bytes(raw[at + 8 : at + 8 + length]), source)
    elif kind == "lose":
        del raw[at : at + 8 + length]
    else:
        raw[at:at] = raw[at : at + 8 + length] * source.choice((1, 3))
    return bytes(raw)


_STRUCTURES: tuple[tuple[bytes, Structure], ...] = (
    (b"\x89PNG", _png), (b"\xff\xd8", _jpeg), (b"II", _tiff), (b"MM", _tiff), (b"XISF", _xisf), (b"LUCAM", _ser),
    (b"RIFF", _avi),
)  # fmt: skip
