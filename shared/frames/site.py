"""Where the telescope stood: latitude and longitude, in the spellings and senses of all programs."""

import math
import re

from shared.frames import limits, values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.units import Side, angle_unit, side_of

_LETTER = re.compile(r"\s*([NSEW])?\s*(.*?)\s*([NSEW])?\s*", re.IGNORECASE | re.DOTALL)
_HAS_LETTER = re.compile(r"[NSEWnsew]")
_SIDES: dict[str, Side] = {"N": "north", "S": "south", "E": "east", "W": "west"}
_EQUATOR_M, _FLATTENING = 6_378_137.0, 1 / 298.257223563
"""The ellipsoid WGS 84."""
_HIGHEST_M = 20_000.0
_GEOCENTRIC = ("OBSGEO-X", "OBSGEO-Y", "OBSGEO-Z")


def site(keys: Keys, dialect: Dialect, problems: list[str]) -> tuple[float | None, float | None]:
    """Latitude and longitude (east positive) in degrees; 0/0 and impossible angles are unknown."""
    found = len(problems)
    latitude = _latitude(keys.about("site_latitude_deg"))
    longitude = _longitude(keys.about("site_longitude_deg"), dialect, problems)
    if latitude is None and longitude is None and (place := _geocentric(keys)) is not None:
        return place
    if not latitude and not longitude:
        return None, None
    if (latitude is not None and abs(latitude) > 90) or (longitude is not None and abs(longitude) > 180):
        problems.append("the site's coordinates are impossible")
        return None, None
    if len(problems) == found and (latitude is None or longitude is None):
        known, missing = ("longitude", "latitude") if latitude is None else ("latitude", "longitude")
        problems.append(f"the header gives the {known} of the site and no {missing}")
    return latitude, longitude


def _latitude(keys: Keys) -> float | None:
    raw = keys.raw
    for keyword in limits.LATITUDES:
        if keyword not in raw or (read := _angle(keys, keyword)) is None:
            continue
        angle, letter = read
        keys.used(keyword)
        # Nobody counts latitudes southwards: a mere "south" repeats a sign that is there.
        is_south = letter == "south" if letter else side_of(keys.comment(keyword)) == "south" and angle > 0
        return -abs(angle) if is_south else angle
    return None


def _longitude(keys: Keys, dialect: Dialect, problems: list[str]) -> float | None:
    raw = keys.raw
    for keyword in limits.LONGITUDES:
        if keyword not in raw or (read := _angle(keys, keyword)) is None:
            continue
        angle, letter = read
        keys.used(keyword)
        found = -abs(angle) if letter == "west" else abs(angle) if letter == "east" else None
        if found is None:
            found = _eastwards(angle, keyword, keys, dialect, problems)
        if found is not None and 180 < abs(found) <= 360:
            found -= 360 if found > 0 else -360
        return found
    return None


def _eastwards(angle: float, keyword: str, keys: Keys, dialect: Dialect, problems: list[str]) -> float | None:
    """The longitude as an eastern one: by the comment, the program's habit, or the number's own sign."""
    said = side_of(keys.comment(keyword))
    if said == "east":
        return angle
    if said == "west positive" or (said == "west" and angle > 0) or dialect.west_positive:
        return -angle
    if said == "west" and angle < 0:
        problems.append(f"{keyword} = {angle:g} is negative and its comment says west: the side is not certain")
        return None
    if keyword == "LONGITUD" and angle > 0 and not str(keys.get(keyword)).strip().startswith("+"):
        if dialect.western:
            return -angle
        if not dialect.eastern:
            problems.append("LONGITUD has no sign, so east and west cannot be told apart")
            return None
    return angle


def _angle(keys: Keys, keyword: str) -> tuple[float, Side | None] | None:
    """Degrees as written, and the side that a letter beside them names."""
    value = keys.get(keyword)
    letter = None
    if isinstance(value, str) and _HAS_LETTER.search(value) and (match := _LETTER.fullmatch(value[:80])) is not None:
        letter, value = match[1] or match[3], match[2]
    found = values.sexagesimal(value)
    if found is None or abs(found) > 1000:
        return None
    if angle_unit(keys.comment(keyword)) == "radians":
        found = math.degrees(found)
    return found, _SIDES[letter.upper()] if letter else None


def _geocentric(keys: Keys) -> tuple[float, float] | None:
    """The place of OBSGEO-X, -Y and -Z (FITS Standard 4.0, section 8.4.1), metres from the Earth's centre."""
    silent = keys.silent()
    x, y, z = (silent.number(keyword) for keyword in _GEOCENTRIC)
    if x is None or y is None or z is None:
        return None
    if not _EQUATOR_M * (1 - _FLATTENING) - _HIGHEST_M < math.hypot(x, y, z) < _EQUATOR_M + _HIGHEST_M:
        return None
    for keyword in _GEOCENTRIC:
        keys.about("site_latitude_deg", "site_longitude_deg").used(keyword)
    # On the ground the geodetic latitude follows from the reduced one within a thousandth of a second of arc.
    reduced = math.atan2(z, math.hypot(x, y) * (1 - _FLATTENING))
    eccentricity = _FLATTENING * (2 - _FLATTENING)
    up = z + eccentricity / (1 - _FLATTENING) * _EQUATOR_M * math.sin(reduced) ** 3
    out = math.hypot(x, y) - eccentricity * _EQUATOR_M * math.cos(reduced) ** 3
    return math.degrees(math.atan2(up, out)), math.degrees(math.atan2(y, x))
