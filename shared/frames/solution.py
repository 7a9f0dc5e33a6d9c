"""Where the middle of a solved image is, by the astrometric solution in its header.

World coordinates in FITS: Greisen & Calabretta 2002, A&A 395, 1061, and Calabretta & Greisen 2002, A&A 395, 1077
(section 5.1.3, the gnomonic projection). Polynomials (SIP) move the middle by less than a pixel and are left out.
"""

import math

from shared.frames.keys import Keys

_Matrix = tuple[float, float, float, float]


def is_solved(keys: Keys) -> bool:
    """Whether the header has celestial axes, right ascension first, in the gnomonic projection of plate solvers."""
    first, second = keys.get("CTYPE1"), keys.get("CTYPE2")
    return (
        isinstance(first, str) and first.startswith("RA---TAN") and isinstance(second, str) and second[:8] == "DEC--TAN"
    )


def solved_centre(keys: Keys, width: int | None, height: int | None) -> tuple[float, float] | None:
    """Right ascension and declination of the image's middle in degrees, of the solution's equinox.

    ``width`` and ``height`` are the image's sides in pixels. None where the solution is not complete or impossible.
    """
    if width is None or height is None or not is_solved(keys):
        return None
    silent = keys.silent()
    ra, dec, matrix = silent.number("CRVAL1"), silent.number("CRVAL2"), _matrix(silent)
    x, y = silent.number("CRPIX1"), silent.number("CRPIX2")
    if ra is None or dec is None or x is None or y is None or matrix is None:
        return None
    if not -360 <= ra <= 360 or abs(dec) > 90:
        return None
    keys.about("ra_deg").used("CRVAL1")
    keys.about("dec_deg").used("CRVAL2")
    across, down = (width + 1) / 2 - x, (height + 1) / 2 - y
    xi = math.radians(matrix[0] * across + matrix[1] * down)
    eta = math.radians(matrix[2] * across + matrix[3] * down)
    sine, cosine = math.sin(math.radians(dec)), math.cos(math.radians(dec))
    toward = cosine - eta * sine
    found = math.degrees(math.atan2(sine + eta * cosine, math.hypot(xi, toward)))
    return ra + math.degrees(math.atan2(xi, toward)), found


def _matrix(keys: Keys) -> _Matrix | None:
    """Degrees per pixel by CD, by PC and CDELT, or by CDELT and CROTA2; None where they span no image."""
    if "CD1_1" in keys:
        given = [keys.number(f"CD{row}_{column}") or 0.0 for row in (1, 2) for column in (1, 2)]
    else:
        across, down = keys.number("CDELT1"), keys.number("CDELT2")
        if across is None or down is None:
            return None
        if "PC1_1" in keys:
            given = [keys.number(f"PC{row}_{column}") or 0.0 for row in (1, 2) for column in (1, 2)]
        else:
            angle = math.radians(keys.number("CROTA2") or 0.0)
            # CROTA2 turns by pixels that need not be square: equation 189 of the second paper.
            given = [
                math.cos(angle), -math.sin(angle) * down / across if across else 0.0,
                math.sin(angle) * across / down if down else 0.0, math.cos(angle),
            ]  # fmt: skip
        given = [given[0] * across, given[1] * across, given[2] * down, given[3] * down]
    found: _Matrix = (given[0], given[1], given[2], given[3])
    return found if found[0] * found[3] - found[1] * found[2] else None
