"""What the comment of a card says about its number: the unit, and the side from which longitudes and latitudes count.

A unit in square brackets (FITS Standard 4.0, section 4.3.2) goes first, then one behind "in", in parentheses, and
anywhere in the sentence. Where a comment names none, or several, the answer is None and the keyword's usual unit holds.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal, TypeVar

_T = TypeVar("_T")

AngleUnit = Literal["degrees", "hours", "radians"]
TemperatureUnit = Literal["celsius", "kelvin", "fahrenheit"]
Side = Literal["north", "south", "east", "west", "west positive"]

_TIMES: dict[str, float] = {
    "ns": 1e-9, "nanosecond": 1e-9,
    "us": 1e-6, "usec": 1e-6, "microsec": 1e-6, "microsecond": 1e-6,
    "ms": 1e-3, "msec": 1e-3, "millisec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
}  # fmt: skip
_LENGTHS: dict[str, float] = {
    "um": 1e-3, "micron": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3,
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0,
    "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0,
    "m": 1000.0, "meter": 1000.0, "metre": 1000.0,
    "inch": 25.4, "inche": 25.4,
}  # fmt: skip
_ANGLES: dict[str, AngleUnit] = {
    "deg": "degrees", "degree": "degrees",
    "h": "hours", "hr": "hours", "hour": "hours", "hm": "hours",
    "rad": "radians", "radian": "radians",
}  # fmt: skip
_TEMPERATURES: dict[str, TemperatureUnit] = {
    "c": "celsius", "degc": "celsius", "celsiu": "celsius", "celsius": "celsius", "centigrade": "celsius",
    "k": "kelvin", "degk": "kelvin", "kelvin": "kelvin",
    "f": "fahrenheit", "degf": "fahrenheit", "fahrenheit": "fahrenheit",
}  # fmt: skip
_NO_WORDS = frozenset({"ns", "s", "min", "h", "m", "c", "k", "f"})
"""Units in brackets and behind "in" only: in a sentence they are other words, as in "min. exposure"."""

_SQUARE = re.compile(r"\[([^\]]{1,40})\]")
_ROUND = re.compile(r"\(([^)]{1,40})(?:\)|$)")
_IN_UNIT = re.compile(r"\bin ([a-z]+)\b")
_WORD = re.compile(r"[a-z]+")
_DEGREES_OF = re.compile(r"\bdeg(?:ree)?s?\.? ([ckf])\b")
_POSITIVE = r"(?:ward)?s?,? *(?:is )?(?:positive|\+|pos\b)"
_COUNTS_WEST = re.compile(rf"\bw(?:est)?{_POSITIVE}|(?:\+|positive) *(?:is |to )?(?:the )?w(?:est)?(?:ward)?s?\b")
_COUNTS_EAST = re.compile(rf"\be(?:ast)?{_POSITIVE}|(?:\+|positive) *(?:is |to )?(?:the )?e(?:ast)?(?:ward)?s?\b")
_SIDES: dict[str, Side] = {
    "north": "north", "n": "north", "south": "south", "s": "south",
    "east": "east", "eastward": "east", "e": "east", "west": "west", "westward": "west", "w": "west",
}  # fmt: skip


@lru_cache(maxsize=256)
def seconds_of(comment: str) -> float | None:
    """Seconds in the unit of time that a comment names: 0.001 for ``exposure time in ms``."""
    return _unit(_plain(comment), _TIMES)


@lru_cache(maxsize=256)
def millimetres_of(comment: str) -> float | None:
    """Millimetres in the unit of length that a comment names: 0.001 for ``[um]``."""
    return _unit(_plain(comment), _LENGTHS)


@lru_cache(maxsize=256)
def angle_unit(comment: str) -> AngleUnit | None:
    """The unit of a plain number that is an angle."""
    return _unit(_plain(comment), _ANGLES)


@lru_cache(maxsize=256)
def temperature_unit(comment: str) -> TemperatureUnit | None:
    """The unit of a temperature."""
    return _unit(_DEGREES_OF.sub(r"[\1]", _plain(comment)), _TEMPERATURES)


@lru_cache(maxsize=256)
def side_of(comment: str) -> Side | None:
    """The side of the meridian or the equator that a comment names.

    ``west positive`` is said outright; a mere ``west`` may repeat what the number's own sign says.
    """
    words = _plain(comment)
    west, east = _COUNTS_WEST.search(words), _COUNTS_EAST.search(words)
    if west or east:
        return None if west and east else "west positive" if west else "east"
    named = {_SIDES[word] for word in _WORD.findall(words) if len(word) > 1 and word in _SIDES}
    if not named:
        named = {_SIDES[word] for look in (_in_square, _in_round) for word in look(words) if word in _SIDES}
    return named.pop() if len(named) == 1 else None


def _plain(comment: str) -> str:
    """The comment in lower-case letters of ASCII, with single blanks."""
    return " ".join(comment.lower().replace("µ", "u").replace("μ", "u").replace("°", "deg").split())


def _unit(comment: str, table: Mapping[str, _T]) -> _T | None:
    """The one unit of the table that a comment names."""
    for find in _LOOKS:
        found = {table[unit] for word in find(comment) if (unit := _singular(word)) in table}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 2 and word.endswith("s") else word


def _in_square(comment: str) -> list[str]:
    return [word for text in _SQUARE.findall(comment) for word in _WORD.findall(text)]


def _in_round(comment: str) -> list[str]:
    return [word for text in _ROUND.findall(comment) for word in _WORD.findall(text)]


def _anywhere(comment: str) -> list[str]:
    return [word for word in _WORD.findall(comment) if word not in _NO_WORDS]


_LOOKS: tuple[Callable[[str], list[str]], ...] = (_in_square, _IN_UNIT.findall, _in_round, _anywhere)
