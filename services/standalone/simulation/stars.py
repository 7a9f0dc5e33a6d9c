"""Star fields with a known truth: how many stars there are, how bright, and how wide.

Fluxes follow a power law, N(>F) ~ F^-0.8, the usual slope of star counts in the magnitudes that amateurs reach.
Profiles are Gaussian or Moffat (Moffat 1969, A&A 3, 455) and are sampled at pixel centres, so that the width asked for
is the width that is there.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

DETECTION_SIGMA = 5.0
"""A star counts as there when its central height is at least this many times the noise of the sky."""

_MOFFAT_BETA = 4.0
"""Of long exposures, and a power of two, so that the profile needs no pow()."""

_COUNT_SLOPE = 0.8
_BRIGHTEST_TO_FAINTEST = 1500.0
_RADIUS_LIMIT_FWHM = 9.0
_UNPAINTED_SIGMA = 0.15
"""Wings are painted down to this fraction of the sky noise."""


class PsfShape(StrEnum):
    """The profile of a star: ``gaussian`` has no wings, ``moffat`` has those of the atmosphere."""

    GAUSSIAN = "gaussian"
    MOFFAT = "moffat"


@dataclass(frozen=True, slots=True)
class Psf:
    """A star profile of unit height.

    ``fwhm_px`` is its full width at half maximum, in pixels; of an elliptical one the geometric mean of both axes.
    ``beta`` is the Moffat exponent: 2.5 for broad wings, 4.765 for those of atmospheric turbulence alone.
    ``axis_ratio`` is minor by major axis, and ``angle_deg`` the major axis's direction from x towards y.
    """

    shape: PsfShape
    fwhm_px: float
    beta: float = _MOFFAT_BETA
    axis_ratio: float = 1.0
    angle_deg: float = 0.0

    @property
    def scale_px(self) -> float:
        """Sigma of the Gaussian, alpha of the Moffat profile."""
        if self.shape is PsfShape.GAUSSIAN:
            return self.fwhm_px / (2.0 * math.sqrt(2.0 * math.log(2.0)))
        return self.fwhm_px / (2.0 * math.sqrt(2.0 ** (1.0 / self.beta) - 1.0))

    @property
    def height(self) -> float:
        """Central height of a star of unit flux, per square pixel."""
        if self.shape is PsfShape.GAUSSIAN:
            return 1.0 / (2.0 * math.pi * self.scale_px**2)
        return (self.beta - 1) / (math.pi * self.scale_px**2)

    @property
    def half_flux_radius_px(self) -> float:
        """Radius that encloses half of the flux of a round star: what capture programs call HFR."""
        return self.half_flux_radius_within(math.inf)

    def half_flux_radius_within(self, aperture_px: float) -> float:
        """Radius that encloses half of the flux that a round star has within an aperture's radius."""
        if self.shape is PsfShape.GAUSSIAN:
            inside = 1.0 - math.exp(-0.5 * (aperture_px / self.scale_px) ** 2)
            return self.scale_px * math.sqrt(-2.0 * math.log(1.0 - inside / 2.0))
        inside = 1.0 - (1.0 + (aperture_px / self.scale_px) ** 2) ** (1.0 - self.beta)
        return self.scale_px * math.sqrt((1.0 - inside / 2.0) ** (1.0 / (1.0 - self.beta)) - 1.0)

    @property
    def noise_area_px(self) -> float:
        """Pixels whose noise a star's flux bears when it is weighted best: 1 / integral of the unit-flux profile^2."""
        if self.shape is PsfShape.GAUSSIAN:
            return 4.0 * math.pi * self.scale_px**2
        return math.pi * self.scale_px**2 * (2.0 * self.beta - 1.0) / (self.beta - 1.0) ** 2

    @property
    def eccentricity(self) -> float:
        """Of the isophotes, 0 for round ones."""
        return math.sqrt(1.0 - self.axis_ratio**2)

    def radius_px(self, height_ratio: float) -> int:
        """Radius at which the profile has fallen to ``height_ratio`` of its centre, at most nine widths."""
        ratio = min(height_ratio, 0.5)
        if self.shape is PsfShape.GAUSSIAN:
            radius = self.scale_px * math.sqrt(-2.0 * math.log(ratio))
        else:
            radius = self.scale_px * math.sqrt(ratio ** (-1.0 / self.beta) - 1.0)
        return math.ceil(min(radius, _RADIUS_LIMIT_FWHM * self.fwhm_px) / math.sqrt(self.axis_ratio)) + 1

    def sample(self, dx_px: FloatImage, dy_px: FloatImage) -> FloatImage:
        """The profile on the grid of offsets: (ny, nx) float32 for ``dx_px`` of nx and ``dy_px`` of ny values."""
        if self.axis_ratio != 1.0:
            squared = self._squared(dx_px, dy_px)
            if self.shape is PsfShape.MOFFAT:
                return self._power(squared * np.float32(1.0 / self.scale_px**2) + np.float32(1.0))
            elliptical: FloatImage = np.exp(squared * np.float32(-0.5 / self.scale_px**2))
            return elliptical
        if self.shape is PsfShape.GAUSSIAN:
            narrow = np.float32(-0.5 / self.scale_px**2)
            gaussian: FloatImage = np.exp(dy_px * dy_px * narrow)[:, None] * np.exp(dx_px * dx_px * narrow)
            return gaussian
        inverse = np.float32(1.0 / self.scale_px**2)
        return self._power((dy_px * dy_px * inverse)[:, None] + (dx_px * dx_px * inverse + np.float32(1.0)))

    def _squared(self, dx_px: FloatImage, dy_px: FloatImage) -> FloatImage:
        """Squared distances of an elliptical profile, scaled to those of the round one of equal area."""
        cos, sin = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        along = dx_px * np.float32(cos) + (dy_px * np.float32(sin))[:, None]
        across = (dy_px * np.float32(cos))[:, None] - dx_px * np.float32(sin)
        squared = along**2 * np.float32(self.axis_ratio) + across**2 * np.float32(1.0 / self.axis_ratio)
        return squared.astype(np.float32, copy=False)

    def _power(self, moffat: FloatImage) -> FloatImage:
        """The Moffat profile of ``1 + (r / alpha)^2``, which is used up."""
        if self.beta != _MOFFAT_BETA:
            return np.power(moffat, np.float32(-self.beta), out=moffat)
        np.reciprocal(moffat, out=moffat)
        moffat *= moffat
        moffat *= moffat
        return moffat


@dataclass(frozen=True, slots=True)
class StarField:
    """Stars around a target: offsets from the centre in pixels, fluxes in e-/s through a clear filter, colour -1..1."""

    dx_px: NDArray[np.float64]
    dy_px: NDArray[np.float64]
    flux_e_s: NDArray[np.float64]
    colour: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pointing:
    """How one frame looks at the field: dither in pixels and field rotation in degrees."""

    shift_x_px: float = 0.0
    shift_y_px: float = 0.0
    rotation_deg: float = 0.0


def make_field(
    rng: np.random.Generator, *, width_px: int, height_px: int, stars_per_mpx: float, faintest_e_s: float
) -> StarField:
    """Draw a field a little larger than the frame, so that dithering moves stars in and out.

    ``stars_per_mpx`` is their number per million pixels; ``faintest_e_s`` is the least flux.
    """
    half_x, half_y = width_px * 0.56, height_px * 0.56
    count = max(12, round(stars_per_mpx * 4.0 * half_x * half_y / 1e6))
    flux = faintest_e_s * rng.random(count) ** (-1.0 / _COUNT_SLOPE)
    return StarField(
        dx_px=rng.uniform(-half_x, half_x, count),
        dy_px=rng.uniform(-half_y, half_y, count),
        flux_e_s=np.minimum(flux, faintest_e_s * _BRIGHTEST_TO_FAINTEST),
        colour=rng.uniform(-1.0, 1.0, count),
    )


def paint(
    image: FloatImage,
    field: StarField,
    psf: Psf,
    *,
    pointing: Pointing,
    electrons: NDArray[np.float64],
    noise_e: float,
    mosaic: FloatImage | None = None,
) -> int:
    """Add the stars to ``image``, (ny, nx) float32 in e-, and return how many of them can be detected.

    ``electrons`` is each star's flux in this exposure. ``mosaic``, (stars, 2, 2), holds each star's weight in the four
    colours of a Bayer cell whose corner is pixel (0, 0); without it the sensor is monochrome.
    """
    ny, nx = image.shape
    angle = math.radians(pointing.rotation_deg)
    x = field.dx_px * math.cos(angle) - field.dy_px * math.sin(angle) + (nx - 1) / 2.0 + pointing.shift_x_px
    y = field.dx_px * math.sin(angle) + field.dy_px * math.cos(angle) + (ny - 1) / 2.0 + pointing.shift_y_px
    heights = electrons * psf.height
    grid_x, grid_y = np.arange(nx, dtype=np.float32), np.arange(ny, dtype=np.float32)
    for index in range(len(x)):
        height = heights[index]
        radius = psf.radius_px(_UNPAINTED_SIGMA * noise_e / height)
        x0, x1 = max(0, int(x[index]) - radius), min(nx, int(x[index]) + radius + 2)
        y0, y1 = max(0, int(y[index]) - radius), min(ny, int(y[index]) + radius + 2)
        if x0 >= x1 or y0 >= y1:
            continue
        stamp = psf.sample(grid_x[x0:x1] - np.float32(x[index]), grid_y[y0:y1] - np.float32(y[index]))
        stamp *= np.float32(height)
        if mosaic is not None:
            stamp *= mosaic[index][np.ix_(np.arange(y0, y1) & 1, np.arange(x0, x1) & 1)]
        image[y0:y1, x0:x1] += stamp
    inside = (x >= 0) & (x <= nx - 1) & (y >= 0) & (y <= ny - 1)
    return int(np.count_nonzero(inside & (heights >= DETECTION_SIGMA * noise_e)))
