"""XISF data blocks: where the samples of an image are kept, how they are packed, and how they come out again.

XISF 1.0 specification, section 10 (block location, compression, sub-blocks, checksum). Sizes that a header claims are
never trusted: what comes out is bounded by what the image needs, and that by what the stored bytes can believably hold.
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.errors import Permanent

BELIEVABLE_GROWTH = 200
"""Most times its stored size that a large image unpacks to; real ones, even of a closed shutter, stay below 100."""
ALWAYS_BELIEVED_BYTES = 64 << 20
"""Below this size no compressed image is doubted."""

_MOST_SUBBLOCKS = 4096
_COMPRESSION = re.compile(r"(zlib|lz4hc|lz4|zstd)(\+sh)?:(\d{1,15})(?::(\d{1,3}))?")
_SUBBLOCKS = re.compile(r"\d{1,15},\d{1,15}(?::\d{1,15},\d{1,15})*")
_ATTACHMENT = re.compile(r"attachment:(\d{1,18}):(\d{1,18})")
_ENCODINGS = ("base64", "hex")
_DIGESTS = {
    "sha-1": "sha1",
    "sha1": "sha1",
    "sha-256": "sha256",
    "sha256": "sha256",
    "sha-512": "sha512",
    "sha512": "sha512",
    "sha3-256": "sha3_256",
    "sha3-512": "sha3_512",
}

Stored = bytes | bytearray


@dataclass(frozen=True, slots=True)
class DataBlock:
    """One data block: ``offset`` and ``stored_bytes`` in the file, or ``text`` in ``encoding`` where the XML holds it.

    ``codec`` is empty for plain data; ``item_bytes`` is above 1 where the bytes are shuffled; ``subblocks`` are pairs
    of stored and unpacked bytes; ``digest`` is a name of hashlib and the hexadecimal digest of the stored bytes.
    """

    offset: int
    stored_bytes: int
    codec: str
    item_bytes: int
    unpacked_bytes: int
    subblocks: tuple[tuple[int, int], ...]
    digest: tuple[str, str] | None
    encoding: str | None = None
    text: bytes = field(default=b"", repr=False)


def describe_block(
    image: Mapping[str, str], data: Mapping[str, str], text: str, problems: list[str]
) -> DataBlock | None:
    """The block that the attributes of an Image, and of the Data element in it, describe; None with a problem.

    ``text`` is what the XML holds of an inline or embedded block.
    """
    location = image.get("location", "")
    attachment = _ATTACHMENT.fullmatch(location)
    encoding = None
    if attachment is None:
        kind, _, encoding = location.partition(":")
        encoding = data.get("encoding", "") if kind == "embedded" else encoding
        if kind not in ("inline", "embedded") or encoding not in _ENCODINGS:
            problems.append(f"the image data are nowhere that can be read: location {location[:60]!r}")
            return None
    both = {**image, **data} if encoding else image
    codec, item, unpacked = "", 0, 0
    if written := both.get("compression", ""):
        found = _COMPRESSION.fullmatch(written)
        if found is None or (found[2] and not 1 <= int(found[4] or 1) <= 128):
            problems.append(f"the XISF compression {written[:40]!r} is not known")
            return None
        codec, unpacked = found[1], int(found[3])
        item = int(found[4] or 1) if found[2] else 0
    parts: tuple[tuple[int, int], ...] = ()
    if codec and (written := both.get("subblocks", "")):
        if not _SUBBLOCKS.fullmatch(written) or written.count(":") >= _MOST_SUBBLOCKS:
            problems.append(f"the XISF sub-blocks {written[:40]!r} cannot be read")
            return None
        parts = tuple((int(part.split(",")[0]), int(part.split(",")[1])) for part in written.split(":"))
    return DataBlock(
        offset=int(attachment[1]) if attachment else 0,
        stored_bytes=int(attachment[2]) if attachment else len(text),
        codec=codec,
        item_bytes=item,
        unpacked_bytes=unpacked,
        subblocks=parts,
        digest=_digest(both.get("checksum", ""), problems),
        encoding=encoding,
        text=text.encode("ascii", "replace") if encoding else b"",
    )


def size_fault(block: DataBlock, size: int) -> str:
    """Why an image of ``size`` bytes cannot be in a block, by what the header says of it; empty where it can."""
    if not block.codec:
        if block.encoding or block.stored_bytes >= size:
            return ""
        return f"the image needs {size} bytes, its data block declares {block.stored_bytes}"
    if block.unpacked_bytes != size:
        return f"the image needs {size} bytes, its data block declares {block.unpacked_bytes}"
    if size > ALWAYS_BELIEVED_BYTES and size > block.stored_bytes * BELIEVABLE_GROWTH:
        return f"{block.stored_bytes} bytes that claim to hold an image of {size} bytes are not believed"
    packed, plain = (sum(part[place] for part in block.subblocks) for place in (0, 1))
    if block.subblocks and (packed > block.stored_bytes or plain != size):
        return "the XISF sub-blocks do not fit the data block"
    return ""


def decoded_text(block: DataBlock) -> bytes:
    """The bytes that the XML holds as base64 or hexadecimal text. Raises Permanent for text that is neither."""
    try:
        if block.encoding == "hex":
            return bytes.fromhex(block.text.decode("ascii"))
        return base64.b64decode(b"".join(block.text.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Permanent(f"the XISF data are damaged: they are no {block.encoding} text") from error


def unpack(block: DataBlock, stored: Stored, size: int) -> Stored | NDArray[np.uint8]:
    """The ``size`` bytes of samples in the stored bytes of a block, unpacked, with their bytes in order.

    Raises Permanent when a checksum, a declared size or the packed data are wrong, or when a few bytes claim to hold
    far more than an image can.
    """
    if block.digest is not None:
        name, written = block.digest
        if hashlib.new(name, stored, usedforsecurity=False).hexdigest() != written:
            raise Permanent(f"the XISF data are damaged: their {name} checksum is not the one in the header")
    if not block.codec:
        if len(stored) < size:
            raise Permanent(f"the image needs {size} bytes, its data block has {len(stored)}")
        return stored
    if fault := size_fault(block, size):
        raise Permanent(fault)
    parts = block.subblocks or ((len(stored), size),)
    pieces, at = [], 0
    view = memoryview(stored)
    for packed, plain in parts:
        pieces.append(_unpack_part(block.codec, view[at : at + packed], plain))
        at += packed
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return _in_order(data, block.item_bytes) if block.item_bytes > 1 else data


def _digest(written: str, problems: list[str]) -> tuple[str, str] | None:
    if not written:
        return None
    name, _, value = written.partition(":")
    known = _DIGESTS.get(name.strip().lower())
    if known is None:
        problems.append(f"the XISF checksum is of a kind that is not known: {name[:20]!r}")
        return None
    return known, value.strip().lower()


def _unpack_part(codec: str, packed: memoryview, size: int) -> bytes:
    """One run of packed bytes; never more than ``size`` come out."""
    try:
        data = _UNPACKERS[codec](packed, size)
    except _damages() as error:
        raise Permanent(f"the XISF data are damaged: {str(error)[:120]}") from error
    if len(data) != size:
        raise Permanent(f"the XISF data are damaged: {size} bytes declared, {len(data)} unpacked")
    return data


def _inflate(packed: memoryview, size: int) -> bytes:
    stream = zlib.decompressobj()
    data = stream.decompress(packed, size or 1)
    # The checksum is behind the last byte of data, and is looked at only when it is read.
    if not stream.eof and (stream.decompress(stream.unconsumed_tail, 1) or not stream.eof):
        raise zlib.error("the deflate stream does not end where its data do")
    return data


def _unpack_lz4(packed: memoryview, size: int) -> bytes:
    from lz4 import block

    data: bytes = block.decompress(packed, uncompressed_size=size)
    return data


def _unpack_zstd(packed: memoryview, size: int) -> bytes:
    import zstandard

    # A reader is bounded by what is asked of it; decompress() would believe the size in the frame.
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        data: bytes = reader.read(size)
        if reader.read(1):
            raise zlib.error("the zstandard stream goes on behind the data that are declared")
    return data


_UNPACKERS: dict[str, Callable[[memoryview, int], bytes]] = {
    "zlib": _inflate,
    "lz4": _unpack_lz4,
    "lz4hc": _unpack_lz4,
    "zstd": _unpack_zstd,
}


def _damages() -> tuple[type[Exception], ...]:
    """What the codecs raise on damaged data. Evaluated only once something was raised, so the imports cost nothing."""
    import zstandard
    from lz4 import block

    return (zlib.error, ValueError, EOFError, OverflowError, block.LZ4BlockError, zstandard.ZstdError)


def _in_order(shuffled: Stored, item_bytes: int) -> NDArray[np.uint8]:
    """Undo the byte shuffle: first all first bytes, then all second ones...; a remainder follows as it was."""
    flat = np.frombuffer(shuffled, np.uint8)
    count = flat.size // item_bytes
    ordered = np.empty(flat.size, np.uint8)
    items = ordered[: count * item_bytes].reshape(count, item_bytes)
    for place in range(item_bytes):
        items[:, place] = flat[place * count : (place + 1) * count]
    ordered[count * item_bytes :] = flat[count * item_bytes :]
    return ordered
