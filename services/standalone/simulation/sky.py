"""Where and when: the observing site, the night's clock, and where an object stands in the sky."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Site:
    """An observing site: degrees (east positive), metres, and the IANA zone that its clocks show."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    time_zone: str


HIGH_DESERT = Site(latitude_deg=34.3, longitude_deg=-108.1, elevation_m=2400.0, time_zone="America/Denver")
"""West of Greenwich on purpose: its evenings lie on the next UTC date, which is where night arithmetic goes wrong."""


@dataclass(frozen=True, slots=True)
class NightClock:
    """The clock of one night, counted in hours of local mean solar time since the noon that names the night."""

    night: date
    site: Site

    def at(self, clock_hours: float) -> datetime:
        """The UTC instant ``clock_hours`` after local mean noon; 12.0 is solar midnight, below 24 is this night."""
        noon = datetime.combine(self.night, time(12), tzinfo=UTC)
        return noon + timedelta(hours=clock_hours - self.site.longitude_deg / 15.0)

    def local(self, instant: datetime) -> datetime:
        """The same instant as the site's clocks show it."""
        return instant.astimezone(ZoneInfo(self.site.time_zone))

    def sidereal_time_deg(self, clock_hours: float) -> float:
        """Local mean sidereal time at that hour, in degrees."""
        return sidereal_time_deg(self.at(clock_hours), self.site.longitude_deg)


def sidereal_time_deg(instant: datetime, longitude_deg: float) -> float:
    """Local mean sidereal time in degrees (Meeus, Astronomical Algorithms, 12.4, first-order terms)."""
    days = (instant - _J2000).total_seconds() / 86400.0
    return (280.46061837 + 360.98564736629 * days + longitude_deg) % 360.0


def alt_az_deg(ra_deg: float, dec_deg: float, instant: datetime, site: Site) -> tuple[float, float]:
    """Altitude and azimuth (north through east) in degrees, without refraction (Meeus, chapter 13)."""
    hour_angle = math.radians(sidereal_time_deg(instant, site.longitude_deg) - ra_deg)
    dec, lat = math.radians(dec_deg), math.radians(site.latitude_deg)
    altitude = math.asin(math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(hour_angle))
    azimuth = math.atan2(
        -math.cos(dec) * math.sin(hour_angle),
        math.sin(dec) * math.cos(lat) - math.cos(dec) * math.sin(lat) * math.cos(hour_angle),
    )
    return math.degrees(altitude), math.degrees(azimuth) % 360.0


def airmass(altitude_deg: float) -> float:
    """Relative air mass (Kasten and Young 1989); objects below five degrees are given that of five degrees."""
    altitude = max(altitude_deg, 5.0)
    return 1.0 / (math.sin(math.radians(altitude)) + 0.50572 * math.pow(altitude + 6.07995, -1.6364))


def modified_julian_date(instant: datetime) -> float:
    """Days since 1858-11-17T00:00 UTC."""
    return (instant - _J2000).total_seconds() / 86400.0 + 51544.5


def sexagesimal(degrees: float, *, signed: bool) -> str:
    """Degrees as ``DD MM SS``, rounded to whole seconds, with a sign for declinations."""
    total = round(abs(degrees) * 3600.0)
    sign = ("-" if degrees < 0 else "+") if signed else ""
    return f"{sign}{total // 3600:02d} {total // 60 % 60:02d} {total % 60:02d}"
