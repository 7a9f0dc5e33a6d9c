"""What no camera or telescope can be: numbers beyond these bounds are absent, and a problem says so.

Zero, -1 and texts such as N/A are how programs write that they do not know; nobody needs to be told.
"""

from collections.abc import Mapping

from shared.frames import values
from shared.frames.cards import CardValue

EXPOSURE_KEYWORDS = ("EXPTIME", "EXPOSURE", "EXP", "EXP_TIME")
SENSOR_TEMPERATURES = ("CCD-TEMP", "DET-TEMP", "CCDTEMP", "CAMTEMP", "TEMPERAT")
SET_TEMPERATURES = ("SET-TEMP", "SETTEMP", "CCD-TSET")
GAINS = ("GAIN", "ISOSPEED", "ISO")
OFFSETS = ("OFFSET", "BLKLEVEL")
FOCAL_LENGTHS = ("FOCALLEN", "FOCAL")
PIXEL_SIZES = ("XPIXSZ", "PIXSIZE1")
BINNINGS = ("XBINNING", "CCDXBIN", "BINNING", "BIN1")

LONGEST_EXPOSURE_S = 1e8
COLDEST_C, HOTTEST_C = -120.0, 100.0
KELVIN_OF_0_C = 273.15
LARGEST_PIXEL_UM = 1e6
LARGEST = 1e15

_NUMBERS = (int, float)
_BOUNDS: tuple[tuple[str, float, float], ...] = tuple(
    (keyword, least, most)
    for keywords, least, most in (
        (EXPOSURE_KEYWORDS, 0.0, LONGEST_EXPOSURE_S),
        (SENSOR_TEMPERATURES + SET_TEMPERATURES, COLDEST_C, HOTTEST_C + KELVIN_OF_0_C),
        (GAINS + OFFSETS, -1.0, LARGEST),
        (FOCAL_LENGTHS, -1.0, LARGEST),
        (PIXEL_SIZES, -1.0, LARGEST_PIXEL_UM),
        (BINNINGS, -1.0, 64.0),
    )
    for keyword in keywords
)


def impossible(keys: Mapping[str, CardValue]) -> list[str]:
    """A sentence for each card whose number cannot be."""
    found = []
    for keyword, least, most in _BOUNDS:
        # A dozen look-ups a file: numbers within their bounds must cost nothing more.
        value = keys.get(keyword)
        if value is None or (isinstance(value, _NUMBERS) and least <= value <= most):
            continue
        number = values.number(value)
        if number is not None and not least <= number <= most:
            found.append(f"{keyword} = {value} is impossible and was not used")
    return found
