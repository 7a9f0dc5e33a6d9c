"""Where the telescope looked: right ascension and declination."""

from datetime import datetime

from shared.frames import values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.precession import julian_epoch, to_icrs
from shared.frames.solution import is_solved, solved_centre
from shared.frames.units import angle_unit

_CENTRES = (("RA", "DEC"), ("OBJCTRA", "OBJCTDEC"), ("RA-MNT", "DEC-MNT"), ("FOVRA", "FOVDEC"))
_J2000 = 2000.0


def centre(
    keys: Keys,
    dialect: Dialect,
    observed_at: datetime | None,
    problems: list[str],
    *,
    width: int | None = None,
    height: int | None = None,
) -> tuple[float | None, float | None]:
    """Right ascension and declination in ICRS degrees.

    From RA/DEC, else OBJCTRA/OBJCTDEC, else the mount's or the field's, else the reference point of a solved image.
    Right ascensions in three parts are hours, plain numbers what their comment says. Both zero means that nobody knew.
    Where a program's RA and DEC are of date, the middle of an image of ``width`` by ``height`` pixels goes first, if it
    is solved.
    """
    keys.about("ra_deg", "dec_deg")
    if is_solved(keys) and dialect.of_date and (solved := solved_centre(keys, width, height)) is not None:
        return _precessed(*solved, _solution_equinox(keys))
    for names in _CENTRES:
        ra = _right_ascension(keys.about("ra_deg"), names[0], dialect)
        dec = values.sexagesimal(keys.get(names[1]))
        if ra is None or dec is None or (ra == 0 and dec == 0):
            continue
        if not -360 <= ra <= 360 or abs(dec) > 90:
            problems.append(f"{names[0]} and {names[1]} are no place in the sky")
            continue
        keys.about("ra_deg").used(names[0])
        keys.about("dec_deg").used(names[1])
        return _to_icrs(ra, dec, keys, dialect, observed_at)
    projection = keys.get("CTYPE1")
    if isinstance(projection, str) and projection.startswith("RA--"):
        ra, dec = keys.about("ra_deg").number("CRVAL1"), keys.about("dec_deg").number("CRVAL2")
        if ra is not None and dec is not None and (ra or dec) and -360 <= ra <= 360 and abs(dec) <= 90:
            return _circle(ra), dec + 0.0
    return None, None


def _right_ascension(keys: Keys, name: str, dialect: Dialect) -> float | None:
    value = keys.get(name)
    found = values.sexagesimal(value)
    if found is None:
        return None
    if values.is_sexagesimal(value):
        return found * 15
    said = angle_unit(keys.comment(name))
    if said == "radians":
        return None
    # OBJCTRA is defined as hours; a plain number above 24 can only be degrees.
    if said is None and name == "RA" and dialect.ra_in_hours:
        return found * 15
    hours = name == "OBJCTRA" if said is None else said == "hours"
    return found * 15 if hours and abs(found) < 24 else found


def _to_icrs(ra: float, dec: float, keys: Keys, dialect: Dialect, observed_at: datetime | None) -> tuple[float, float]:
    equinox = keys.silent().number("EQUINOX", "EPOCH")
    keys.about("ra_deg", "dec_deg")
    if (equinox is None or is_solved(keys)) and dialect.of_date and observed_at is not None:
        # In a solved header EQUINOX is the solution's, which was added to cards that stayed as they were.
        equinox = julian_epoch(observed_at)
    elif equinox is not None and equinox != _J2000:
        keys.number("EQUINOX", "EPOCH")
    return _precessed(ra, dec, equinox)


def _solution_equinox(keys: Keys) -> float | None:
    """The equinox of a solution (FITS Standard 4.0, section 8.3): ICRS has none."""
    system = keys.get("RADESYS")
    icrs = isinstance(system, str) and system.strip().upper() == "ICRS"
    return None if icrs else keys.silent().number("EQUINOX")


def _precessed(ra: float, dec: float, equinox: float | None) -> tuple[float, float]:
    """The place in ICRS; without an equinox, or with one of no telescope's time, it is left as it is."""
    if equinox is None or not 1850 <= equinox <= 2150 or equinox == _J2000:
        return _circle(ra), dec + 0.0
    precessed, declination = to_icrs(_circle(ra), dec, equinox)
    return _circle(precessed), declination


def _circle(degrees: float) -> float:
    """The angle in [0, 360); tiny negative numbers would otherwise round up to 360."""
    found = degrees % 360.0
    return found if found < 360.0 else 0.0
