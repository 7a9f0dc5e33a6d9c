"""Sunrise after a night.

The solar position equations are those of the NOAA Global Monitoring Laboratory's solar calculator
(https://gml.noaa.gov/grad/solcalc/solareqns.PDF and its spreadsheets), after J. Meeus, Astronomical Algorithms,
chapters 25 and 28. Sunrise is the moment at which the Sun's upper edge appears: zenith distance 90.833 degrees,
refraction and half the Sun's diameter included. Accurate to about a minute below 72 degrees of latitude.
"""

from datetime import UTC, date, datetime, timedelta
from math import acos, asin, cos, degrees, pi, radians, sin, tan

ZENITH_DEG = 90.833
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_STEPS = 2  # the Sun moves between noon and sunrise: the second step is good to seconds


def sunrise_after(night: date, latitude_deg: float, longitude_deg: float) -> datetime:
    """The sunrise that ends a night, UTC.

    ``night`` is the local date of the noon before; the longitude is east positive. Where the Sun does not rise, the
    answer is the limit of the neighbouring days: solar noon in the polar night, solar midnight under the midnight sun.
    """
    noon_guess = datetime(night.year, night.month, night.day, 12, tzinfo=UTC) + timedelta(days=1 - longitude_deg / 360)
    latitude = radians(min(max(latitude_deg, -89.9), 89.9))  # at the pole itself the tangent has no value
    sunrise = noon_guess
    for _ in range(_STEPS):
        declination, equation_of_time_min = _sun(sunrise)
        cosine = cos(radians(ZENITH_DEG)) / (cos(latitude) * cos(declination)) - tan(latitude) * tan(declination)
        hour_angle_deg = degrees(acos(min(max(cosine, -1.0), 1.0)))
        sunrise = noon_guess - timedelta(minutes=equation_of_time_min + 4 * hour_angle_deg)
    return sunrise.replace(microsecond=0)


def _sun(at: datetime) -> tuple[float, float]:
    """Declination, radians, and equation of time, minutes."""
    century = (at - _J2000).total_seconds() / 86400 / 36525
    mean_longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre_deg = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent_longitude = mean_longitude + radians(centre_deg - 0.00569 - 0.00478 * sin(node))
    mean_obliquity_deg = 23 + (26 + (21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))) / 60) / 60
    obliquity = radians(mean_obliquity_deg + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation_of_time = (
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * y**2 * sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(apparent_longitude)), equation_of_time * 720 / pi
