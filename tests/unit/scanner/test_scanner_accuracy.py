"""Accuracy of star measurement on simulated fields whose truth is known; the whole matrix is in docs/stars.md."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.scanner.quality import find_stars, measure
from shared.events.frame import FrameQuality
from tests.bench.starfields import NOISE_ADU, SKY_ADU, Field, as_camera, psf_of, score, simulate

_COVERING = [
    ("Gaussian", 2.0, None),
    ("Gaussian", 8.0, "BGGR"),
    ("Gaussian", 3.0, "RGGB"),
    ("Moffat 4.765", 2.5, "GRBG"),
    ("Moffat 4.765", 6.0, None),
    ("Moffat 3.5", 2.0, "GBRG"),
    ("Moffat 3.5", 4.0, None),
    ("Moffat 3.5", 8.0, None),
    ("Moffat 2.5", 2.0, None),
    ("Moffat 2.5", 3.0, "RGGB"),
    ("Moffat 2.5", 6.0, "GRBG"),
    ("Moffat 2.5", 8.0, None),
]


def _quality(image: NDArray[np.generic], bayer: str | None = None) -> FrameQuality:
    return measure(image, bayer_pattern=bayer, pixel_scale_arcsec=None)


def _assert_true(quality: FrameQuality, field: Field, *, fwhm: float = 0.03, hfr: float = 0.05) -> None:
    assert quality.fwhm_px == pytest.approx(field.psf.fwhm_px, rel=fwhm)
    assert quality.hfr_px == pytest.approx(field.half_flux_radius_px, rel=hfr)


@pytest.mark.parametrize(("profile", "fwhm_px", "bayer"), _COVERING)
def test_width_radius_and_counts_are_true(profile: str, fwhm_px: float, bayer: str | None) -> None:
    """FWHM within 3 %, HFR within 5 %, at least 95 % of the stars found, at most 1 % of the finds none, and round."""
    field = simulate(psf_of(profile, fwhm_px), seed=int(10 * fwhm_px))
    image = as_camera(field.image)
    quality = measure(image, bayer_pattern=bayer, pixel_scale_arcsec=2.0)
    _assert_true(quality, field)
    assert quality.fwhm_arcsec == pytest.approx(2 * fwhm_px, rel=0.03)
    assert quality.background_adu == pytest.approx(SKY_ADU, abs=4)
    assert quality.noise_adu == pytest.approx(NOISE_ADU, abs=1.5)
    assert quality.eccentricity is not None
    assert quality.eccentricity < 0.3
    found = find_stars(image, bayer_pattern=bayer)
    assert found is not None
    assert quality.star_count == len(found.x)
    complete, spurious = score(field, found, bayer=bayer is not None)
    assert complete >= 0.95
    assert spurious <= 0.01


@pytest.mark.parametrize("bayer", [None, "GRBG"])
@pytest.mark.parametrize(
    ("profile", "axis_ratio", "angle_deg"), [("Gaussian", 0.866, 30.0), ("Moffat 3.5", 0.7, 100.0)]
)
def test_elongation_is_true(profile: str, axis_ratio: float, angle_deg: float, bayer: str | None) -> None:
    """The eccentricity of elliptical stars is within 0.05, and their width is the mean of both axes."""
    field = simulate(psf_of(profile, 3.5, axis_ratio=axis_ratio, angle_deg=angle_deg), seed=5)
    quality = _quality(as_camera(field.image), bayer)
    assert quality.eccentricity == pytest.approx(field.psf.eccentricity, abs=0.05)
    assert quality.fwhm_px == pytest.approx(3.5, rel=0.03)


@pytest.mark.parametrize("stars", [20, 2000, 8000])
def test_sparse_and_crowded_fields_are_true(stars: int) -> None:
    """From 20 stars to one star per 260 pixels, widths stay true, and stars that can be told apart are found."""
    field = simulate(psf_of("Moffat 3.5", 3.0), stars=stars, seed=3)
    image = as_camera(field.image)
    _assert_true(_quality(image), field)
    found = find_stars(image, bayer_pattern=None)
    assert found is not None
    complete, spurious = score(field, found)
    assert complete >= (0.95 if stars <= 2000 else 0.92)
    assert spurious <= 0.05 if stars == 20 else spurious <= 0.01


@pytest.mark.parametrize("odd_rows", [0, 1])
@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "BGGR", "GBRG"])
def test_mosaics_are_read_on_their_green_sites(pattern: str, odd_rows: int) -> None:
    """Whatever the pattern, and whichever end of the image the file begins with, red and blue do not matter."""
    field = simulate(psf_of("Moffat 4.765", 3.0), stars=150, shape=(600 + odd_rows, 800), snr=(20.0, 300.0))
    colours = np.array(list(pattern)).reshape(2, 2)
    site = np.tile(colours, (301, 400))[: len(field.image)]
    image = as_camera(np.where(site == "G", field.image, np.where(site == "R", 3000, 200)))
    upright = _quality(image, pattern)
    _assert_true(upright, field)
    assert upright.background_adu == pytest.approx(SKY_ADU, abs=3)
    flipped = measure(image[::-1], bayer_pattern=pattern, pixel_scale_arcsec=None, bottom_up=True)
    _assert_true(flipped, field)
    assert flipped.background_adu == pytest.approx(SKY_ADU, abs=3)
    shifted = measure(image[:, 1:], bayer_pattern=pattern, pixel_scale_arcsec=None, bayer_offset=(1, 0))
    assert shifted.background_adu == pytest.approx(SKY_ADU, abs=3)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64, np.dtype(">u2"), np.dtype(">f4")]
)
def test_every_type_gives_the_same_width(dtype: type | np.dtype[np.generic]) -> None:
    """Integer and float frames of any byte order are measured alike."""
    field = simulate(psf_of("Gaussian", 4.0), stars=150, shape=(600, 800), snr=(20.0, 200.0))
    image = np.rint(field.image)
    if np.dtype(dtype) == np.uint8:
        image = np.clip(image / 10 - 60, 0, 255)
    _assert_true(_quality(image.astype(dtype)), field, fwhm=0.03)


@pytest.mark.parametrize("step", [16, 40])
def test_coarse_steps_do_not_matter(step: int) -> None:
    """Twelve bits stretched to sixteen, with steps near the noise or above it, give true sky, noise and widths."""
    field = simulate(psf_of("Moffat 3.5", 3.0), stars=200, shape=(600, 800), snr=(20.0, 200.0))
    quality = _quality((np.rint(field.image / step) * step).astype(np.uint16))
    _assert_true(quality, field)
    assert quality.background_adu == pytest.approx(SKY_ADU, abs=4)
    assert quality.noise_adu == pytest.approx(NOISE_ADU, rel=0.25)


@pytest.mark.parametrize("scale", [1 / 65535, 1e-9, 1e6])
def test_the_unit_of_floats_does_not_matter(scale: float) -> None:
    """Stacks scaled to 0..1, or to anything, have the same stars and widths."""
    field = simulate(psf_of("Gaussian", 4.0), stars=150, shape=(600, 800))
    quality = _quality((field.image * scale).astype(np.float32))
    _assert_true(quality, field)
    assert quality.star_count == pytest.approx(_quality(field.image).star_count, abs=2)
    assert quality.saturated_fraction == 0.0
