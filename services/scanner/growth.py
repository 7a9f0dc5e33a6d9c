"""The half-flux radius: what capture programs call HFR, read from the growth curve of the pixels themselves.

It is the radius that holds half of the flux within four full widths at half maximum. No profile is assumed, so that it
is right for stars out of focus too. The curve is that of all measured stars together, each in units of its own width
and height. Pixels near other detections are left out; beyond one and a half widths each ring counts with the mean
of its middle half, so that stars too faint to be detected do not matter either, and the ring from four to five widths
gives the sky.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scanner.background import Sky
from services.scanner.cutouts import Cutouts, Plane, cut, disc
from services.scanner.profile import Profiles
from services.scanner.stars import Detections

APERTURE_WIDTHS = 4.0
"""Radius of the aperture whose flux is halved, in full widths at half maximum."""

_SKY_RING_WIDTHS = 5.0
_MEAN_WIDTHS = 1.5
_NEIGHBOUR_WIDTHS = 2.0
_ITSELF_PX = 1.5
_INNER_RINGS, _OUTER_RINGS = 15, 10
_INNER_STEP, _OUTER_STEP = _MEAN_WIDTHS / _INNER_RINGS, (APERTURE_WIDTHS - _MEAN_WIDTHS) / _OUTER_RINGS
_EDGES = np.concatenate(
    [np.arange(_INNER_RINGS) * _INNER_STEP, _MEAN_WIDTHS + np.arange(_OUTER_RINGS + 1) * _OUTER_STEP]
)
_CORE_PIXELS = 120
_WING_PIXELS = 600


def half_flux_radius(plane: Plane, sky: Sky, found: Detections, stars: Profiles, fwhm_px: float) -> float | None:
    """Radius of half of the flux within the aperture, pixels; None when there is no flux.

    Args:
        plane: full resolution.
        sky: its background.
        found: all detections.
        stars: the measured ones.
        fwhm_px: their median width.
    """
    height = _ring_heights(plane, sky, found, stars, fwhm_px)
    if height is None:
        return None
    growth = np.concatenate([[0.0], np.cumsum(height * np.pi * np.diff(_EDGES**2))])
    half = growth[-1] / 2
    if half <= 0:
        return None
    first = int(np.argmax(growth >= half))
    # Within a ring flux grows with area.
    share = (half - growth[first - 1]) / (growth[first] - growth[first - 1])
    return float(fwhm_px * np.sqrt(_EDGES[first - 1] ** 2 + share * (_EDGES[first] ** 2 - _EDGES[first - 1] ** 2)))


def _ring_heights(
    plane: Plane, sky: Sky, found: Detections, stars: Profiles, fwhm_px: float
) -> NDArray[np.float64] | None:
    """Mean height of the rings between ``_EDGES``, in units of the stars' height, sky taken off.

    Light of the fitted profile that reaches the sky's ring is not taken for sky.
    """
    rows, cols = np.rint(stars.y).astype(np.intp), np.rint(stars.x).astype(np.intp)
    mask_px = _NEIGHBOUR_WIDTHS * fwhm_px
    star, other = neighbours(found, stars.x, stars.y, _SKY_RING_WIDTHS * fwhm_px + mask_px)
    beside = _Beside(star, found.x[other] - cols[star], found.y[other] - rows[star], mask_px)
    inner = disc((_MEAN_WIDTHS + 0.1) * fwhm_px + 1, at_most=_CORE_PIXELS)
    radius, value, weight = _relative(cut(plane, sky, rows, cols, inner), stars, rows, cols, beside)
    ring = np.minimum((radius / _INNER_STEP).astype(np.intp), _INNER_RINGS)
    light = np.bincount(ring, weights=value * weight, minlength=_INNER_RINGS)[:_INNER_RINGS]
    weights = np.bincount(ring, weights=weight, minlength=_INNER_RINGS)[:_INNER_RINGS]
    offsets = _ring(1.3 * fwhm_px, (_SKY_RING_WIDTHS + 0.2) * fwhm_px)
    radius, value, _ = _relative(cut(plane, sky, rows, cols, offsets), stars, rows, cols, beside)
    ring = ((radius - _MEAN_WIDTHS) // _OUTER_STEP).astype(np.intp)
    outer = [value[ring == index] for index in range(_OUTER_RINGS)]
    around = value[(radius >= APERTURE_WIDTHS) & (radius < _SKY_RING_WIDTHS)]
    sky_level = _middle(around) - stars.wing((APERTURE_WIDTHS + _SKY_RING_WIDTHS) / 2) if around.size else 0.0
    height = np.concatenate(
        [
            np.divide(light, weights, out=np.full(_INNER_RINGS, np.nan), where=weights > 0),
            [_middle(values) if values.size else np.nan for values in outer],
        ]
    )
    known = np.isfinite(height)
    if not known.any():
        return None
    middle = (_EDGES[:-1] + _EDGES[1:]) / 2
    result: NDArray[np.float64] = np.interp(middle, middle[known], height[known]) - sky_level
    return result


def neighbours(
    found: Detections, x_px: NDArray[np.float64], y_px: NDArray[np.float64], reach_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of a star, an index of ``x_px``, and another detection nearer than ``reach_px``; ordered by star."""
    order = np.argsort(found.y)
    ordered_y = found.y[order]
    start = np.searchsorted(ordered_y, y_px - reach_px)
    count = np.searchsorted(ordered_y, y_px + reach_px) - start
    star = np.repeat(np.arange(len(x_px)), count)
    within = np.arange(len(star)) - np.repeat(np.cumsum(count) - count, count)
    other = order[start[star] + within]
    squared = (found.x[other] - x_px[star]) ** 2 + (found.y[other] - y_px[star]) ** 2
    near = (squared < reach_px**2) & (squared > _ITSELF_PX**2)
    return star[near], other[near]


def _middle(values: NDArray[np.float32]) -> float:
    """The mean of the middle half: as robust as the median, and right for values that come in coarse steps."""
    low, high = len(values) // 4, len(values) - len(values) // 4
    return float(np.partition(values, (low, high - 1))[low:high].mean())


def _ring(inner_px: float, outer_px: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Offsets of the pixels of a ring, thinned."""
    dy, dx = disc(outer_px, at_most=_WING_PIXELS)
    keep = dy**2 + dx**2 >= inner_px**2
    return dy[keep], dx[keep]


@dataclass(frozen=True, slots=True)
class _Beside:
    """Neighbours, (n,) each: whose they are, and where from that star's centre pixel; all of one radius."""

    star: NDArray[np.intp]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    radius_px: float

    def cover(self, pixels: Cutouts, known: NDArray[np.bool_]) -> None:
        """Unmark the pixels that neighbours cover."""
        reach = float(max(np.abs(pixels.dx).max(), np.abs(pixels.dy).max())) + self.radius_px
        for star, dx, dy in zip(self.star, self.dx, self.dy, strict=True):
            if abs(dx) < reach and abs(dy) < reach:
                known[star] &= (pixels.dx - np.float32(dx)) ** 2 + (pixels.dy - np.float32(dy)) ** 2 > self.radius_px**2


def _relative(
    pixels: Cutouts, stars: Profiles, rows: NDArray[np.intp], cols: NDArray[np.intp], beside: _Beside
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Known pixels that are no neighbour's, of all stars: distance in widths, value in heights, weight; (n,) each."""
    known = pixels.known > 0
    beside.cover(pixels, known)
    x, y = (stars.x - cols).astype(np.float32)[:, None], (stars.y - rows).astype(np.float32)[:, None]
    width, height = stars.width_px.astype(np.float32)[:, None], stars.height.astype(np.float32)[:, None]
    radius = np.sqrt((pixels.dx - x) ** 2 + (pixels.dy - y) ** 2) / width
    weight = np.broadcast_to(height / height.max(), known.shape)
    value: NDArray[np.float32] = pixels.values / height
    return radius[known].astype(np.float32), value[known], weight[known]
