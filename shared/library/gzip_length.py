"""Whether a gzip file ends where its compressed stream ends.

Source: RFC 1952, section 2.3.1 (the last four bytes are the length of the content, modulo 2**32).
"""

import struct
import zlib

from shared.library.fits_length import BLOCK_BYTES
from shared.library.length import Completeness, LengthReader, complete, incomplete, tail

_CHUNK_BYTES = 256 * 1024
_MOST_INFLATED_BYTES = 2 * 1024**3
_SMALLEST_BYTES = 18
_MAGIC = b"\x1f\x8b"


def gzip_completeness(file: LengthReader) -> Completeness:
    """Decide by the trailer where that is safe, else by unpacking the stream without keeping it.

    FITS files are whole blocks, so the length in the trailer of a whole .fits.gz is a multiple of 2880 and plausible
    for its size; the last four bytes of a cut one are noise, which passes once in 2880 times, and then the scanner
    finds out. Everything else (several members, odd lengths) is unpacked, at most 2 GiB of it. Raises OSError.
    """
    if file.size_bytes < _SMALLEST_BYTES:
        return incomplete(file, _SMALLEST_BYTES, "the file ends inside its gzip header")
    (length,) = struct.unpack("<I", tail(file, 4))
    if length and length % BLOCK_BYTES == 0 and file.size_bytes // 1100 <= length <= file.size_bytes * 1100:
        return complete(file, file.size_bytes)
    return _unpack(file)


def _unpack(file: LengthReader) -> Completeness:
    """Go through all members; what follows the last one is padding and not judged."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    offset = inflated = 0
    pending = b""
    while inflated < _MOST_INFLATED_BYTES:
        if not pending:
            pending = file.at(offset, _CHUNK_BYTES)
            offset += len(pending)
        if stream.eof:
            if not pending.startswith(_MAGIC):
                break
            stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        if not pending:
            return incomplete(file, None, "the gzip stream ends before its trailer")
        try:
            inflated += len(stream.decompress(pending, _CHUNK_BYTES))
        except zlib.error:
            break  # damaged rather than cut short: the scanner will say so
        pending = stream.unused_data if stream.eof else stream.unconsumed_tail
    return complete(file, None)
