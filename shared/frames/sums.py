"""The sums by which a FITS header vouches for itself and its data (Standard 4.0, section 4.4.2.7 and appendix J)."""

import struct

_WORDS = 0xFFFF_FFFF
_BLOCK = struct.Struct(">720I")


def folded(total: int) -> int:
    """A sum of 32-bit words with ones' complement carries."""
    while total >> 32:
        total = (total & _WORDS) + (total >> 32)
    return total


def header_sum(header: bytes) -> int:
    """The sum of a header, whole blocks of it."""
    return folded(sum(sum(words) for words in _BLOCK.iter_unpack(header)))


def vouches(header: bytes, data_sum: int) -> bool:
    """Whether CHECKSUM makes header and data, by DATASUM, come to minus zero, as it has to."""
    return folded(header_sum(header) + data_sum) in (0, _WORDS)


def data_fault(total: int, written: int) -> str:
    """What is wrong where the sum of the data is not DATASUM; empty where it is."""
    return "" if total == written else f"their sum is {total}, the header's DATASUM is {written}"
