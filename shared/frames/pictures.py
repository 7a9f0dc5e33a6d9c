"""Whether a picture's file is whole, told by its structure: Pillow reads the size of half a picture as gladly.

PNG: RFC 2083, sections 3 and 4. JPEG: ITU-T T.81, annex B. TIFF: revision 6.0, section 2, and BigTIFF's wider fields.
"""

import struct
import zlib
from collections.abc import Callable

from shared.frames.source import PlainSource

_MOST_CHUNKS = 100_000
_PIECE_BYTES = 1 << 20
_TAIL_BYTES = 64 << 10
_MOST_DIRECTORIES = 256
_MOST_ENTRIES = 4096
_MOST_VALUES = 1 << 20
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_PLACES = ((273, 279), (324, 325))
"""Tags of the offsets and lengths of strips and of tiles."""
_BELOW = (330, 34665, 34853)
"""Tags of the places of further directories: other sizes of the image, EXIF, GPS."""
_WANTED = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, *_BELOW, *(tag for pair in _PLACES for tag in pair)}
)
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def picture_faults(source: PlainSource) -> tuple[str, ...]:
    """What is wrong with the structure of a PNG, JPEG or TIFF, as sentences; reads PNG whole, of others little."""
    head = source.read(0, 16)
    size = source.size or 0
    for signature, judge in _JUDGES:
        if head.startswith(signature):
            return tuple(judge(source, size))
    return ()


def _png(source: PlainSource, size: int) -> list[str]:
    """Walk the chunks, each of which has a checksum, to IEND."""
    offset = 8
    for _ in range(_MOST_CHUNKS):
        head = source.read(offset, 8)
        length = int.from_bytes(head[:4], "big")
        end = offset + 12 + length
        if len(head) < 8 or end > size:
            return [f"truncated: the PNG goes on behind byte {size}"]
        name = head[4:].decode("latin-1")
        if not (name.isascii() and name.isalpha()):
            return [f"the PNG is damaged: no chunk begins at byte {offset}"]
        if _checksum(source, offset + 4, length + 4) != int.from_bytes(source.read(end - 4, 4), "big"):
            return [f"the PNG is damaged: the checksum of the chunk {name} at byte {offset} is wrong"]
        if name == "IEND":
            return _behind(source, end, size)
        offset = end
    return [f"the PNG has more than {_MOST_CHUNKS} chunks"]


def _checksum(source: PlainSource, offset: int, count: int) -> int:
    value = 0
    for at in range(0, count, _PIECE_BYTES):
        value = zlib.crc32(source.read(offset + at, min(_PIECE_BYTES, count - at)), value)
    return value


def _jpeg(source: PlainSource, size: int) -> list[str]:
    """Look for the end marker; the picture itself carries no checksum."""
    start = max(size - _TAIL_BYTES, 0)
    end = source.read(start, _TAIL_BYTES).rfind(b"\xff\xd9")
    if end < 0:
        return ["truncated: the JPEG has no end marker"]
    return _behind(source, start + end + 2, size)


def _behind(source: PlainSource, end: int, size: int) -> list[str]:
    """Zeros behind the end are padding, anything else belongs to no picture."""
    if size > end and source.read(end, _TAIL_BYTES).strip(b"\0"):
        return [f"{size - end} bytes follow behind the end of the picture"]
    return []


def _tiff(source: PlainSource, size: int) -> list[str]:
    """Follow the directories and those below them, and see that all values, strips and tiles are inside the file."""
    head = source.read(0, 16)
    order = "<" if head.startswith(b"II") else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    (offset,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", head.ljust(16, b"\0"), 8 if big else 4)
    seen: set[int] = set()
    pending = [offset] if offset else []
    while pending:
        offset = pending.pop()
        if offset in seen or len(seen) >= _MOST_DIRECTORIES:
            return ["the TIFF's directories go round in a circle, or are too many"]
        seen.add(offset)
        found = _directory(source, offset, order, big=big)
        if found is None or offset >= size:
            return [f"truncated: the TIFF has a directory at byte {offset}, and {size} bytes"]
        tags, following, end = found
        if end > size:
            return [f"truncated: a value of the TIFF ends at byte {end}, the file at {size}"]
        if fault := _image_fault(tags, size):
            return [fault]
        pending += [below for tag in _BELOW for below in tags.get(tag, ()) if below]
        pending += [following] if following else []
    return [] if seen else ["the TIFF has no directory"]


def _directory(
    source: PlainSource, offset: int, order: str, *, big: bool
) -> tuple[dict[int, tuple[int, ...]], int, int] | None:
    """The values of the tags that matter here, the next directory's place, and where the last of all values ends.

    None where the directory is cut off.
    """
    count_code, entry_bytes, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_bytes, pointer_bytes = struct.calcsize(count_code), struct.calcsize(pointer)
    raw = source.read(offset, count_bytes)
    if len(raw) < count_bytes:
        return None
    (count,) = struct.unpack(order + count_code, raw)
    if count > _MOST_ENTRIES:
        return None
    raw = source.read(offset + count_bytes, count * entry_bytes + pointer_bytes)
    if len(raw) < count * entry_bytes:
        return None
    tags: dict[int, tuple[int, ...]] = {}
    end = 0
    for at in range(0, count * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", raw, at)
        (values,) = struct.unpack_from(order + pointer, raw, at + 4)
        if (known := values * _TYPE_BYTES.get(kind, 0)) > pointer_bytes:
            end = max(end, struct.unpack_from(order + pointer, raw, at + 4 + pointer_bytes)[0] + known)
        if tag not in _WANTED or kind not in _TYPE_CODES or values > _MOST_VALUES:
            continue
        length = values * struct.calcsize(_TYPE_CODES[kind])
        inline = raw[at + 4 + pointer_bytes : at + entry_bytes]
        if length > len(inline):
            inline = source.read(struct.unpack(order + pointer, inline)[0], length)
        if len(inline) < length:
            return None
        tags[tag] = struct.unpack(f"{order}{values}{_TYPE_CODES[kind]}", inline[:length])
    ending = raw[count * entry_bytes :]
    return tags, struct.unpack(order + pointer, ending)[0] if len(ending) == pointer_bytes else 0, end


def _image_fault(tags: dict[int, tuple[int, ...]], size: int) -> str:
    """What is wrong with the places of one image's data; empty where nothing is."""
    for offsets, lengths in _PLACES:
        ends = [start + length for start, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)]
        if ends and max(ends) > size:
            return f"truncated: the TIFF's image ends at byte {max(ends)}, the file at {size}"
    stored = sum(length for _, lengths in _PLACES for length in tags.get(lengths, ()))
    width, height, samples = (next(iter(tags.get(tag, ())), 1) for tag in (_WIDTH, _HEIGHT, _SAMPLES))
    bits = next(iter(tags.get(_BITS, ())), 1)
    if tags.get(_COMPRESSION) in (None, (1,)) and _HEIGHT in tags and stored < width * height * samples * bits // 8:
        return f"the TIFF's image needs {width * height * samples * bits // 8} bytes, its strips have {stored}"
    return ""


_JUDGES: tuple[tuple[bytes, Callable[[PlainSource, int], list[str]]], ...] = (
    (b"\x89PNG", _png),
    (b"\xff\xd8", _jpeg),
    (b"II", _tiff),
    (b"MM", _tiff),
)
