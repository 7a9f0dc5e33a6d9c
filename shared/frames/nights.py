"""Which night a frame belongs to: the local date of the noon before its exposure."""

from datetime import UTC, date, datetime, timedelta

from shared.zones import find_zone

_HALF_DAY = timedelta(hours=12)


def night_of(observed_at: datetime, longitude_deg: float | None, zone: str | None) -> date:
    """The night of an aware time.

    By local mean solar time where the longitude (degrees, east positive) is known, so that a night never splits
    wherever the rig stands; else in the time zone ``zone`` (IANA name); else in UTC.
    """
    utc = observed_at.astimezone(UTC)
    if longitude_deg is not None:
        return (utc + timedelta(hours=longitude_deg / 15) - _HALF_DAY).date()
    return night_of_local_time(utc.astimezone(find_zone(zone) or UTC).replace(tzinfo=None))


def night_of_local_time(local: datetime) -> date:
    """The night of a clock at the telescope, whatever its zone."""
    return (local - _HALF_DAY).date()


def local_to_utc(local: datetime, zone: str | None) -> datetime | None:
    """A naive local time in UTC by the named zone; None without a (known) zone."""
    found = find_zone(zone)
    return None if found is None else local.replace(tzinfo=found).astimezone(UTC)


def is_repeated(local: datetime, zone: str | None) -> bool:
    """Whether the clocks of the zone show this naive time twice, because they are put back that night."""
    found = find_zone(zone)
    if found is None:
        return False
    first, second = (local.replace(tzinfo=found, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second
