"""File names read part by part: what stands between the underscores, in any order and form.

``Light_M 81_63deg_180.0s_Bin1_585MC_gain200_20260226-213045_-20.0C_0012``,
``NGC7000_Light_OIII_120s_Gain100_-10C_Bin1_0042``. Each part is an exposure, a temperature, a gain, ... by its own
form, whatever stands around it; what no form fits may name the object. ASIAIR's names are known by their parts, and
what they name is taken as OBJECT is. Of all other names the first words that stand beside a type, an exposure or a
filter are taken, and others are only asked about: as a guess.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from shared.equipment.filters import filter_token
from shared.equipment.setup import Equipment
from shared.events.frame import FrameType
from shared.frames.folders import NOT_TYPES
from shared.frames.frametypes import frame_type_of
from shared.frames.namepatterns import Facts, known, number
from shared.frames.nametexts import object_words
from shared.frames.pathkeys import KEYS
from shared.frames.stamps import stamp_of
from shared.frames.values import calendar_day
from shared.targets.designation import parse

_MOST_PARTS = 40
"""What has more is no capture's name."""


class Part(NamedTuple):
    """One part of a name: its text, and what it is; None for words, ``joined`` for what belongs to the part before."""

    text: str
    kind: str | None = None


class _Form(NamedTuple):
    """A form of a part: what it is, its pattern (the first group that matches is the value), and the fact it gives."""

    kind: str
    pattern: re.Pattern[str]
    fact: str | None = None


def _form(kind: str, pattern: str, fact: str | None = None) -> _Form:
    return _Form(kind, re.compile(pattern, re.IGNORECASE), fact)


_N = r"\d{1,6}(?:[.,]\d{1,9})?"
_T = r"-?\d{1,3}(?:[.,]\d{1,3})?"
_DAY = r"(?:utc)?(?:19|20)\d\d([-.]?)\d\d\1\d\d"
_EXPOSURE = re.compile(
    rf"(?:(\d{{1,5}})x)?(?:exp)?({_N}) ?(s|secs?|seconds?|ms|msec|us|mins?)", re.IGNORECASE
)  # 166x30sec: of 166 frames

_FORMS = (
    _form("bin", r"bin(?:ning)?[ -]?(\d)(?:x\d)?|b?([1-8])x[1-8]", "x_binning"),
    _form("gain", r"gain(-?\d{1,5})|ga?(\d{2,5}|0)|(\d{1,5})g|iso ?(\d{2,7})", "gain"),
    _form("offset", r"(\d{1,5})of(?:fset)?|bl(\d{1,5})|offset(\d{1,5})", "offset"),
    _form("celsius", rf"({_T}) ?°? ?c|t(-\d{{1,3}}(?:\.\d{{1,3}})?)|temp({_T})", "sensor_temp_c"),
    _form("fahrenheit", rf"({_T}) ?°? ?f", "sensor_temp_c"),
    _form("angle", rf"({_T}) ?deg|rot-?(\d{{1,3}}(?:\.\d{{1,3}})?)", "rotator_angle_deg"),
    _form("hfr", rf"({_N})hfr|hfr-?({_N})(?:px)?", "hfr_px"),
    _form("rms", rf"rms-?({_N})", "rms_arcsec"),
    _form("stack", r"stack(?:ed)?(\d{1,5})|(\d{2,5})x", "stack_count"),
    _form("moment", rf"{_DAY}[-T@ ]\d\d[-:.h]?\d\d(?:[-:.m]?\d\d)?[.]?\d*[a-z]?|(?:19|20)\d{{6}}-\d{{5,9}}[a-z]?"),
    _form("day", _DAY),
    _form("clock", r"\d\d-\d\d-\d\d|\d\d\.\d\d\.\d\d"),
    _form("counter", r"(?:#|no|nr|frame|frameno|img|image|sub)?[ -]?\d{1,7}(?:-\d{1,3})?"),
    # no facts here: a pier side, a position angle, a focuser, a measurement, a plain number, a processing step
    _form("other", rf"[ew]\d?|pier(?:east|west|side)?|pa\d{{1,3}}(?:\.\d+)?|{_T}|hfr|rms|deg|na"),
    _form("other", r"(?:guide|ftemp|focus|fwhm|rot|ecc)-.*|mosaic|thn|mono|cfa|autocrop|crop|drizzle|raw|\d+x|\(\d+\)"),
)
_TIMES = tuple(form for form in _FORMS if form.kind in ("moment", "day"))
_CENTURIES, _SHORTEST_DAY = ("19", "20"), 10
_LENGTH = re.compile(r"\d{1,6}(?:\.\d{1,9})?")
_S = ("s", "S")
_SECONDS = re.compile(r"s|secs?|seconds?", re.IGNORECASE)
_TYPE = re.compile(r"([a-z]+(?: ?[a-z]+)?)\d{0,4}", re.IGNORECASE)
_NO_FILTER = re.compile(r"no[ -]?filter|none", re.IGNORECASE)
_FILTER = re.compile(r"filter-(.+)", re.IGNORECASE)
_CAMERA = re.compile(
    r"(?:zwo[ -]?)?(?:asi\d{3,4}(?:m[mc]|gt)?|\d{2,4}m[mc])(?:[ -]?(?:pro|air|duo|cool|p25))*", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]")
_UNITS = {"ms": 1000.0, "msec": 1000.0, "us": 1_000_000.0, "min": 1 / 60, "mins": 1 / 60}
_WHOLE = frozenset({"x_binning", "stack_count"})
_KEYED = {"filter": "filter", "exposure_s": "exposure", "gain": "gain", "frame_type": "type"}
_OF_A_CAPTURE = frozenset({"type", "exposure", "gain", "bin", "moment", "day", "celsius", "counter", "hfr"})
_ASIAIR = frozenset({"type", "exposure", "bin", "moment"})
"""What every name of ASIAIR's has."""


def facts_by_tokens(stem: str) -> Facts:
    """What the parts of a name say; ``object_guess`` is what may name the object, and ``object_name`` what does."""
    parts = _joined([text for text in stem.replace("−", "-").split("_") if text.strip()])
    if not parts or len(parts) > _MOST_PARTS:
        return {}
    found: Facts = {}
    for index, part in enumerate(parts):
        if part.kind is None:
            kind, facts = _read(part.text)
            parts[index] = Part(part.text, kind)
            found = facts | found
    _take_types(parts, found)
    _take_letters(parts, found)
    _take_moments(parts, found)
    asiair = parts[0].kind == "type" and {part.kind for part in parts} >= _ASIAIR
    if asiair:
        _take_unknown_filter(parts, found)
        found["program"] = "ASIAIR"
    elif isinstance(gain := found.get("gain"), float):
        found["gain"] = abs(gain)  # GAIN-100 is a key, a dash and a value
    words, beside = object_words(parts)
    if words is not None and asiair:
        found["object_name"] = words
    elif words is not None:
        found |= {"object_guess": words} | ({"object_name": words, "object_is_guess": True} if beside else {})
    return found


def _joined(texts: list[str]) -> list[Part]:
    """The parts, where a key and its value, a length and its unit, and a catalogue and its number belong together."""
    parts: list[Part] = []
    index = 0
    while index < len(texts):
        text = texts[index]
        after = texts[index + 1] if index + 1 < len(texts) else ""
        key = KEYS.get(text.upper())
        if key is not None and after:
            parts += [Part(text, _KEYED.get(key, "key")), Part(after, "joined")]
        elif after[:1] in _S and _SECONDS.fullmatch(after) and _LENGTH.fullmatch(text):
            parts += [Part(f"{text}s"), Part("", "joined")]
        elif after.isdigit() and len(after) < 6 and parse(f"{text} {after}") is not None:
            parts += [Part(f"{text} {after}", "word"), Part("", "joined")]
        else:
            parts.append(Part(text))
            index -= 1
        index += 2
    return parts


@lru_cache(maxsize=8192)
def _read(text: str) -> tuple[str | None, Facts]:
    """What one part is by its form, and its facts; None for words."""
    text = text.strip()
    if text.isdigit():
        return _of_digits(text), {}
    if text[:2] in _CENTURIES and len(text) >= _SHORTEST_DAY:
        # every file has another time: it must not be tried against all forms
        for form in _TIMES:
            if form.pattern.fullmatch(text):
                return form.kind, {}
    if (length := _EXPOSURE.fullmatch(text)) is not None:
        seconds = (number(length[2]) or 0.0) / _UNITS.get(length[3].lower(), 1.0)
        return "exposure", known(exposure_s=seconds, stack_count=int(length[1]) if length[1] else None)
    for form in _FORMS:
        match = form.pattern.fullmatch(text)
        if match is not None:
            return form.kind, _fact(form, match)
    return _by_table(text)


def _of_digits(text: str) -> str:
    if len(text) == 14 and stamp_of(f"{text[:8]}-{text[8:]}") is not None:
        return "moment"
    return "day" if len(text) == 8 and calendar_day(text) is not None else "counter"


def _fact(form: _Form, match: re.Match[str]) -> Facts:
    if form.fact is None:
        return {}
    value = number(next(group for group in match.groups() if group is not None))
    if value is not None and form.kind == "fahrenheit":
        value = round((value - 32) / 1.8, 2)
    if form.fact in _WHOLE or form.kind == "hfr":
        return known(**{form.fact: (int(value or 0) if form.fact in _WHOLE else value) or None})
    return known(**{form.fact: value})


def _by_table(text: str) -> tuple[str | None, Facts]:
    """What one part is by the tables of filters, types and cameras."""
    if parse(text) is not None:
        return None, {}
    if (named := _FILTER.fullmatch(text)) is not None:
        return "filter", known(filter=named[1])
    if _NO_FILTER.fullmatch(text) or filter_token(text) is not None:
        return "filter", known(filter=text)
    typed = _TYPE.fullmatch(text)
    if typed is not None and typed[1].lower() not in NOT_TYPES:
        frame_type = FrameType.OTHER if typed[1].lower() == "preview" else frame_type_of(typed[1])
        if frame_type is not None:
            return "type", known(frame_type=frame_type)
    if _CAMERA.fullmatch(text) or Equipment.built_in().cameras.named(text).facts is not None:
        return "camera", known(camera=text)
    return (None if _WORD.search(text) else "other"), {}


def _take_types(parts: list[Part], found: Facts) -> None:
    """Of two types a light is meant: the other is a word of the object's name (``Dark_Shark_Nebula_Light_Ha``)."""
    types = [index for index, part in enumerate(parts) if part.kind == "type"]
    lights = [index for index in types if frame_type_of(parts[index].text) is FrameType.LIGHT]
    if lights and len(types) > len(lights):
        found["frame_type"] = FrameType.LIGHT
        for index in set(types) - set(lights):
            parts[index] = parts[index]._replace(kind=None)


def _take_letters(parts: list[Part], found: Facts) -> None:
    """One letter is a filter's name only in a name that says more of the capture."""
    if any(part.kind in _OF_A_CAPTURE for part in parts):
        return
    for index, part in enumerate(parts):
        if part.kind == "filter" and len(part.text) == 1:
            parts[index] = part._replace(kind="other")
            if found.get("filter") == part.text:
                del found["filter"]


def _take_moments(parts: list[Part], found: Facts) -> None:
    """The first time that the name gives in one part, or in a day and a clock that follow each other; else a day."""
    for index, part in enumerate(parts):
        if part.kind not in ("moment", "day") or part.text[:3].lower() == "utc":
            continue
        text = part.text.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        after = parts[index + 1] if index + 1 < len(parts) else Part("")
        if part.kind == "day" and (after.kind == "clock" or (len(after.text) == 6 and after.text.isdigit())):
            text = f"{text}-{after.text}"
        stamp = stamp_of(text)
        if stamp is not None:
            found["local_time"] = stamp
            found.pop("night", None)
            return
        found.update({"night": calendar_day(text[:10]) or calendar_day(text[:8])} if "night" not in found else {})
    if found.get("night") is None:
        found.pop("night", None)


def _take_unknown_filter(parts: list[Part], found: Facts) -> None:
    """ASIAIR writes the filter between binning and gain: there any word is one."""
    if "filter" in found:
        return
    binning = next(index for index, part in enumerate(parts) if part.kind == "bin")
    for index in range(binning + 1, len(parts) - 1):
        if parts[index].kind is None and parts[index + 1].kind in ("gain", "moment"):
            found["filter"] = parts[index].text
            parts[index] = parts[index]._replace(kind="filter")
            return
