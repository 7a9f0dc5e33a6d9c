"""When an exposure began by the header's own cards: a date, a day and a clock, a Julian date, the middle or the end."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.frames import limits, values
from shared.frames.cards import CardValue
from shared.frames.keys import Keys
from shared.frames.units import seconds_of

_DATES = ("DATE-OBS", "DATE_OBS", "DATEOBS", "DATE-BEG", "DATE-STR", "UT-OBS", "UT-DATE", "UTDATE")
_JULIAN = (
    "MJD-OBS", "MJD-BEG", "MJD_OBS", "MJDOBS", "MJD-STR", "MJDSTART", "MJD", "EXPSTART", "JD", "JD-OBS", "JD_OBS",
    "JD-BEG", "JDSTART", "JD_SOBS", "JULIAN",
)  # fmt: skip
_MIDDLES = ("DATE-AVG", "DATE-MID", "MIDPOINT", "MJD-AVG", "MJD-MID", "MJDMID", "JD_UTC", "JD-MID")
_ENDS = ("DATE-END", "END-OBS", "MJD-END")
_SECONDS = frozenset({"TM-START", "TM_START"})
"""Clocks that count the seconds of the day: ESO's MIDAS."""
_JD_OF_MJD = 2_400_000.5
_DAY = timedelta(days=1)

_ZONES = ("TIMEZONE", "TIMEZON", "TZ", "TZOFFSET", "UTCOFFSET", "UTCOFF", "UTC-OFF", "UTC_OFF", "GMTOFF")
_OFFSET = re.compile(r"(?:UTC|GMT|UT)? ?([+-]?) ?(\d{1,2})(?::?(\d{2}))?(?:[.,]0+)?(?: ?h(?:ours?)?)?", re.IGNORECASE)
_FARTHEST_ZONE = timedelta(hours=14)
_LOCAL = re.compile(r"\blocal\b|\bcivil time\b|\bLT\b", re.IGNORECASE)
_UNIVERSAL = re.compile(r"\bUTC?\b|\bGMT\b|\buniversal\b", re.IGNORECASE)


class Start(NamedTuple):
    """The start of an exposure: aware with a zone, naive without one; ``is_day`` says that the time of day is unknown.

    ``keyword`` is the card that gave the day; ``is_sure`` that the time is UTC, since it counts days from an epoch.
    """

    keyword: str
    at: datetime | None
    is_day: bool = False
    is_sure: bool = False


NO_START = Start("", None)


def start_of(keys: Keys, exposure_s: float | None, problems: list[str]) -> Start:
    """The first of a date, a Julian date, the middle and the end of the exposure; the latter two less its length."""
    for keyword in _DATES:
        if keyword not in keys.raw:
            continue
        value = keys.get(keyword)
        found = values.moment(value)
        if found is not None:
            keys.used(keyword)
            if not values.is_date_only(value):
                return Start(keyword, found)
            return _on_day(keys, keyword, found)
        if values.text(value) is not None:
            problems.append(f"{keyword} {str(value)[:40]!r} is not a time")
    exposure = length_of(exposure_s)
    for keywords, part in ((_JULIAN, 0.0), (_MIDDLES, 0.5), (_ENDS, 1.0)):
        for keyword in keywords:
            if keyword in keys and (moment := _any_moment(keys.get(keyword))) is not None:
                keys.used(keyword)
                return Start(keyword, moment - exposure * part, is_sure=True)
    return NO_START


def length_of(exposure_s: float | None) -> timedelta:
    """How long before its end an exposure began, a day at the most; nothing where nobody knows."""
    return timedelta(seconds=min(exposure_s or 0.0, _DAY.total_seconds()))


def is_local(keys: Keys, keyword: str) -> bool | None:
    """Whether a date is of the local clock, as its comment or TIMESYS says; None where neither says anything."""
    comment = keys.comment(keyword)
    if comment:
        local, universal = _LOCAL.search(comment), _UNIVERSAL.search(comment)
        if local or universal:
            return None if local and universal else local is not None
    system = keys.get("TIMESYS")
    return True if isinstance(system, str) and system.strip().upper() in ("LOCAL", "LT") else None


def zone_of(keys: Keys) -> timedelta | str | None:
    """The offset of the local clock from UTC, east positive, or an IANA name, that a card of its own gives."""
    for keyword in _ZONES:
        if keyword not in keys:
            continue
        value = keys.get(keyword)
        found = _offset(value)
        if found is not None:
            keys.used(keyword)
            return found
        if isinstance(value, str) and "/" in value:
            keys.used(keyword)
            return value.strip()[:60]
    return None


def _on_day(keys: Keys, keyword: str, day: datetime) -> Start:
    """A day with its time: of a clock, or of a Julian date on the same day."""
    for name, since in sorted(_clocks(keys), key=lambda clock: _LOCAL.search(keys.comment(clock[0])) is not None):
        keys.used(name)
        return Start(keyword, day + since)
    for name in _JULIAN:
        moment = _any_moment(keys.get(name)) if name in keys else None
        if moment is not None and timedelta(0) < moment - day.replace(tzinfo=UTC) < _DAY:
            keys.used(name)
            return Start(keyword, moment, is_sure=True)
    return Start(keyword, day, is_day=True)


def _clocks(keys: Keys) -> list[tuple[str, timedelta]]:
    """The times of day in cards of their own; a plain number counts only where its unit is known."""
    found = []
    for name in limits.CLOCKS:
        if name not in keys:
            continue
        unit_s = 1.0 if name in _SECONDS else seconds_of(keys.comment(name)) if name != "TIME" else None
        since = values.time_of_day(keys.get(name), unit_s)
        if since is not None:
            found.append((name, since))
    return found


def _any_moment(value: CardValue) -> datetime | None:
    """UTC of a date and time, of a modified Julian date or of a Julian date; None for a mere day."""
    if isinstance(value, str) and not values.is_date_only(value):
        found = values.moment(value)
        return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
    days = values.number(value)
    return None if days is None else values.moment_of_mjd(days - _JD_OF_MJD if days > _JD_OF_MJD else days)


def _offset(value: CardValue) -> timedelta | None:
    if isinstance(value, str):
        match = _OFFSET.fullmatch(" ".join(value.replace("−", "-").split()))
        if match is None:
            return timedelta(0) if value.strip().upper() in ("Z", "UTC", "UT", "GMT") else None
        found = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        found = -found if match[1] == "-" else found
    else:
        hours = values.number(value)
        if hours is None:
            return None
        # -700 without quotes is -0700: minutes or seconds would be no zone, or cannot be told from it.
        whole, rest = divmod(abs(hours), 100)
        if abs(hours) >= 100 and rest not in (0, 15, 30, 45):
            return None
        found = timedelta(hours=abs(hours)) if abs(hours) < 100 else timedelta(hours=whole, minutes=rest)
        found = -found if hours < 0 else found
    return found if abs(found) <= _FARTHEST_ZONE else None
