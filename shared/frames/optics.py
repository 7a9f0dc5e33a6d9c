"""Binning, pixel size, focal ratio and pixel scale, each checked against what else is known of the camera."""

from shared.equipment.cameras import PIXEL_TOLERANCE_UM
from shared.equipment.tables import Camera
from shared.frames import limits, values
from shared.frames.dialects import Dialect
from shared.frames.keys import Keys
from shared.frames.units import angle_unit, millimetres_of

ARCSEC_PER_RADIAN_UM_MM = 206.265
"""Arcseconds per pixel = this x pixel size in micrometres / focal length in millimetres."""

_MICROMETRE_MM = 1e-3
_LARGEST_RATIO, _LARGEST_SCALE_ARCSEC = 1000.0, 1e6
_LARGEST_PIXEL_MM, _LONGEST_FOCAL_LENGTH_MM = 1000.0, 1e6
_SAME_SCALE = 0.04
"""Relative: stated scales are rounded, and come from other focal lengths than the header's."""
_FULL_FRAME = 0.94
"""A frame so much as wide as the sensor is not binned, whatever XBINNING says."""
_BINNED_BY_ITSELF = frozenset({"IMX294", "IMX492"})
"""Their drivers call two by two of the sensor's pixels one of no binning, or of a binning of two."""


def focal_length(keys: Keys) -> float | None:
    """Millimetres, also where the comment names metres or inches."""
    return keys.length_mm(*limits.FOCAL_LENGTHS, most_mm=_LONGEST_FOCAL_LENGTH_MM)


def focal_ratio(keys: Keys, dialect: Dialect, focal_mm: float | None) -> float | None:
    """As written, else focal length by aperture; APERTURE is either, by the program's habit or its comment."""
    written = keys.positive("FOCRATIO")
    if written is not None:
        return written
    is_diameter = not dialect.aperture_is_ratio and millimetres_of(keys.comment("APERTURE")) is not None
    aperture = keys.length_mm("APTDIA", *(("APERTURE",) if is_diameter else ()))
    if focal_mm is not None and aperture is not None:
        measured = round(focal_mm / aperture, 2)
        return measured if 0 < measured < _LARGEST_RATIO else None
    return keys.positive("APERTURE") if dialect.aperture_is_ratio else None


def binning(keys: Keys) -> int | None:
    """The horizontal factor."""
    for keyword in limits.BINNINGS:
        if keyword in keys and (found := values.binning(keys.get(keyword))) is not None:
            keys.used(keyword)
            return found
    return None


def pixel_size(
    keys: Keys, factor: int, camera: Camera | None, width_px: int | None, focal_mm: float | None
) -> float | None:
    """Micrometres of a pixel that is binned ``factor`` times: XPIXSZ should be that, PIXSIZE1 is the sensor's own.

    Programs that write the sensor's own size in XPIXSZ are told by PIXSIZE1, by the camera's row in the tables, or by a
    pixel scale that only the binned size agrees with.
    """
    size = keys.length_mm("XPIXSZ", "XPIXELSZ", "XPIXSIZE", unit_mm=_MICROMETRE_MM, most_mm=_LARGEST_PIXEL_MM)
    own = keys.silent().length_mm("PIXSIZE1", unit_mm=_MICROMETRE_MM, most_mm=_LARGEST_PIXEL_MM)
    if size is None or (factor > 1 and size == own):
        keys.used("PIXSIZE1")
        size = None if own is None else own * factor
    elif factor > 1 and _is_sensors_own(keys, size / _MICROMETRE_MM, factor, camera, width_px, focal_mm):
        size *= factor
    # Seestar and ASIAIR write single precision: 2.90000009536743 is 2.9.
    return None if size is None else float(f"{size / _MICROMETRE_MM:.7g}")


def pixel_scale(keys: Keys, pixel_um: float | None, focal_mm: float | None) -> float | None:
    """Arcseconds per pixel: by the header's pixel size and focal length, else as it states them."""
    return scale_of(pixel_um, focal_mm) if pixel_um is not None and focal_mm is not None else _stated_scale(keys)


def scale_of(pixel_um: float | None, focal_mm: float | None) -> float | None:
    """Arcseconds per pixel of some size at some focal length."""
    if pixel_um is None or focal_mm is None:
        return None
    scale = round(ARCSEC_PER_RADIAN_UM_MM * pixel_um / focal_mm, 4)
    return scale if 0 < scale < _LARGEST_SCALE_ARCSEC else None


def _is_sensors_own(
    keys: Keys, size_um: float, factor: int, camera: Camera | None, width_px: int | None, focal_mm: float | None
) -> bool:
    """Whether a pixel size is that of the sensor although the frame is binned."""
    if camera is not None and camera.pixel_size_um is not None and camera.sensor not in _BINNED_BY_ITSELF:
        if camera.width_px and width_px and width_px >= _FULL_FRAME * camera.width_px:
            return False
        if abs(size_um - camera.pixel_size_um) <= PIXEL_TOLERANCE_UM:
            return True
        if abs(size_um - camera.pixel_size_um * factor) <= PIXEL_TOLERANCE_UM * factor:
            return False
    stated, computed = _stated_scale(keys.silent()), scale_of(size_um, focal_mm)
    return stated is not None and computed is not None and abs(stated / (computed * factor) - 1) <= _SAME_SCALE


def _stated_scale(keys: Keys) -> float | None:
    for keyword in limits.SCALES:
        found = keys.positive(keyword)
        if found is not None:
            return found * 3600 if angle_unit(keys.comment(keyword)) == "degrees" else found
    return None
