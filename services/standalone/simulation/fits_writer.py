"""Writes FITS files with the cards exactly as the capture programs lay them out.

The layout follows the FITS standard 4.0, section 4 (cards, fixed format) and section 3.3 (blocks of 2,880 bytes). It is
written here, not by astropy, because cfitsio (Seestar) and the C# writer of N.I.N.A. format numbers and strings
differently, and because the benches need thousands of files a second.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 2880
CARD_BYTES = 80
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_COMMENTARY = frozenset({"COMMENT", "HISTORY"})


class Literal(str):
    """A number already formatted as its program writes it, such as ``10.`` of cfitsio."""

    __slots__ = ()


Value = bool | int | float | str | Literal


class Card(NamedTuple):
    """One header card. ``pad`` is the least width of a string value: 8 for cfitsio, 0 for N.I.N.A."""

    keyword: str
    value: Value
    comment: str = ""
    pad: int = 8


def cfitsio_real(value: float) -> Literal:
    """``value`` as cfitsio prints a double: 15 significant digits, and a point even without a fraction."""
    text = f"{value:.15G}"
    return Literal(text if "." in text or "E" in text else f"{text}.")


def format_card(card: Card) -> bytes:
    """The 80 bytes of one card in fixed format (FITS 4.0, section 4.2).

    A comment that does not fit is cut, as the programs do. Raises ValueError for a keyword or value that cannot be
    written: bad characters, or a string longer than one card.
    """
    if not _KEYWORD.fullmatch(card.keyword):
        raise ValueError(f"not a FITS keyword: {card.keyword!r}")
    if card.keyword in _COMMENTARY:
        text = f"{card.keyword:<8}{card.value}"
        if len(text) > CARD_BYTES:
            raise ValueError(f"{card.keyword} text is longer than one card: {card.value!r}")
    else:
        text = f"{card.keyword:<8}= {_format_value(card):<20}"
        if len(text) > CARD_BYTES:
            raise ValueError(f"value of {card.keyword} is longer than one card: {card.value!r}")
        text = f"{text} / {card.comment}"[:CARD_BYTES] if card.comment else text
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"value of {card.keyword} is not printable ASCII: {card.value!r}")
    return text.ljust(CARD_BYTES).encode("ascii")


def _format_value(card: Card) -> str:
    value = card.value
    if isinstance(value, Literal):
        return f"{value:>20}"
    if isinstance(value, str):
        return "'" + value.replace("'", "''").ljust(card.pad) + "'"
    if isinstance(value, bool):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, int):
        return f"{value:>20d}"
    if not np.isfinite(value):
        raise ValueError(f"value of {card.keyword} is not a finite number")
    return f"{repr(float(value)).upper():>20}"


def format_header(cards: Iterable[Card]) -> bytes:
    """All cards, END, and blanks up to a whole number of blocks."""
    body = b"".join(map(format_card, cards)) + b"END".ljust(CARD_BYTES)
    return body.ljust(_round_up(len(body)), b" ")


def encode_pixels(pixels: NDArray[np.uint16]) -> bytes:
    """Unsigned 16-bit pixels, shape (ny, nx) or (planes, ny, nx), as FITS data: BITPIX 16, BZERO 32768, big-endian.

    Flipping the top bit is subtracting BZERO (FITS 4.0, section 5.2.5), without arithmetic that could overflow.
    """
    signed = np.bitwise_xor(pixels, np.uint16(0x8000))
    return signed.astype(">u2").tobytes()


def padding(size_bytes: int) -> bytes:
    """The zero bytes that fill the last data block."""
    return bytes(_round_up(size_bytes) - size_bytes)


def write_fits(path: Path, cards: Iterable[Card], pixels: NDArray[np.uint16]) -> None:
    """Write one image file; the cards must state BITPIX 16, BZERO 32768 and the axes of ``pixels``."""
    data = encode_pixels(pixels)
    # One write call: every further one costs a small file a tenth of its time.
    path.write_bytes(b"".join((format_header(cards), data, padding(len(data)))))


def _round_up(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
