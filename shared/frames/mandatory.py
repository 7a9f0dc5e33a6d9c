"""The cards that every FITS header must have: what they declare, and in words what is wrong with them.

FITS Standard 4.0, sections 4.4.1 and 7.1.1.
"""

import re
from collections.abc import Iterator
from math import prod

from shared.frames.cards import CardValue, Header
from shared.frames.values import number

SAMPLES = {8: "|u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""The types of stored numbers by BITPIX, as numpy names them."""

MAX_AXES = 999
_VALUED = re.compile(r"(?=[A-Z0-9_-]+ *=)[A-Z0-9_ -]{8}= ")
FEWEST_CARDS = 3
"""With a value, for a header to be one."""


def data_bytes(keys: dict[str, CardValue]) -> int | None:
    """Length of the data unit: |BITPIX|/8 x GCOUNT x (PCOUNT + product of the axes); None if cards lie or miss."""
    bits, axes = keys.get("BITPIX"), integer(keys.get("NAXIS"))
    if bits not in SAMPLES or axes is None or not 0 <= axes <= MAX_AXES:
        return None
    if axes == 0:
        return 0
    lengths = [integer(keys.get(f"NAXIS{axis}")) for axis in range(1, axes + 1)]
    extra, groups = integer(keys.get("PCOUNT", 0)), integer(keys.get("GCOUNT", 1))
    if extra is None or groups is None:
        extra, groups = 0, 1
    known = [length for length in lengths if length is not None and length >= 0]
    if len(known) != axes or extra < 0 or groups < 0:
        return None
    if keys.get("GROUPS") is True and known[0] == 0:
        known = known[1:]
    return abs(int(bits)) // 8 * groups * (extra + prod(known))  # type: ignore[arg-type]


def faults(keys: dict[str, CardValue]) -> list[str]:
    """Why `data_bytes` knows no length, a sentence for each card."""
    return list(_faults(keys))


def is_header(header: Header) -> bool:
    """Whether these are cards at all, and not text or noise behind a signature."""
    found = 0
    for image in header.images:
        found += _VALUED.match(image) is not None
        if found == FEWEST_CARDS:
            return True
    return False


def integer(value: CardValue) -> int | None:
    """A whole number, also one that is written as text or with a fraction of zero."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def _faults(keys: dict[str, CardValue]) -> Iterator[str]:
    if "BITPIX" not in keys:
        yield "the header has no BITPIX"
    elif keys["BITPIX"] not in SAMPLES:
        yield f"BITPIX = {_written(keys['BITPIX'])} is none of {', '.join(map(str, SAMPLES))}"
    if "NAXIS" not in keys:
        yield "the header has no NAXIS"
        return
    axes = integer(keys["NAXIS"])
    if axes is None or not 0 <= axes <= MAX_AXES:
        yield f"NAXIS = {_written(keys['NAXIS'])} is no number of axes"
        return
    for keyword in (*(f"NAXIS{axis}" for axis in range(1, axes + 1)), *(("PCOUNT", "GCOUNT") if axes else ())):
        if keyword not in keys:
            if keyword.startswith("NAXIS"):
                yield f"the header has no {keyword}"
            continue
        length = integer(keys[keyword])
        if length is not None and length < 0:
            yield f"{keyword} = {_written(keys[keyword])} is negative"
        elif length is None and keyword.startswith("NAXIS"):
            yield f"{keyword} = {_written(keys[keyword])} is no length"


def _written(value: CardValue) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    return "(nothing)" if value is None else repr(value) if len(repr(value)) <= 40 else f"{value!r:.40}..."
