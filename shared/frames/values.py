"""Header values as people and programs really write them: numbers, angles, times.

Every function answers None for what it cannot read; nothing here raises on any input.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta

from shared.frames.cards import CardValue
from shared.frames.units import seconds_of

ABSENT = frozenset({"", "n/a", "na", "none", "null", "nan", "notavailable", "not available", "--", "undefined"})
"""What programs write (in lower case) where they have nothing to say."""

_NUMBER = re.compile(
    r"([+-]?(?:\d{1,40}(?:[.,]\d{0,40})?|[.,]\d{1,40})(?:[eEdD][+-]?\d{1,4})?)\s*([A-Za-z°%\"'/]{0,8})"
)
_SEXAGESIMAL = re.compile(
    r"([+-]?)\s*(\d{1,3})\s*[:\sdh°]\s*(?:(\d{1,2}[.,]\d+)|(\d{1,2})(?:\s*[:\sm'′]\s*(\d{1,2}(?:[.,]\d*)?))?)"
    r"\s*(?:''|[ms'′\"″])?\s*([NSEW]?)",
    re.IGNORECASE,
)
_TYPED = str.maketrans({"−": "-", "–": "-", "º": "°", "’": "'", "”": '"', "\xa0": " "})
"""Signs that people type or paste for those of the keyboard."""
_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?(?:\[[A-Za-z/_+-]+\])?"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T _-]?(\d\d)(\d\d)(\d\d)(?:[.,](\d+))?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2,4})(?:[T ](.*))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?\s*(?:Z|UTC|UT)?")
_OFFSET = re.compile(r":\d\d(?:[.,]\d+)?\s*([+-])(\d{2}):?(\d{2})(?:\[[A-Za-z/_+-]+\])?$")
_DIGIT = re.compile(r"\d")
_FRACTION = re.compile(r"(\d{1,6}) ?/ ?(\d{1,6}) ?(?:s|sec)?")
_BINNING = re.compile(r"(\d{1,2})(?:(?:\s*[*xX×,]\s*|\s+)\d{1,2})?")
_DAY = timedelta(days=1)
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_CENTURY_FROM = 50
"""The standard's two digits are of the last century (4.0, section 9.5), but no camera took a frame before 1950."""


def text(value: CardValue) -> str | None:
    """The value as stripped text; None for blanks, 'N/A' and their like."""
    if value is None or isinstance(value, bool):
        return None
    words = " ".join(str(value).split())[:200]
    return None if words.lower() in ABSENT else words


def number(value: CardValue) -> float | None:
    """A finite number, also from text with a decimal comma or a trailing unit (``' 9,78E-03'``, ``'11 C'``)."""
    if isinstance(value, (bool, complex)) or value is None:
        return None
    if isinstance(value, (int, float)):
        found = float(value) if abs(value) < 1e300 else math.inf
        return found if math.isfinite(found) else None
    match = _NUMBER.fullmatch(value.strip()[:120])
    if match is None:
        return None
    found = float(match[1].replace(",", ".").replace("D", "E").replace("d", "e"))
    return found if math.isfinite(found) else None


def duration(value: CardValue) -> tuple[float, float | None] | None:
    """A length of time as (number, seconds in its unit), the unit None where the value itself has none.

    Texts may have a unit (``'500 ms'``), be a fraction (``'1/60'``) or a clock (``'00:05:00'``).
    """
    if isinstance(value, str):
        words = value.strip()[:40]
        if (clock := _CLOCK.fullmatch(words)) is not None:
            return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3]) + float(f"0.{clock[4] or 0}"), 1.0
        if (parts := _FRACTION.fullmatch(words)) is not None:
            return (int(parts[1]) / int(parts[2]), 1.0) if int(parts[2]) else None
        match = _NUMBER.fullmatch(words)
        found = number(value)
        return None if found is None else (found, seconds_of(f"[{match[2]}]") if match and match[2] else None)
    found = number(value)
    return None if found is None else (found, None)


def binning(value: CardValue) -> int | None:
    """The horizontal factor of ``2``, ``'2*2'``, ``'2x2'`` or ``'2 2'``."""
    if isinstance(value, str):
        match = _BINNING.fullmatch(value.strip())
        found = float(match[1]) if match else number(value)
    else:
        found = number(value)
    return int(found) if found is not None and 1 <= found <= 64 else None


def is_sexagesimal(value: CardValue) -> bool:
    """Whether a value is written as three (or two) parts instead of one number."""
    return isinstance(value, str) and _SEXAGESIMAL.fullmatch(_as_typed(value)) is not None


def _as_typed(value: str) -> str:
    words = value.strip()
    return words if words.isascii() else words.translate(_TYPED).strip()


def sexagesimal(value: CardValue) -> float | None:
    """``'12 34 56.7'``, ``'-00:18:18'``, ``'3 43 0 W'`` or a plain number, in the unit of its first part."""
    if not isinstance(value, str):
        return number(value)
    words = _as_typed(value)
    match = _SEXAGESIMAL.fullmatch(words)
    if match is None:
        return number(words)
    sign, whole, decimal, minutes, seconds, side = match.groups()
    parts = float((decimal or minutes).replace(",", ".")), float((seconds or "0").replace(",", "."))
    if max(parts) > 60:
        return None
    found = int(whole) + parts[0] / 60 + parts[1] / 3600
    return -found if (sign == "-") != (side.upper() in ("S", "W") and side != "") else found


def moment(value: CardValue) -> datetime | None:
    """A date and time as written: naive without a zone, aware UTC with one (``Z``, ``[UTC]``, ``-0700``).

    A date alone is its midnight. Reads ISO 8601 with any number of digits in the fraction, also compact or with
    slashes, ``26/10/92`` (day first), where years below 50 are of this century, and ``26/07/102``, where the year
    counts from 1900.
    """
    if not isinstance(value, str):
        return None
    words = value.strip()[:80]
    match = _ISO.fullmatch(words) or _COMPACT.fullmatch(words)
    if match is not None:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        if hour is None:
            return _at(int(year), int(month), int(day), 0, 0, 0, 0)
        second_of = (int(hour), int(minute), int(second or 0), _microseconds(fraction))
        return _zoned(_at(int(year), int(month), int(day), *second_of), zone)
    slashed = _SLASHED.fullmatch(words)
    if slashed is None:
        return None
    year_number = int(slashed[3])
    if len(slashed[3]) < 4:
        year_number += 2000 if year_number < _CENTURY_FROM else 1900
    return _at(year_number, int(slashed[2]), int(slashed[1]), *_clock(slashed[4]))


def is_date_only(value: CardValue) -> bool:
    """Whether the text gives a day and no time of day."""
    return isinstance(value, str) and value.strip() != "" and ":" not in value and len(_DIGIT.findall(value)) < 12


def written_offset(value: CardValue) -> timedelta | None:
    """The offset from UTC, east positive, that is written behind a time: ``-0700``; None for ``Z`` or nothing."""
    match = _OFFSET.search(value.strip()[:80]) if isinstance(value, str) else None
    if match is None:
        return None
    found = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -found if match[1] == "-" else found


def time_of_day(value: CardValue, unit_s: float | None) -> timedelta | None:
    """The time since midnight of ``07:18:51``, or of a plain number where its unit in seconds is known."""
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value.strip()[:40])) is not None:
        hour, minute, second = int(match[1]), int(match[2]), int(match[3])
        found = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=_microseconds(match[4]))
    else:
        count = number(value)
        if count is None or unit_s is None or not 0 <= count * unit_s < _DAY.total_seconds():
            return None
        found = timedelta(seconds=count * unit_s)
    return found if found < _DAY else None


def moment_of_mjd(days: float | None) -> datetime | None:
    """UTC of a modified Julian date; zero and years that no digital camera saw are None."""
    if days is None or not 15020 < days < 88128:  # the years 1900 to 2100
        return None
    return _MJD_EPOCH + timedelta(microseconds=round(days * 86_400_000_000))


def file_stamp(digits: str) -> datetime | None:
    """The naive time in a file name: ``20250326-212057``, ``2023-12-07_20-56-01``, ``20251018-051725998``."""
    plain = re.sub(r"\D", "", digits)
    if len(plain) < 14 or len(plain) > 20:
        return None
    parts = (plain[:4], plain[4:6], plain[6:8], plain[8:10], plain[10:12], plain[12:14])
    year, month, day, hour, minute, second = (int(part) for part in parts)
    return _at(year, month, day, hour, minute, second, _microseconds(plain[14:]))


def calendar_day(digits: str) -> date | None:
    """``2023-09-13`` or ``20230913`` as a date."""
    plain = re.sub(r"\D", "", digits)
    found = _at(int(plain[:4]), int(plain[4:6]), int(plain[6:8]), 0, 0, 0, 0) if len(plain) == 8 else None
    return found.date() if found else None


def _clock(value: CardValue) -> tuple[int, int, int, int]:
    match = _CLOCK.fullmatch(value.strip()[:40]) if isinstance(value, str) else None
    return (int(match[1]), int(match[2]), int(match[3]), _microseconds(match[4])) if match else (0, 0, 0, 0)


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))


def _at(*parts: int) -> datetime | None:
    """The naive time of year, month, day, hour, minute, second and microsecond; None where there is no such time."""
    year, month, day, hour, minute, second, microsecond = parts
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    # A leap second is written as :60, which datetime cannot hold.
    second, microsecond = (59, 999_999) if second == 60 else (second, microsecond)
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001  the zone is decided later
    except ValueError:
        return None


def _zoned(found: datetime | None, zone: str | None) -> datetime | None:
    if found is None or zone is None:
        return found
    if zone in ("Z", "UTC"):
        return found.replace(tzinfo=UTC)
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (found - timedelta(minutes=minutes if zone[0] == "+" else -minutes)).replace(tzinfo=UTC)
