"""How long a FITS file declares itself to be: the sizes of its header and data units, read card by card.

Source: FITS Standard 4.0, section 4.4.1 (data sizes), section 6 (random groups), section 3.3 (blocks of 2880 bytes).
"""

import math
import re
from dataclasses import dataclass, field

from shared.library.length import Completeness, LengthReader, complete, incomplete, too_short

BLOCK_BYTES = 2880
_CARD_BYTES = 80
_READ_BYTES = 8 * BLOCK_BYTES
_LONGEST_HEADER_BYTES = 2 * 1024 * 1024
_ALL_HEADERS_BYTES = 16 * 1024 * 1024
_MOST_UNITS = 1000
_INTEGER = re.compile(rb"= *([+-]?\d{1,18})(?![\d.EeDd])")
_FIRST_LETTERS = frozenset(b"BEGNP")
"""Of BITPIX, END, GCOUNT, GROUPS, NAXIS and PCOUNT: most cards are none of these, and every file passes here."""
_BITS_PER_VALUE = frozenset((8, 16, 32, 64, -32, -64))


class _TooLong(Exception):
    """A header beyond the bounds: not understood."""


class _Cut(Exception):
    """The file ends before the header does."""


@dataclass(slots=True)
class Header:
    """The cards that give one unit its size. ``cards_end`` is the offset in the file just behind the END card."""

    extension: bool
    values: dict[bytes, int] = field(default_factory=dict)
    groups: bool = False
    cards_end: int = 0

    def take(self, card: bytes) -> None:
        """Note a card if it says something about size."""
        keyword = card[:8].rstrip()
        if keyword == b"GROUPS":
            self.groups = card[10:30].strip() == b"T"
        elif keyword in (b"BITPIX", b"PCOUNT", b"GCOUNT") or keyword.startswith(b"NAXIS"):
            match = _INTEGER.match(card, 8)
            if match:
                self.values.setdefault(keyword, int(match[1]))

    def data_bytes(self) -> int | None:
        """Length of the unit's data without padding; None where the cards make no sense."""
        naxis = self.values.get(b"NAXIS", -1)
        if self.values.get(b"BITPIX") not in _BITS_PER_VALUE or not 0 <= naxis <= 999:
            return None
        axes = [self.values.get(b"NAXIS%d" % number, -1) for number in range(1, naxis + 1)]
        parameters, groups = 0, 1
        if self.extension or (self.groups and axes[:1] == [0]):
            parameters, groups = self.values.get(b"PCOUNT", 0), self.values.get(b"GCOUNT", 1)
            axes = axes if self.extension else axes[1:]
        if min((*axes, parameters, groups)) < 0:
            return None
        elements = math.prod(axes) if axes else 0
        return abs(self.values[b"BITPIX"]) // 8 * groups * (parameters + elements)


def fits_completeness(file: LengthReader) -> Completeness:
    """Follow the units of a FITS file to its end: at most 1000 of them, 2 MiB of one header, 16 MiB of all.

    What lies behind the last unit, and a unit whose cards make no sense, is not judged. Raises OSError.
    """
    offset = declared = headers = 0
    for _ in range(_MOST_UNITS):
        try:
            header = read_header(file, offset)
        except _Cut:
            return incomplete(file, None, "the file ends inside a FITS header")
        except _TooLong:
            break
        data_bytes = header.data_bytes()
        if data_bytes is None:
            break
        data_start = padded(header.cards_end)
        declared = data_start + data_bytes if data_bytes else header.cards_end
        if declared > file.size_bytes:
            return too_short(file, declared)
        headers += data_start - offset
        offset = padded(data_start + data_bytes)
        if headers > _ALL_HEADERS_BYTES or file.at(offset, 8) != b"XTENSION":
            break
    return complete(file, declared or None)


def read_header(file: LengthReader, offset: int) -> Header:
    """Read the cards of the unit at an offset up to END."""
    header = Header(extension=offset > 0)
    start = offset
    while offset - start < _LONGEST_HEADER_BYTES:
        chunk = file.at(offset, _READ_BYTES)
        for at in range(0, len(chunk) - 2, _CARD_BYTES):
            if chunk[at] not in _FIRST_LETTERS:
                continue
            card = chunk[at : at + _CARD_BYTES]
            if card[:8].rstrip(b" \0") == b"END":
                header.cards_end = offset + at + len(card)
                return header
            header.take(card)
        if len(chunk) < _READ_BYTES:
            raise _Cut
        offset += len(chunk)
    raise _TooLong


def padded(size_bytes: int) -> int:
    """The length in whole blocks."""
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
