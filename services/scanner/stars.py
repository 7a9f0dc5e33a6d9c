"""Stars: where they are, and how wide.

Detection runs on the image binned 2 x 2 (on a Bayer mosaic: on the mean of the two green sites of each cell). That
costs a quarter of the pixels, and a wide star gains: the 3 x 3 kernel of ``sep.extract`` then spans six pixels. Width,
half-flux radius and eccentricity are medians over the brightest unsaturated, unblended stars, at full resolution.
"""

from dataclasses import dataclass, fields

import numpy as np
import sep
from numpy.typing import NDArray

from services.scanner.profile import fit_widths

DETECTION_SIGMA = 1.6
"""Threshold in units of the binned image's noise: 4.3 sigma after sep's 3 x 3 kernel (which lowers noise to 0.375)."""

MEASURED_STARS = 60
"""Stars whose shape is measured. The median's error is 1.25 / sqrt(60) of the scatter: far below one per cent."""

_PIXSTACK = 300_000
_SHARPNESS_MIN = 0.10
_ELONGATION_MAX = 5.0
_RADIUS_STARS = 40
_PIXEL_SPREAD = 0.115
_BAYER_SPREAD = 0.46


@dataclass(frozen=True)
class Detections:
    """Detected stars in full-resolution pixels: positions, binned peak and flux in ADU, and sep's blending flag."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    major: NDArray[np.float64]
    minor: NDArray[np.float64]
    flux: NDArray[np.float64]
    blended: NDArray[np.bool_]

    @property
    def width_px(self) -> NDArray[np.float64]:
        """Rough full width at half maximum, from the second moments of what lies above the threshold."""
        return 2.3548 * np.sqrt(self.major * self.minor)

    def select(self, keep: NDArray[np.bool_]) -> "Detections":
        """Those where ``keep``, (n,), is true."""
        return Detections(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


@dataclass(frozen=True)
class Shapes:
    """Medians over the measured stars, in full-resolution pixels."""

    fwhm_px: float
    hfr_px: float | None
    eccentricity: float


def detect(binned: NDArray[np.float32], noise_adu: float) -> Detections:
    """Find everything star-like.

    Args:
        binned: (ny / 2, nx / 2), ADU above the sky, C-contiguous.
        noise_adu: standard deviation of one pixel of ``binned``.
    """
    found = _extract(binned, DETECTION_SIGMA * noise_adu)
    # A satellite trail is one long detection; the faintest objects may look elongated by noise alone.
    found = found[found["a"] <= _ELONGATION_MAX * np.maximum(found["b"], 0.5)]
    return Detections(
        x=2 * found["x"] + 0.5,
        y=2 * found["y"] + 0.5,
        major=2 * found["a"],
        minor=2 * found["b"],
        flux=found["cflux"] * 4,
        blended=found["flag"] != 0,
    )


def _extract(image: NDArray[np.float32], threshold: float) -> NDArray[np.void]:
    """``sep.extract``, again with more room when a nebula or a crowd overflows its buffers.

    A second overflow while deblending gives deblending up, further ones raise the threshold, so that this ends.
    """
    pixstack, steps, contrast = _PIXSTACK, 8, 0.001
    try:
        while True:
            try:
                found: NDArray[np.void] = sep.extract(
                    image, threshold, minarea=2, deblend_nthresh=steps, deblend_cont=contrast
                )
            except Exception as error:
                # sep knows only bare Exception; its message tells which of two buffers was too small.
                if "pixel buffer full" in str(error) and pixstack < image.size:
                    pixstack = min(pixstack * 4, image.size)
                    sep.set_extract_pixstack(pixstack)
                elif "deblending overflow" in str(error):
                    threshold *= 1 if contrast < 1 else 2
                    steps, contrast = 1, 1.0
                else:
                    raise
            else:
                return found
    finally:
        if pixstack != _PIXSTACK:
            sep.set_extract_pixstack(_PIXSTACK)


def is_point_like(plane: NDArray[np.float32], found: Detections, *, bayer: bool) -> NDArray[np.bool_]:
    """Tell stars from hot pixels: (n,) True where the light reaches the neighbours of the brightest pixel.

    On an interpolated green plane the edge neighbours of a pixel are made from that very pixel, so the four diagonal
    ones, which are measured, are asked instead.
    """
    ny, nx = plane.shape
    y0 = np.clip(np.rint(found.y).astype(np.intp), 3, ny - 4)
    x0 = np.clip(np.rint(found.x).astype(np.intp), 3, nx - 4)
    offset = np.arange(-2, 3)
    around = plane[y0[:, None, None] + offset[:, None], x0[:, None, None] + offset].reshape(-1, 25)
    brightest = around.argmax(axis=1)
    y, x = y0 + brightest // 5 - 2, x0 + brightest % 5 - 2
    steps = ((-1, -1), (-1, 1), (1, -1), (1, 1)) if bayer else ((-1, 0), (1, 0), (0, -1), (0, 1))
    neighbours = sum((plane[y + dy, x + dx] for dy, dx in steps), np.zeros(len(y), np.float32)) / 4
    result: NDArray[np.bool_] = neighbours > _SHARPNESS_MIN * plane[y, x]
    return result


def measure_shapes(
    plane: NDArray[np.float32], found: Detections, *, ceiling_adu: float, parity: int | None
) -> Shapes | None:
    """Measure width, half-flux radius and eccentricity of the brightest good stars.

    Args:
        plane: (ny, nx) full resolution, ADU above the sky, C-contiguous.
        found: detections without hot pixels.
        ceiling_adu: ADU above the sky at which a pixel counts as saturated; infinite when unknown.
        parity: (row + column) modulo 2 of a Bayer mosaic's green sites, None for mono.

    Returns:
        None where no star is clean enough to measure.
    """
    bright = np.argsort(found.flux)[::-1]
    bright = bright[~found.blended[bright]]
    if not len(bright):
        return None
    width = float(np.clip(np.median(found.width_px[bright[: 2 * MEASURED_STARS]]), 1.5, 30))
    radius = int(np.ceil(1.3 * width)) + 3
    ny, nx = plane.shape
    x, y = np.rint(found.x[bright]).astype(np.intp), np.rint(found.y[bright]).astype(np.intp)
    inside = (x >= radius) & (y >= radius) & (x < nx - radius) & (y < ny - radius)
    chosen = np.flatnonzero(inside)[: 2 * MEASURED_STARS]
    offset = np.arange(-3, 4)
    cores = plane[y[chosen, None, None] + offset[:, None], x[chosen, None, None] + offset]
    chosen = chosen[cores.max(axis=(1, 2), initial=0) < ceiling_adu][:MEASURED_STARS]
    if not len(chosen):
        return None
    cx, cy, _flags = sep.winpos(plane, found.x[bright[chosen]], found.y[bright[chosen]], width / 2.3548, subpix=3)
    centred = (np.abs(cx - x[chosen]) < 2) & (np.abs(cy - y[chosen]) < 2)
    if not centred.any():
        return None
    widths = fit_widths(plane, cx[centred], cy[centred], width, parity)
    if not len(widths):
        return None
    fwhm = float(np.median(widths))
    a, b = found.major[bright[chosen]], found.minor[bright[chosen]]
    return Shapes(
        fwhm_px=fwhm,
        hfr_px=_half_flux_radius(plane, cx[centred], cy[centred], fwhm, bayer=parity is not None),
        eccentricity=float(np.median(np.sqrt(np.clip(1 - (b / a) ** 2, 0, 1)))),
    )


def _half_flux_radius(
    plane: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64], fwhm: float, *, bayer: bool
) -> float | None:
    """Median radius that holds half of the flux within four widths, pixels.

    ``sep.flux_radius`` spreads each pixel's value over its square, which widens a star once more, and so does the
    interpolation of a mosaic; both add a constant to the radius squared (measured, see the tests).
    """
    # Wide stars have pixels enough; narrow ones need theirs split where the circle cuts them.
    subpix = 5 if fwhm < 3 else 3 if fwhm < 5 else 1
    x, y = x[:_RADIUS_STARS], y[:_RADIUS_STARS]
    radii, _flags = sep.flux_radius(plane, x, y, np.full(len(x), 4.0 * fwhm), 0.5, subpix=subpix)
    radii = radii[np.isfinite(radii) & (radii > 0)]
    if not len(radii):
        return None
    squared = float(np.median(radii)) ** 2
    return float(np.sqrt(max(squared - (_BAYER_SPREAD if bayer else _PIXEL_SPREAD), 0.25 * squared)))
