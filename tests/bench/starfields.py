"""Simulated star fields whose truth is known, and how well the scanner reads them. For tests and for docs/stars.md."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scanner.growth import APERTURE_WIDTHS
from services.scanner.stars import Detections
from services.standalone.simulation.stars import Pointing, Psf, PsfShape, StarField, paint

SKY_ADU, NOISE_ADU = 1000.0, 20.0

PROFILES = {
    "Gaussian": (PsfShape.GAUSSIAN, 4.0),
    "Moffat 4.765": (PsfShape.MOFFAT, 4.765),
    "Moffat 3.5": (PsfShape.MOFFAT, 3.5),
    "Moffat 2.5": (PsfShape.MOFFAT, 2.5),
}


@dataclass(frozen=True)
class Field:
    """A simulated frame, (ny, nx) float32 ADU, and the truth about its stars, (n,) each.

    ``snr`` is a star's optimal signal-to-noise ratio in white noise, flux x sqrt(integral of profile^2) / noise.
    """

    image: NDArray[np.float32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    snr: NDArray[np.float64]
    psf: Psf

    @property
    def half_flux_radius_px(self) -> float:
        """The truth of HFR: within the aperture that the scanner uses."""
        return self.psf.half_flux_radius_within(APERTURE_WIDTHS * self.psf.fwhm_px)


def psf_of(profile: str, fwhm_px: float, *, axis_ratio: float = 1.0, angle_deg: float = 30.0) -> Psf:
    """One of ``PROFILES`` at a width."""
    shape, beta = PROFILES[profile]
    return Psf(shape, fwhm_px, beta=beta, axis_ratio=axis_ratio, angle_deg=angle_deg)


def simulate(
    psf: Psf,
    *,
    stars: int = 500,
    shape: tuple[int, int] = (1080, 1920),
    snr: tuple[float, float] = (8.0, 400.0),
    seed: int = 1,
) -> Field:
    """Stars, log-uniform in signal-to-noise, at random places on a noisy sky."""
    random = np.random.default_rng(seed)
    ny, nx = shape
    image = np.full(shape, SKY_ADU, np.float32)
    x, y = random.uniform(16, nx - 16, stars), random.uniform(16, ny - 16, stars)
    wanted = np.exp(random.uniform(np.log(snr[0]), np.log(snr[1]), stars))
    flux = wanted * NOISE_ADU * np.sqrt(psf.noise_area_px)
    field = StarField(x - (nx - 1) / 2, y - (ny - 1) / 2, flux, np.zeros(stars))
    paint(image, field, psf, pointing=Pointing(), electrons=flux, noise_e=0.1 * NOISE_ADU)
    image += random.standard_normal(shape, np.float32) * np.float32(NOISE_ADU)
    return Field(image, x, y, wanted, psf)


def as_camera(image: NDArray[Any]) -> NDArray[np.uint16]:
    """The frame as a 16-bit camera would write it."""
    whole: NDArray[np.uint16] = np.clip(np.rint(image), 0, 65535).astype(np.uint16)
    return whole


def score(field: Field, found: Detections, *, bayer: bool = False) -> tuple[float, float]:
    """Completeness above a signal-to-noise ratio of ten, and the share of detections that are no star.

    On a mosaic the ratio is that of the green sites. Stars closer than 1.5 widths (at least ``CLOSE_PX``) to one at
    least half as bright are one detection for any program at this resolution, and are not asked for.
    """
    snr = field.snr / np.sqrt(2) if bayer else field.snr
    asked = np.flatnonzero((snr > 10) & ~_merged(field))
    match_px = max(2.0, 0.6 * field.psf.fwhm_px)
    complete = _nearest(field.x[asked], field.y[asked], found.x, found.y) < match_px
    strange = _nearest(found.x, found.y, field.x, field.y) > max(3.0, field.psf.fwhm_px)
    return float(complete.mean()), float(strange.mean()) if len(strange) else 0.0


CLOSE_PX = 5.0


def _merged(field: Field) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    points = np.column_stack([field.x, field.y])
    pairs = cKDTree(points).query_pairs(max(CLOSE_PX, 1.5 * field.psf.fwhm_px), output_type="ndarray")
    merged = np.zeros(len(points), np.bool_)
    for one, other in (pairs.T, pairs.T[::-1]):
        merged[one[field.snr[other] >= 0.5 * field.snr[one]]] = True
    return merged


def _nearest(
    x: NDArray[np.float64], y: NDArray[np.float64], other_x: NDArray[np.float64], other_y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of each point to the nearest of the others, pixels."""
    from scipy.spatial import cKDTree

    if not len(other_x):
        return np.full(len(x), np.inf)
    distance: NDArray[np.float64] = cKDTree(np.column_stack([other_x, other_y])).query(np.column_stack([x, y]))[0]
    return distance
