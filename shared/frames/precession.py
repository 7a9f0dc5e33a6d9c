"""Coordinates of date to ICRS, for programs that write what the mount reports."""

import math

_ARCSEC = math.pi / 648_000


def to_icrs(ra_deg: float, dec_deg: float, equinox: float) -> tuple[float, float]:
    """Precess mean coordinates of the Julian epoch ``equinox`` (a year such as 2025.215) to J2000, in degrees.

    Equatorial precession angles of Capitaine, Wallace & Chapront 2003, A&A 412, 567 (IAU 2006), equation 40. Nutation
    and aberration (below half an arcminute together) are left in: a frame's centre needs no better.
    """
    t = (equinox - 2000.0) / 100
    zeta = (2.650545 + t * (2306.083227 + t * (0.2988499 + t * 0.01801828))) * _ARCSEC
    z = (-2.650545 + t * (2306.077181 + t * (1.0927348 + t * 0.01826837))) * _ARCSEC
    theta = t * (2004.191903 + t * (-0.4294934 + t * -0.04182264)) * _ARCSEC
    ra, dec = math.radians(ra_deg) - z, math.radians(dec_deg)
    x, y, height = math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)
    x, height = x * math.cos(theta) + height * math.sin(theta), height * math.cos(theta) - x * math.sin(theta)
    ra_2000 = math.degrees(math.atan2(y, x) - zeta) % 360.0
    return (ra_2000 if ra_2000 < 360.0 else 0.0), math.degrees(math.atan2(height, math.hypot(x, y)))
