"""Levels of calibration frames, and what measuring promises besides its numbers."""

import tracemalloc

import numpy as np
import pytest

from services.scanner.quality import levels, measure
from tests.bench.starfields import as_camera, psf_of, simulate


def test_the_source_is_not_changed() -> None:
    """Measuring reads the frame only, and twice gives the same."""
    image = as_camera(simulate(psf_of("Gaussian", 3.0), stars=50, shape=(400, 400)).image)
    copy = image.copy()
    first = measure(image, bayer_pattern="RGGB", pixel_scale_arcsec=1.0)
    assert measure(image, bayer_pattern="RGGB", pixel_scale_arcsec=1.0) == first
    assert np.array_equal(image, copy)
    image.setflags(write=False)
    assert measure(image, bayer_pattern="RGGB", pixel_scale_arcsec=1.0) == first


def test_another_frame_in_between_does_not_matter() -> None:
    """Kept buffers carry nothing over from a frame of another size."""
    image = as_camera(simulate(psf_of("Gaussian", 3.0), stars=80, shape=(400, 500)).image)
    other = as_camera(simulate(psf_of("Gaussian", 5.0), stars=80, shape=(700, 600), seed=2).image)
    first = measure(image, bayer_pattern=None, pixel_scale_arcsec=None)
    measure(other, bayer_pattern=None, pixel_scale_arcsec=None)
    assert measure(image, bayer_pattern=None, pixel_scale_arcsec=None) == first


@pytest.mark.parametrize("stars", [400, 6000])
def test_memory_above_the_frame_is_bounded(stars: int) -> None:
    """Measuring needs at most three times the frame besides it, in a crowd too."""
    image = as_camera(simulate(psf_of("Gaussian", 3.0), stars=stars, shape=(2000, 2000)).image)
    tracemalloc.start()
    try:
        measure(image, bayer_pattern=None, pixel_scale_arcsec=None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 3 * image.nbytes + 8_000_000


def test_levels_of_calibration_frames() -> None:
    """Darks, flats and bias give level, noise and saturation, and no stars."""
    random = np.random.default_rng(3)
    dark = random.normal(500, 5, (300, 400))
    dark[:3] = 65535
    quality = levels(np.clip(np.rint(dark), 0, 65535).astype(np.uint16))
    assert quality.background_adu == pytest.approx(500, abs=1)
    assert quality.noise_adu == pytest.approx(5, abs=0.8)
    assert quality.saturated_fraction == pytest.approx(0.01, abs=0.001)
    assert quality.star_count is None


def test_noise_below_one_step_is_seen() -> None:
    """Bias frames of a quiet camera, where most pixels share one value, still have a noise above zero."""
    bias = np.rint(np.random.default_rng(4).normal(10, 0.4, (300, 400))).astype(np.uint16)
    noise = levels(bias).noise_adu
    assert noise is not None
    assert 0.2 < noise < 1.0
