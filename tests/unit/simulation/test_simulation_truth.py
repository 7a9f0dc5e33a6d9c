"""What sep measures on simulated frames is what the manifest says is there."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sep
from numpy.typing import NDArray

from services.standalone.simulation import FULL, FileTruth, LightPlan, NightManifest, Profile, simulate_night
from services.standalone.simulation.manifest import Anomaly
from services.standalone.simulation.stars import DETECTION_SIGMA
from shared.events.frame import FrameType

_PROFILE = Profile(
    name="truth",
    seestar_width_px=540,
    seestar_height_px=960,
    seestar_subs=3,
    nina_width_px=FULL.nina_width_px,
    nina_height_px=FULL.nina_height_px,
    lights=(LightPlan("L", 60.0, 3), LightPlan("R", 60.0, 1), LightPlan("Ha", 300.0, 1, emission=True)),
    darks_per_exposure=2,
    flats_per_filter=1,
    bias=2,
    star_density=1.5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the night of this module lies."""
    return tmp_path_factory.mktemp("truth")


@pytest.fixture(scope="module")
def night(folder: Path) -> NightManifest:
    """Few frames, but of the size of the demo's."""
    return simulate_night(folder, night=date(2025, 10, 20), seed=21, profile=_PROFILE)


def _pixels(path: Path) -> Any:
    from astropy.io import fits

    return fits.getdata(path, memmap=False)


def _measure(image: NDArray[Any]) -> tuple[int, float]:
    """Stars whose peak stands five sigma above the sky, and the FWHM of bright ones by half-maximum area."""
    image = np.ascontiguousarray(image, np.float32)
    background = sep.Background(image)
    image = image - background.back()
    # Without deblending: the noise in the wings of bright stars would be split off as stars.
    found = sep.extract(image, 2.0, err=background.globalrms, minarea=4, filter_kernel=None, deblend_cont=1.0)
    bright = found[(found["peak"] > 30.0 * background.globalrms) & (found["peak"] < 40_000.0) & (found["flag"] == 0)]
    areas = []
    for star in bright:
        y, x, reach = int(star["ypeak"]), int(star["xpeak"]), 14
        if not (0 < y < image.shape[0] - 1 and 0 < x < image.shape[1] - 1):
            continue
        cutout = image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        summit = star["peak"] * _summit_gain(image[y, x - 1 : x + 2]) * _summit_gain(image[y - 1 : y + 2, x])
        areas.append(np.count_nonzero(cutout >= summit / 2.0))
    # Areas are whole numbers: the mean of their middle half is finer than the median, and as robust.
    middle = np.sort(areas)[len(areas) // 4 : len(areas) - len(areas) // 4]
    fwhm_px = 2.0 * float(np.sqrt(middle.mean() / np.pi))
    return int(np.count_nonzero(found["peak"] >= DETECTION_SIGMA * background.globalrms)), fwhm_px


def _summit_gain(three: NDArray[Any]) -> float:
    """How much higher a star is between the pixels than at its brightest one: a parabola through the logarithms."""
    left, middle, right = np.log(np.maximum(three.astype(np.float64), 1.0))
    return float(np.exp((right - left) ** 2 / (8.0 * (2.0 * middle - left - right))))


def _monochrome(night: NightManifest) -> list[FileTruth]:
    return [
        f for f in night.files if f.path.startswith("NINA/") and f.star_count and f.anomaly in {None, Anomaly.BLURRED}
    ]


def test_mono_frames_measure_as_painted(folder: Path, night: NightManifest) -> None:
    """On every mono light sep finds the stars within a fifth, and their width within a tenth even when blurred."""
    frames = _monochrome(night)
    assert {frame.filter for frame in frames} == {"L", "R", "Ha"}
    for truth in frames:
        count, fwhm_px = _measure(_pixels(folder / truth.path))
        assert truth.star_count is not None
        if truth.anomaly is None:
            # Noise lifts the highest of the many pixels of a blurred star, so that no simple count is fair to it.
            assert count == pytest.approx(truth.star_count, rel=0.2), truth.path
        assert fwhm_px == pytest.approx(truth.fwhm_px, rel=0.1), truth.path


def test_stacks_measure_as_painted(folder: Path, night: NightManifest) -> None:
    """In the green plane of a device stack sep finds the stars within a fifth and their width within a tenth."""
    for truth in (file for file in night.files if file.frame_type is FrameType.STACK):
        count, fwhm_px = _measure(_pixels(folder / truth.path)[1])
        assert count == pytest.approx(truth.star_count, rel=0.2), truth.path
        assert fwhm_px == pytest.approx(truth.fwhm_px, rel=0.1), truth.path


def test_colour_mosaics_hold_their_stars_in_every_colour(folder: Path, night: NightManifest) -> None:
    """Every second pixel of a clear sub shows the green stars, and clouds leave less than a third of them."""
    counts = {Anomaly.CLOUDS: 0, None: 0}
    for truth in night.files:
        is_sub = truth.frame_type is FrameType.LIGHT and truth.path.startswith("MyWorks/")
        if not is_sub or truth.filter != "IRCUT" or truth.anomaly not in counts:
            continue
        pixels = _pixels(folder / truth.path)
        green = np.ascontiguousarray(pixels[0::2, 0::2], np.float32)
        background = sep.Background(green)
        found = sep.extract(green - background.back(), 3.0, err=background.globalrms, minarea=2)
        counts[truth.anomaly] = len(found)
        if truth.anomaly is None:
            assert len(found) == pytest.approx(truth.star_count, rel=0.35)
        # GRBG: green is the brightest colour of the sky.
        assert np.median(pixels[0::2, 1::2]) < np.median(green)
        assert np.median(pixels[1::2, 0::2]) < np.median(green)
    assert counts[None] > 0
    assert counts[Anomaly.CLOUDS] < counts[None] / 3


def test_calibration_frames_behave_as_a_sensor_does(folder: Path, night: NightManifest) -> None:
    """Bias shows pedestal and read noise, darks the same hot pixels, flats half of the range and vignetting."""
    frames = {
        kind: [_pixels(folder / file.path).astype(np.float64) for file in night.files if file.frame_type is kind]
        for kind in (FrameType.BIAS, FrameType.DARK, FrameType.FLAT)
    }
    bias = frames[FrameType.BIAS][0]
    assert np.median(bias) == pytest.approx(500.0, abs=2.0)
    assert np.std(bias) == pytest.approx(1.5 / 0.25, rel=0.05)
    hot = [set(np.flatnonzero(dark > 500.0 + 60.0 * 2.0 / 0.25 * 0.9)) for dark in frames[FrameType.DARK]]
    assert hot[0]
    assert hot[0] == hot[1] == hot[2] == hot[3]
    for flat in frames[FrameType.FLAT]:
        middle, corner = flat[290:330, 450:490].mean(), flat[:40, :40].mean()
        assert 25_000.0 < middle < 35_000.0
        assert corner < 0.9 * middle
