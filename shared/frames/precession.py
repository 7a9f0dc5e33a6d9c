"""Coordinates of date to ICRS and back, for programs that write what the mount reports.

Equatorial precession angles of Capitaine, Wallace & Chapront 2003, A&A 412, 567 (IAU 2006), equation 40. Nutation and
aberration (below half an arcminute together) are left in: a frame's centre needs no better.
"""

import math
from datetime import datetime

_ARCSEC = math.pi / 648_000
_J2000_SECONDS = 946_728_000
"""2000-01-01T12:00 UTC in the system's seconds."""
_SECONDS_PER_YEAR = 365.25 * 86_400


def julian_epoch(instant: datetime) -> float:
    """The Julian epoch of an aware time, as a year."""
    return 2000.0 + (instant.timestamp() - _J2000_SECONDS) / _SECONDS_PER_YEAR


def to_icrs(ra_deg: float, dec_deg: float, equinox: float) -> tuple[float, float]:
    """Precess mean coordinates of the Julian epoch ``equinox`` (a year such as 2025.215) to J2000, in degrees."""
    zeta, z, theta = _angles(equinox)
    return _turned(ra_deg, dec_deg, z, theta, zeta)


def of_date(ra_deg: float, dec_deg: float, equinox: float) -> tuple[float, float]:
    """Precess J2000 coordinates to the mean ones of the Julian epoch ``equinox``: the inverse of `to_icrs`."""
    zeta, z, theta = _angles(equinox)
    return _turned(ra_deg, dec_deg, -zeta, -theta, -z)


def _angles(equinox: float) -> tuple[float, float, float]:
    """Zeta, z and theta in radians."""
    t = (equinox - 2000.0) / 100
    zeta = (2.650545 + t * (2306.083227 + t * (0.2988499 + t * 0.01801828))) * _ARCSEC
    z = (-2.650545 + t * (2306.077181 + t * (1.0927348 + t * 0.01826837))) * _ARCSEC
    theta = t * (2004.191903 + t * (-0.4294934 + t * -0.04182264)) * _ARCSEC
    return zeta, z, theta


def _turned(ra_deg: float, dec_deg: float, before: float, tilt: float, after: float) -> tuple[float, float]:
    """Right ascension less ``before``, the pole tilted, right ascension less ``after``; degrees in and out."""
    ra, dec = math.radians(ra_deg) - before, math.radians(dec_deg)
    x, y, height = math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)
    x, height = x * math.cos(tilt) + height * math.sin(tilt), height * math.cos(tilt) - x * math.sin(tilt)
    found = math.degrees(math.atan2(y, x) - after) % 360.0
    return (found if found < 360.0 else 0.0), math.degrees(math.atan2(height, math.hypot(x, y)))
