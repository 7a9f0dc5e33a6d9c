"""The camera: from the light on a sensor, in electrons, to the 16-bit numbers of a file."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.standalone.simulation.stars import FloatImage

_FULL_SCALE_ADU = 65535.0


@dataclass(frozen=True, slots=True)
class Sensor:
    """One camera at one gain. ``hot_e_s`` is the dark current of its few hot pixels at (hot_y, hot_x), in e-/s."""

    width_px: int
    height_px: int
    e_per_adu: float
    read_noise_e: float
    pedestal_adu: float
    dark_current_e_s: float
    hot_x: NDArray[np.int64]
    hot_y: NDArray[np.int64]
    hot_e_s: FloatImage

    @classmethod
    def build(
        cls,
        rng: np.random.Generator,
        *,
        width_px: int,
        height_px: int,
        e_per_adu: float,
        read_noise_e: float,
        pedestal_adu: float,
        dark_current_e_s: float,
        hot_per_mpx: float,
    ) -> Self:
        """A sensor with its own hot pixels, which stay the same in lights and darks."""
        hot = max(2, round(hot_per_mpx * width_px * height_px / 1e6))
        return cls(
            width_px=width_px,
            height_px=height_px,
            e_per_adu=e_per_adu,
            read_noise_e=read_noise_e,
            pedestal_adu=pedestal_adu,
            dark_current_e_s=dark_current_e_s,
            hot_x=rng.integers(0, width_px, hot),
            hot_y=rng.integers(0, height_px, hot),
            hot_e_s=rng.uniform(2.0, 25.0, hot).astype(np.float32),
        )

    def blank(self) -> FloatImage:
        """A dark (ny, nx) float32 frame of zero electrons."""
        return np.zeros((self.height_px, self.width_px), np.float32)

    def add_dark_current(self, light_e: FloatImage, exposure_s: float) -> None:
        """Add dark current and hot pixels, in place."""
        light_e += np.float32(self.dark_current_e_s * exposure_s)
        light_e[self.hot_y, self.hot_x] += self.hot_e_s * np.float32(exposure_s)

    def sky_noise_e(self, sky_e: float) -> float:
        """Standard deviation of a pixel of that sky level, in electrons: shot noise and read noise."""
        return float(np.sqrt(sky_e + self.read_noise_e**2))

    def read_out(self, light_e: FloatImage, rng: np.random.Generator, *, frames: int = 1) -> NDArray[np.uint16]:
        """Add shot and read noise to ``light_e``, float32 of any shape, and digitise it to uint16 ADU.

        ``frames`` is the number of exposures averaged, for stacks. Shot noise is drawn as normal deviates: at the
        tens of electrons of a sky background the Poisson distribution is close to it, and takes four times as long.
        """
        noise = rng.standard_normal(light_e.shape, dtype=np.float32)
        sigma = np.sqrt(light_e + np.float32(self.read_noise_e**2))
        noise *= sigma
        noise *= np.float32(frames**-0.5)
        noise += light_e
        noise *= np.float32(1.0 / self.e_per_adu)
        noise += np.float32(self.pedestal_adu)
        np.clip(noise, 0.0, _FULL_SCALE_ADU, out=noise)
        np.rint(noise, out=noise)
        return noise.astype(np.uint16)


def gradient(width_px: int, height_px: int, *, across: float, down: float) -> FloatImage:
    """A light-pollution gradient with mean 1: ``across`` and ``down`` are the relative changes over the frame."""
    x = np.linspace(-0.5, 0.5, width_px, dtype=np.float32) * np.float32(across)
    y = np.linspace(-0.5, 0.5, height_px, dtype=np.float32) * np.float32(down)
    return (y[:, None] + x) + np.float32(1.0)


def glow(width_px: int, height_px: int, *, width_of_glow_px: float) -> FloatImage:
    """The soft light of a nebula or galaxy: an elliptical Gaussian of height 1, centred."""
    x = (np.arange(width_px, dtype=np.float32) - width_px / 2) / np.float32(width_of_glow_px)
    y = (np.arange(height_px, dtype=np.float32) - height_px / 2) / np.float32(width_of_glow_px * 0.6)
    value: FloatImage = np.exp(-(y * y))[:, None] * np.exp(-(x * x))
    return value


def optics_response(rng: np.random.Generator, width_px: int, height_px: int, *, dust_rings: int = 3) -> FloatImage:
    """Vignetting and the shadows of dust through one filter, 1 at the centre: what a flat shows, float32 (ny, nx)."""
    x = np.linspace(-1.0, 1.0, width_px, dtype=np.float32)
    y = np.linspace(-1.0, 1.0, height_px, dtype=np.float32) * np.float32(height_px / width_px)
    response = np.float32(1.0) - np.float32(0.16) * ((y * y)[:, None] + x * x)
    for _ in range(dust_rings):
        centre_x, centre_y = rng.uniform(-0.9, 0.9), rng.uniform(-0.6, 0.6)
        ring_px, soft = rng.uniform(0.03, 0.07), 0.012
        radius = np.sqrt(((y - np.float32(centre_y)) ** 2)[:, None] + (x - np.float32(centre_x)) ** 2)
        response *= np.float32(1.0) - np.float32(0.03) / (np.float32(1.0) + ((radius - ring_px) / soft) ** 4)
    whole: FloatImage = response.astype(np.float32)
    return whole
