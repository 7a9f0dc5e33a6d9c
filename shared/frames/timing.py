"""When an exposure began, and in which night: UTC where the program says enough, the local clock where it does not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.frames import nights, values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts

_START_KEYWORDS = ("DATE-OBS", "DATE_OBS", "DATEOBS", "DATE-BEG", "UT-OBS")
_CLOCK_KEYWORDS = ("TIME-OBS", "UT", "UTC", "UTSTART", "TIME")
_LONGEST_EXPOSURE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Start of the exposure (aware, UTC) and the night."""

    observed_at: datetime | None
    night: date | None


def timing(
    keys: Keys,
    comments: dict[str, str],
    dialect: Dialect,
    path: PathFacts,
    *,
    exposure_s: float | None,
    is_stack: bool,
    longitude_deg: float | None,
    source_zone: str | None,
    problems: list[str],
) -> Timing:
    """Start and night of a frame. ``comments`` are the header's, since some say what DATE-OBS means."""
    keyword, found = _start(keys, problems)
    if found is None:
        observed = values.moment_of_mjd(keys.number("MJD-OBS", "MJD")) or values.moment_of_mjd(_mjd_of_jd(keys))
        if observed is not None:
            return Timing(observed, nights.night_of(observed, longitude_deg, source_zone))
        return _from_path(path, source_zone)
    if dialect.local_time and found.tzinfo is None:
        if "end of exposure" in comments.get(keyword, "").lower():
            if is_stack and path.local_time is not None:
                found = path.local_time
            else:
                found -= timedelta(seconds=min(exposure_s or 0.0, _LONGEST_EXPOSURE_S))
        night = nights.night_of_local_time(found)
        observed = nights.local_to_utc(found, source_zone)
        if observed is None:
            problems.append(f"{keyword} is local time of an unknown zone and was read as UTC")
            observed = found.replace(tzinfo=UTC)
        return Timing(observed, night)
    observed = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if values.is_date_only(keys.get(keyword)) and found.time() == datetime.min.time():
        problems.append(f"{keyword} gives a day without a time")
        return Timing(observed, found.date())
    if longitude_deg is None and nights.find_zone(source_zone) is None:
        local = values.moment(keys.get("DATE-LOC"))
        if local is not None and local.tzinfo is None:
            return Timing(observed, nights.night_of_local_time(local))
    return Timing(observed, nights.night_of(observed, longitude_deg, source_zone))


def _start(keys: Keys, problems: list[str]) -> tuple[str, datetime | None]:
    for keyword in _START_KEYWORDS:
        if keyword not in keys:
            continue
        value = keys.get(keyword)
        clock = next((keys.get(name) for name in _CLOCK_KEYWORDS if values.is_clock(keys.get(name))), None)
        found = values.moment(value, clock)
        if found is not None:
            return keyword, found
        if values.text(value) is not None:
            problems.append(f"{keyword} {str(value)[:40]!r} is not a time")
    return "", None


def _mjd_of_jd(keys: Keys) -> float | None:
    found = keys.number("JD", "JD-OBS")
    return None if found is None else found - 2_400_000.5


def _from_path(path: PathFacts, source_zone: str | None) -> Timing:
    """A name's stamp is local time: the night is sure, the moment needs the zone."""
    observed = nights.local_to_utc(path.local_time, source_zone) if path.local_time is not None else None
    return Timing(observed, path.night)
