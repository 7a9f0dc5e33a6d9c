"""What real frames have and ideal ones have not: hot pixels, trails, nebulae, clouds, clipped stars, holes, borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from services.scanner import stars
from services.scanner.background import _noise_mesh, estimate_sky
from services.scanner.cutouts import Cutouts
from services.scanner.gaps import NOTHING, TOO_LITTLE
from services.scanner.profile import fit_profiles
from services.scanner.quality import find_stars, levels, measure
from shared.events.frame import FrameQuality
from tests.bench.starfields import SKY_ADU, Field, as_camera, psf_of, score, simulate

_SHAPE = (800, 1000)


def _quality(image: NDArray[np.generic], bayer: str | None = None) -> FrameQuality:
    return measure(image, bayer_pattern=bayer, pixel_scale_arcsec=None)


def _field(stars: int = 200, fwhm_px: float = 3.0, seed: int = 9, snr: tuple[float, float] = (20.0, 300.0)) -> Field:
    return simulate(psf_of("Moffat 3.5", fwhm_px), stars=stars, shape=_SHAPE, seed=seed, snr=snr)


def _count(quality: FrameQuality) -> int:
    assert quality.star_count is not None
    return quality.star_count


@pytest.mark.parametrize("bayer", [None, "RGGB", "GBRG"])
def test_hot_pixels_are_no_stars(bayer: str | None) -> None:
    """Five hundred hot pixels and pairs change neither the count nor the width by more than the stars they fall on."""
    image = as_camera(_field().image)
    before = _quality(image, bayer)
    random = np.random.default_rng(2)
    y, x = random.integers(0, 799, 400), random.integers(0, 999, 400)
    image[y, x] = random.integers(1200, 40_000, 400)
    image[y[:100] + 1, x[:100]] = image[y[:100], x[:100]]
    after = _quality(image, bayer)
    assert _count(after) == pytest.approx(_count(before), abs=0.03 * _count(before) + 3)
    assert after.fwhm_px == pytest.approx(before.fwhm_px, rel=0.02)


@pytest.mark.parametrize(("fwhm_px", "bayer"), [(1.1, None), (1.2, "RGGB")])
def test_stars_hardly_wider_than_a_pixel_are_no_hot_pixels(fwhm_px: float, bayer: str | None) -> None:
    """Of stars so sharp that they leave most neighbours dark, at least nine of ten are counted wherever they fall."""
    field = simulate(psf_of("Gaussian", fwhm_px), stars=200, seed=3, snr=(15.0, 400.0))
    found = find_stars(as_camera(field.image), bayer_pattern=bayer)
    assert found is not None
    complete, spurious = score(field, found, bayer=bayer is not None)
    assert complete >= 0.90
    assert spurious <= 0.02


@pytest.mark.parametrize("bayer", [None, "RGGB"])
def test_cosmic_rays_beside_wide_stars_are_no_stars(bayer: str | None) -> None:
    """Hits that bend over three pixels, sharper than the frame's stars, do not count."""
    image = as_camera(_field(fwhm_px=4.0).image)
    before = _quality(image, bayer)
    random = np.random.default_rng(2)
    y, x = random.integers(0, 799, 100), random.integers(0, 999, 100)
    for rows, cols, share in ((y, x, 1.0), (y + 1, x, 0.6), (y, x + 1, 0.4)):
        image[rows, cols] += int(share * 5000)
    after = _quality(image, bayer)
    assert _count(after) == pytest.approx(_count(before), abs=0.05 * _count(before))


@pytest.mark.parametrize("bayer", [None, "GRBG"])
def test_hot_columns_are_no_stars(bayer: str | None) -> None:
    """Columns that are bright all the way, in part, or only warm do not count as stars."""
    image = _field().image
    before = _quality(as_camera(image), bayer)
    for column, top, height in ((50, 0, 400.0), (333, 200, 2000.0), (600, 0, 60.0), (801, 500, 30_000.0)):
        image[top:, column] += height
    after = _quality(as_camera(image), bayer)
    assert _count(after) == pytest.approx(_count(before), abs=0.10 * _count(before))
    assert after.fwhm_px == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("height", [60.0, 500.0, 20_000.0])
@pytest.mark.parametrize("slope", [0.0, 0.6])
def test_a_satellite_trail_is_no_star(height: float, slope: float) -> None:
    """One trail across the frame, faint or dazzling, does not add stars by the dozen."""
    field = _field(stars=100)
    before = _quality(field.image)
    x, y = np.arange(1000)[None, :], np.arange(800)[:, None]
    distance = np.abs(y - 100 - slope * x) / np.hypot(1, slope)
    after = _quality(field.image + (height * np.exp(-(distance**2) / 3)).astype(np.float32))
    assert _count(after) == pytest.approx(_count(before), abs=15)
    assert after.fwhm_px == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("bayer", [None, "RGGB"])
def test_a_gradient_does_not_matter(bayer: str | None) -> None:
    """A slope of one and a half times the sky, and vignetting, leave count and width as they were."""
    field = _field()
    before = _quality(field.image, bayer)
    y, x = np.mgrid[:800, :1000]
    image = field.image + 1.5 * x - 0.001 * (y - 400) ** 2
    after = _quality(image.astype(np.float32), bayer)
    assert _count(after) == pytest.approx(_count(before), abs=0.05 * _count(before))
    assert after.fwhm_px == pytest.approx(3.0, rel=0.03)


def test_a_nebula_is_no_star_and_hides_few() -> None:
    """Bright clouds with photon noise like the sky's add no stars, hide few, and change no widths."""
    field = _field(stars=250, snr=(40.0, 400.0))
    y, x = np.mgrid[:800, :1000]
    cloud = sum(
        height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size**2))
        for cx, cy, size, height in ((300, 300, 180, 800), (620, 500, 150, 1000), (650, 480, 120, 500))
    )
    noise = np.random.default_rng(4).standard_normal(_SHAPE) * np.sqrt(0.4 * cloud)
    image = as_camera(field.image + cloud + noise)
    found = find_stars(image, bayer_pattern=None)
    assert found is not None
    complete, spurious = score(field, found)
    assert complete > 0.90
    assert spurious < 0.05
    assert _quality(image).fwhm_px == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("bayer", [None, "RGGB"])
def test_clouds_are_a_result(bayer: str | None) -> None:
    """Noise alone holds hardly a star and has no width; a few stars are counted and measured."""
    none = _quality(as_camera(_field(stars=0).image), bayer)
    assert _count(none) <= 2
    few = _quality(as_camera(_field(stars=4, snr=(100.0, 300.0)).image), bayer)
    assert 3 <= _count(few) <= 6
    assert few.fwhm_px == pytest.approx(3.0, rel=0.05)


def test_saturated_stars_are_counted_but_not_measured() -> None:
    """Clipped stars keep their place in the count and leave the width of the others alone."""
    field = _field(fwhm_px=4.0, snr=(30.0, 3000.0), seed=5)
    ceiling = 4000.0
    quality = measure(
        np.minimum(field.image, ceiling).astype(np.uint16),
        bayer_pattern=None,
        pixel_scale_arcsec=None,
        saturation_adu=ceiling,
    )
    assert quality.saturated_fraction is not None
    assert quality.saturated_fraction > 1e-4
    assert _count(quality) > 180
    assert quality.fwhm_px == pytest.approx(4.0, rel=0.03)


def test_missing_pixels_do_not_matter() -> None:
    """Holes of NaN, infinite rows and a lost half leave sky, noise and width of the rest as they were."""
    field = _field(fwhm_px=4.0)
    image = field.image.copy()
    image[100:140, 200:260] = np.nan
    image[0, :] = np.inf
    image[5, 5] = -np.inf
    image[:, 600:] = np.nan
    quality = _quality(image)
    inside = int((field.x < 600).sum())
    assert _count(quality) == pytest.approx(inside, abs=0.06 * inside)
    assert quality.fwhm_px == pytest.approx(4.0, rel=0.03)
    assert quality.background_adu == pytest.approx(SKY_ADU, abs=3)
    assert quality.noise_adu == pytest.approx(20, abs=1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_frame_without_a_number_is_said_to_be_none(value: float) -> None:
    """Pixels of NaN, infinity or absurd numbers alone give no quality, and the sentence that there is nothing."""
    image = np.full((300, 400), value, np.float32)
    for measured in (_quality, levels):
        assert measured(image) == FrameQuality()
    problems: list[str] = []
    measure(image, bayer_pattern="RGGB", pixel_scale_arcsec=None, problems=problems)
    assert problems == [NOTHING]
    dark: list[str] = []
    levels(image, problems=dark)
    assert dark == [NOTHING]


def test_too_few_pixels_for_a_sky_are_said_to_be_too_few() -> None:
    """Where the last numbers fall between the samples there is no sky, no quality, and a sentence that says why."""
    image = np.full((800, 1000), np.nan, np.float32)
    image[:, 990:] = 1000.0
    problems: list[str] = []
    assert measure(image, bayer_pattern=None, pixel_scale_arcsec=None, problems=problems) == FrameQuality()
    assert problems == [TOO_LITTLE]


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("border of 40 %", None),
        ("slanted border", None),
        ("hole", None),
        ("1 % scattered", None),
        ("10 % scattered", "10 % of the pixels hold no number"),
        ("every fourth row", "25 % of the pixels hold no number"),
        ("border of 60 %", "60 % of the pixels hold no number"),
    ],
)
def test_gaps_are_named_where_they_spoil_the_measurement(gone: str, said: str | None) -> None:
    """Borders and holes of NaN, as registration leaves them, are normal; scattered gaps and mostly empty frames not."""
    y, x = np.mgrid[:800, :1000]
    random = np.random.default_rng(3).random(_SHAPE)
    where = {
        "border of 40 %": x < 400,
        "slanted border": (x + 0.1 * y < 180) | (y - 0.05 * x > 690),
        "hole": (abs(x - 500) < 200) & (abs(y - 400) < 150),
        "1 % scattered": random < 0.01,
        "10 % scattered": random < 0.1,
        "every fourth row": y % 4 == 0,
        "border of 60 %": x < 600,
    }
    problems: list[str] = []
    image = np.where(where[gone], np.nan, _field().image).astype(np.float32)
    quality = measure(image, bayer_pattern=None, pixel_scale_arcsec=None, problems=problems)
    assert quality.star_count
    assert [problem[: len(said or "")] for problem in problems] == ([] if said is None else [said])


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_empty_borders_of_registered_stacks_do_not_matter(dtype: type) -> None:
    """Borders of exact zeros, slanted as rotation leaves them, are no sky and no step full of stars."""
    field = _field()
    y, x = np.mgrid[:800, :1000]
    empty = (x + 0.1 * y < 180) | (y - 0.05 * x > 690)
    quality = _quality(np.where(empty, 0, np.rint(field.image)).astype(dtype))
    kept = ~empty[np.rint(field.y).astype(int), np.rint(field.x).astype(int)]
    assert _count(quality) == pytest.approx(int(kept.sum()), abs=0.08 * kept.sum())
    assert quality.background_adu == pytest.approx(SKY_ADU, abs=3)
    assert quality.noise_adu == pytest.approx(20, abs=1)
    assert quality.fwhm_px == pytest.approx(3.0, rel=0.03)


def test_zeros_of_a_clipped_sky_are_data() -> None:
    """A sky whose lower half was cut off at zero is still the sky, not a border."""
    field = _field(snr=(60.0, 300.0))
    quality = _quality(np.clip(np.rint(field.image - SKY_ADU + 5), 0, 65535).astype(np.uint16))
    assert quality.background_adu == pytest.approx(5, abs=3)
    assert quality.fwhm_px == pytest.approx(3.0, rel=0.05)


def test_negative_skies_are_skies() -> None:
    """Frames whose sky was subtracted lie around zero or below, and are measured alike."""
    field = _field()
    for offset in (SKY_ADU, 3 * SKY_ADU):
        quality = _quality(field.image - np.float32(offset))
        assert quality.background_adu == pytest.approx(SKY_ADU - offset, abs=3)
        assert quality.fwhm_px == pytest.approx(3.0, rel=0.03)


def test_pixels_deeper_than_any_sky_do_not_overflow_the_fit() -> None:
    """Damaged floats of -1e20 all over a star spoil that star's fit, and not its neighbour's."""
    dy, dx = np.mgrid[-6:7, -6:7].astype(np.float32).reshape(2, -1)
    star = 1000 * np.exp(-(dx**2 + dy**2) / (2 * 1.5**2))
    values = np.stack([star, star]).astype(np.float32)
    values[0, np.arange(len(dx)) % 20 != 4] = -1e20
    middle = np.zeros(2, np.float32)
    fitted = fit_profiles(Cutouts(dx, dy, values, np.ones_like(values)), middle, middle, 3.5)
    assert fitted.width_px[1] == pytest.approx(1.5 * 2.3548, rel=0.05)


def test_correlated_noise_is_no_star() -> None:
    """Noise smeared by registration or debayering is not found as stars."""
    noise = np.random.default_rng(8).standard_normal((802, 1002)) * 20 + SKY_ADU
    smeared = np.mean([noise[y : y + 800, x : x + 1000] for y in range(3) for x in range(3)], axis=0)
    assert _count(_quality(smeared.astype(np.float32))) <= 3


def test_noise_that_differs_over_the_frame_is_no_star() -> None:
    """A mosaic's thinly covered third has three times the noise, and no more stars for it."""
    field = _field(snr=(100.0, 300.0))
    image = field.image.copy()
    image[:, 650:] += np.random.default_rng(8).standard_normal((800, 350)).astype(np.float32) * 57
    found = find_stars(image, bayer_pattern=None)
    assert found is not None
    assert score(field, found)[1] <= 0.35


@pytest.mark.parametrize("typical", [1e-40, 1e-320])
def test_noise_beyond_all_measure_is_a_number(typical: float) -> None:
    """A place that is noisier than any number can say is as noisy as can be told, without an overflow."""
    deviation = np.full((8, 8), 1e-40, np.float32)
    deviation[2:5, 2:5] = 3e38
    found = _noise_mesh(deviation, typical)
    assert found is not None
    assert np.isfinite(found).all()
    assert found.max() > 1000


def test_chance_is_no_noisy_place() -> None:
    """Among a thousand tiles of one noise none is called noisy; a hundredth of them, a third noisier, are."""
    for seed in range(8):
        samples = np.random.default_rng(seed).standard_normal((700, 700), np.float32)
        assert estimate_sky(samples, step=(3, 3)).noise_mesh is None
        samples[:150, :50] *= 1.35
        assert estimate_sky(samples, step=(3, 3)).noise_mesh is not None


def test_colour_planes_use_green_and_ignore_the_bayer_keyword() -> None:
    """A debayered stack that still says BAYERPAT is measured on its green plane."""
    green = _field().image
    image = np.stack([np.full_like(green, 100), green, np.full_like(green, 50)])
    quality = _quality(image, "RGGB")
    assert quality.fwhm_px == pytest.approx(3.0, rel=0.03)
    assert quality.background_adu == pytest.approx(SKY_ADU, abs=3)


def test_light_larger_than_the_pixel_buffer_is_survived() -> None:
    """An image half filled with light overflows sep's buffer, is tried again with more room, and gives detections."""
    rows, cols = np.mgrid[:1600, :2000]
    light = np.where((rows // 24 + cols // 24) % 2 == 0, 600, 0).astype(np.float32)
    assert len(stars._extract(light, 16.0, 2)) > 0


def test_constant_empty_tiny_and_missing_frames_are_results() -> None:
    """Nothing to see means no stars, and nothing at all means no numbers."""
    flat = _quality(np.full((200, 300), 7, np.uint16))
    assert (flat.star_count, flat.fwhm_px, flat.background_adu, flat.noise_adu) == (0, None, 7.0, 0.0)
    nothing = _quality(np.full((50, 50), np.nan, np.float32))
    assert (nothing.star_count, nothing.background_adu) == (None, None)
    assert _quality(np.zeros((0, 10), np.uint16)).background_adu is None
    tiny = _quality(np.arange(25, dtype=np.uint16).reshape(5, 5))
    assert tiny.star_count == 0
    assert tiny.background_adu == pytest.approx(12, abs=1)
    small = simulate(psf_of("Gaussian", 3.0), stars=3, shape=(64, 64), snr=(100.0, 200.0), seed=2)
    assert 1 <= _count(_quality(as_camera(small.image))) <= 4
    with pytest.raises(ValueError, match="two or three dimensions"):
        _quality(np.zeros(10, np.uint16))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=40),
    ),
    st.sampled_from([None, "RGGB", "GRBG", "nonsense"]),
)
def test_any_array_is_measured_or_has_no_numbers(image: NDArray[np.generic], bayer: str | None) -> None:
    """Whatever the pixels are, the answer is a valid quality without infinities."""
    for quality in (measure(image, bayer_pattern=bayer, pixel_scale_arcsec=1.0), levels(image)):
        for value in quality.model_dump().values():
            assert value is None or np.isfinite(value)
