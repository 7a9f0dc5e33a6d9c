"""When an exposure began, and in which night: UTC where the program says enough, the local clock where it does not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.frames import limits, nights, values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts

_START_KEYWORDS = ("DATE-OBS", "DATE_OBS", "DATEOBS", "DATE-BEG", "UT-OBS")
_LONGEST_EXPOSURE_S = 86_400.0
_FARTHEST_ZONE = timedelta(hours=14)
"""No clock on Earth is farther from UTC."""
_SAVING_DELAY = timedelta(hours=12)
"""Between the start of an exposure or a stack and the moment that its file name tells."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Start of the exposure (aware, UTC) and the night."""

    observed_at: datetime | None
    night: date | None


def timing(
    keys: Keys,
    dialect: Dialect,
    path: PathFacts,
    *,
    exposure_s: float | None,
    is_stack: bool,
    longitude_deg: float | None,
    source_zone: str | None,
    problems: list[str],
) -> Timing:
    """Start and night of a frame."""
    keyword, found = _start(keys.about("observed_at"), problems)
    if found is None:
        observed = values.moment_of_mjd(keys.number("MJD-OBS", "MJD")) or values.moment_of_mjd(_mjd_of_jd(keys))
        if observed is not None:
            return Timing(observed, nights.night_of(observed, longitude_deg, source_zone))
        keys.about("observed_at", "night")
        return _from_path(path, longitude_deg, source_zone)
    if dialect.local_time and found.tzinfo is None:
        if "end of exposure" in keys.comment(keyword).lower():
            if is_stack and path.local_time is not None:
                found = path.local_time
            else:
                found -= timedelta(seconds=min(exposure_s or 0.0, _LONGEST_EXPOSURE_S))
        night = nights.night_of_local_time(found)
        observed = nights.local_to_utc(found, source_zone)
        if observed is not None and nights.is_repeated(found, source_zone):
            problems.append(f"{keyword} lies in the hour that the clocks of {source_zone} repeat: the first was taken")
        if observed is None:
            problems.append(f"{keyword} is local time of an unknown zone and was read as UTC")
            observed = found.replace(tzinfo=UTC)
        return Timing(observed, night)
    observed = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if values.is_date_only(keys.get(keyword)) and not _clock(keys):
        problems.append(f"{keyword} gives a day without a time")
        return Timing(observed, found.date())
    nowhere = longitude_deg is None and nights.find_zone(source_zone) is None
    local = _local_clock(keys.about("night") if nowhere else keys.about(), path, observed, problems)
    if local is not None and nowhere:
        return Timing(observed, nights.night_of_local_time(local))
    return Timing(observed, nights.night_of(observed, longitude_deg, source_zone))


def _local_clock(keys: Keys, path: PathFacts, observed: datetime, problems: list[str]) -> datetime | None:
    """The clock at the telescope, by DATE-LOC or the file's name, for frames whose longitude nobody knows."""
    written = keys.get("DATE-LOC")
    local = values.moment(written) if written is not None else None
    if local is not None and local.tzinfo is None:
        keys.used("DATE-LOC")
        return local
    if path.local_time is None:
        return None
    apart = path.local_time - observed.replace(tzinfo=None)
    if -_FARTHEST_ZONE <= apart <= _FARTHEST_ZONE + _SAVING_DELAY:
        return path.local_time
    problems.append(f"the time in the file's name, {path.local_time:%Y-%m-%d %H:%M:%S}, is not that of the exposure")
    return None


def _start(keys: Keys, problems: list[str]) -> tuple[str, datetime | None]:
    for keyword in _START_KEYWORDS:
        if keyword not in keys:
            continue
        value = keys.get(keyword)
        clock = _clock(keys) if values.is_date_only(value) else ""
        found = values.moment(value, keys.get(clock) if clock else None)
        if found is not None:
            keys.used(keyword)
            if clock:
                keys.used(clock)
            return keyword, found
        if values.text(value) is not None:
            problems.append(f"{keyword} {str(value)[:40]!r} is not a time")
    return "", None


def _clock(keys: Keys) -> str:
    """The keyword of the time of day that stands apart from its date; empty where there is none."""
    return next((keyword for keyword in limits.CLOCKS if values.is_clock(keys.get(keyword))), "")


def _mjd_of_jd(keys: Keys) -> float | None:
    found = keys.number("JD", "JD-OBS")
    return None if found is None else found - 2_400_000.5


def _from_path(path: PathFacts, longitude_deg: float | None, source_zone: str | None) -> Timing:
    """A name's stamp is mostly local time: the night is sure, the moment needs the zone."""
    if path.utc_time is not None:
        return Timing(path.utc_time, path.night or nights.night_of(path.utc_time, longitude_deg, source_zone))
    observed = nights.local_to_utc(path.local_time, source_zone) if path.local_time is not None else None
    return Timing(observed, path.night)
