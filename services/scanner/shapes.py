"""How wide and how round stars are: medians over the brightest unsaturated ones that stand alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import Sky
from services.scanner.cutouts import Plane, cut, disc
from services.scanner.growth import half_flux_radius, neighbours
from services.scanner.profile import fit_profiles
from services.scanner.stars import Detections

MEASURED_STARS = 60
"""Stars whose shape is measured. The median's error is 1.25 / sqrt(60) of the scatter: far below one per cent."""

_FIT_PIXELS = 60
_CANDIDATES = 3 * MEASURED_STARS
_ALONE_WIDTHS = 3.0
_ENOUGH = 20
_WIDEST_PX = 60.0


@dataclass(frozen=True)
class Shapes:
    """Medians over the measured stars, in full-resolution pixels."""

    fwhm_px: float
    hfr_px: float | None
    eccentricity: float


def measure_shapes(plane: Plane, sky: Sky, found: Detections, *, ceiling_adu: float) -> Shapes | None:
    """Measure width, half-flux radius and eccentricity of the brightest good stars.

    Args:
        plane: full resolution.
        sky: its background.
        found: detections without hot pixels.
        ceiling_adu: pixel value at which a star is not measured for saturation; infinite when unknown.

    Returns:
        None where no star is clean enough to measure.
    """
    bright = np.argsort(found.flux)[::-1]
    bright = bright[~found.blended[bright]]
    # In a crowd the very brightest are pairs that nothing tells apart, hence a sample of the brightest tenth.
    stride = max(1, len(bright) // (10 * _CANDIDATES))
    bright = bright[::stride][:_CANDIDATES]
    if not len(bright):
        return None
    width = float(np.clip(np.median(found.width_px[bright[: 2 * MEASURED_STARS]]), 1.5, _WIDEST_PX))
    ny, nx = plane.pixels.shape
    rows, cols = np.rint(found.y[bright]).astype(np.intp), np.rint(found.x[bright]).astype(np.intp)
    margin = int(np.ceil(1.2 * width)) + 2
    inside = (rows >= margin) & (cols >= margin) & (rows < ny - margin) & (cols < nx - margin)
    bright, rows, cols = bright[inside], rows[inside], cols[inside]
    free = _unsaturated(plane, rows, cols, ceiling_adu)
    free = _alone_first(found, bright[free], free, _ALONE_WIDTHS * width)[:MEASURED_STARS]
    bright, rows, cols = bright[free], rows[free], cols[free]
    if not len(bright):
        return None
    offsets = disc(max(2.3, 1.2 * width), at_most=_FIT_PIXELS)
    dx, dy = (found.x[bright] - cols).astype(np.float32), (found.y[bright] - rows).astype(np.float32)
    fitted = fit_profiles(cut(plane, sky, rows, cols, offsets), dx, dy, width)
    if not fitted.good.any():
        return None
    fwhm = float(np.median(fitted.width_px[fitted.good]))
    good = fitted.good & (np.abs(np.log(fitted.width_px / fwhm)) < np.log(2.0))
    return Shapes(
        fwhm_px=fwhm,
        hfr_px=half_flux_radius(plane, sky, found, fitted.of(good, cols, rows), fwhm),
        eccentricity=_eccentricity(fitted.flattening[good], fitted.flattening_error[good]),
    )


def _unsaturated(plane: Plane, rows: NDArray[np.intp], cols: NDArray[np.intp], ceiling_adu: float) -> NDArray[np.intp]:
    """Indices of the stars none of whose central 7 x 7 pixels reaches the ceiling."""
    ny, nx = plane.pixels.shape
    dy, dx = np.mgrid[-3:4, -3:4].reshape(2, 49)
    y, x = np.clip(rows[:, None] + dy, 0, ny - 1), np.clip(cols[:, None] + dx, 0, nx - 1)
    return np.flatnonzero(plane.pixels[y, x].max(axis=1, initial=0) < ceiling_adu)


def _alone_first(
    found: Detections, stars: NDArray[np.intp], index: NDArray[np.intp], reach_px: float
) -> NDArray[np.intp]:
    """``index`` of those ``stars`` that have no neighbour within reach; of all, when these are too few for a median."""
    alone = np.ones(len(index), np.bool_)
    alone[neighbours(found, found.x[stars], found.y[stars], reach_px)[0]] = False
    return index[alone] if np.count_nonzero(alone) >= min(_ENOUGH, len(index) // 3) else index


def _eccentricity(flattening: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    """Median of ``sqrt(1 - (b/a)^2)``, freed of what noise adds to a quantity that cannot be negative.

    The square of a vector of two noisy components has, around zero, the median 2 ln 2 times their variance.
    """
    squared = max(float(np.median(flattening**2 - 2 * np.log(2.0) * error**2)), 0.0)
    ratio = np.sqrt(min(squared, 0.99))
    return float(np.sqrt(2 * ratio / (1 + ratio)))
