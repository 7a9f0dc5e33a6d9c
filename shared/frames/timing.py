"""When an exposure began, and in which night: UTC where the program says enough, the local clock where it does not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.frames import nights, values
from shared.frames.dialects import UNKNOWN, Dialect
from shared.frames.keys import Keys
from shared.frames.paths import PathFacts
from shared.frames.starts import Start, is_local, length_of, start_of, zone_of
from shared.zones import find_zone

_FARTHEST_ZONE = timedelta(hours=14)
"""No clock on Earth is farther from UTC."""
_SAVING_DELAY = timedelta(hours=12)
"""Between the start of an exposure or a stack and the moment that its file name tells."""
_ONE_DAY = timedelta(days=1)


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
    start = start_of(keys.about("observed_at"), exposure_s, problems)
    found = start.at
    if found is None:
        keys.about("observed_at", "night")
        return _from_path(path, longitude_deg, source_zone)
    if found.tzinfo is None and not start.is_day and _is_local_clock(keys, start, dialect):
        return _from_local_clock(keys, start, found, path, exposure_s, source_zone, problems, is_stack=is_stack)
    observed = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if start.is_day:
        named = _from_path(path, longitude_deg, source_zone)
        if named.observed_at is not None and abs(named.observed_at - observed) <= 2 * _ONE_DAY:
            keys.about("observed_at", "night")
            return named
        problems.append(f"{start.keyword} gives a day without a time")
        return Timing(observed, path.night or found.date())
    nowhere = longitude_deg is None and find_zone(source_zone) is None
    local = _local_clock(keys.about("night") if nowhere else keys.about(), path, start, observed, problems)
    if local is not None and nowhere:
        return Timing(observed, nights.night_of_local_time(local))
    return Timing(observed, nights.night_of(observed, longitude_deg, source_zone))


def _is_local_clock(keys: Keys, start: Start, dialect: Dialect) -> bool:
    """Whether a time without a zone is local: by its comment, except where a program's habit is known to be UTC."""
    if not dialect.local_time and dialect.name != UNKNOWN.name:
        return False
    said = is_local(keys, start.keyword)
    return dialect.local_time if said is None else said


def _from_local_clock(
    keys: Keys,
    start: Start,
    found: datetime,
    path: PathFacts,
    exposure_s: float | None,
    source_zone: str | None,
    problems: list[str],
    *,
    is_stack: bool,
) -> Timing:
    if "end of exposure" in keys.comment(start.keyword).lower():
        if is_stack and path.local_time is not None:
            found = path.local_time
        else:
            found -= length_of(exposure_s)
    night = nights.night_of_local_time(found)
    zone = zone_of(keys)
    if isinstance(zone, timedelta):
        return Timing((found - zone).replace(tzinfo=UTC), night)
    source_zone = zone if find_zone(zone) is not None else source_zone
    observed = nights.local_to_utc(found, source_zone)
    if observed is not None and nights.is_repeated(found, source_zone):
        problems.append(
            f"{start.keyword} lies in the hour that the clocks of {source_zone} repeat: the first was taken"
        )
    if observed is None:
        problems.append(f"{start.keyword} is local time of an unknown zone and was read as UTC")
        observed = found.replace(tzinfo=UTC)
    return Timing(observed, night)


def _local_clock(keys: Keys, path: PathFacts, start: Start, observed: datetime, problems: list[str]) -> datetime | None:
    """The clock at the telescope, by the date's own zone, DATE-LOC or the file's name, where nobody knows the place."""
    offset = values.written_offset(keys.get(start.keyword))
    if offset is not None:
        keys.used(start.keyword)
        return observed.replace(tzinfo=None) + offset
    written = keys.get("DATE-LOC")
    local = values.moment(written) if written is not None else None
    if local is not None and local.tzinfo is None:
        keys.used("DATE-LOC")
        return local
    if path.local_time is None:
        return None
    # of N.I.N.A.'s $$DATEMINUS12$$ and $$TIME$$ the day is the night's
    for local in (path.local_time, path.local_time + _ONE_DAY):
        if -_FARTHEST_ZONE <= local - observed.replace(tzinfo=None) <= _FARTHEST_ZONE + _SAVING_DELAY:
            return local
    problems.append(f"the time in the file's name, {path.local_time:%Y-%m-%d %H:%M:%S}, is not that of the exposure")
    return None


def _from_path(path: PathFacts, longitude_deg: float | None, source_zone: str | None) -> Timing:
    """A name's stamp is mostly local time: the night is sure, the moment needs the zone."""
    if path.utc_time is not None:
        return Timing(path.utc_time, path.night or nights.night_of(path.utc_time, longitude_deg, source_zone))
    observed = nights.local_to_utc(path.local_time, source_zone) if path.local_time is not None else None
    return Timing(observed, path.night)
