"""Levels of frames, judging of sets, sanity of masters: pure, on frames with a known truth."""

import re
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.calibration.pixels.levels import Levels
from services.calibration.pixels.measure import measure
from services.calibration.pixels.strips import open_strips
from services.calibration.properties import Properties
from services.calibration.sanity.rules import Trial, percent, refusal
from services.calibration.sanity.trial import try_on
from services.calibration.sets.grouping import set_key, set_properties
from services.calibration.sets.judging import judge
from shared.errors import Permanent
from shared.events.frame import FrameType
from tests.raw_frames import HEIGHT, WIDTH, exposed, scene, vignette, write_frame

CAMERA = Properties(
    camera="ZWO ASI2600MM Pro", telescope="C8E", exposure_s=300.0, gain=100.0, offset=50.0, set_temp_c=-10.0,
    filter="L", x_binning=1, width_px=WIDTH, height_px=HEIGHT, night=date(2026, 11, 30), rotator_angle_deg=90.2,
)  # fmt: skip


def levels_of(folder: Path, data: NDArray[Any], **cards: Any) -> Levels:
    """The levels of a frame of these pixels."""
    return measure(open_strips(write_frame(folder / "frame.fits", data, **cards)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint8, np.float32, np.float64, np.int32])
def test_levels_are_those_of_numpy(tmp_path: Path, dtype: type[Any]) -> None:
    """Median, MAD and extremes of every kind of samples are those that NumPy finds in the whole image."""
    data = (exposed(scene(1, 120.0), 1, 5.0)).astype(dtype)
    found = levels_of(tmp_path, data)
    values = data.astype(np.float64)
    assert found.median_adu == np.median(values)
    assert found.mad_adu == np.median(np.abs(values - np.median(values)))
    assert (found.min_adu, found.max_adu) == (values.min(), values.max())
    assert found.noise_adu == pytest.approx(np.hypot(5.0, 6.0), rel=0.1)
    assert (found.width_px, found.height_px, len(found.grid_adu)) == (WIDTH, HEIGHT, 64)


def test_floats_from_zero_to_one_are_scaled(tmp_path: Path) -> None:
    """Masters whose floats go from 0 to 1, as Siril and WBPP write them, are measured in ADU of 16 bits."""
    data = exposed(scene(1), 1)
    found = levels_of(tmp_path, (data / 65_535.0).astype(np.float32))
    assert found.median_adu == pytest.approx(np.median(data), rel=1e-4)
    assert found.adu_per_unit == 65_535.0


def test_vignetting_and_colours_are_no_noise(tmp_path: Path) -> None:
    """The noise is that from pixel to pixel of one colour, whatever the light does over the frame."""
    pattern = np.ones((HEIGHT, WIDTH))
    pattern[::2, ::2], pattern[1::2, 1::2] = 0.5, 0.8
    found = levels_of(tmp_path, exposed(500 + 20_000 * vignette() * pattern, 1, 100.0))
    assert found.noise_adu == pytest.approx(100.0, rel=0.5)
    assert found.mad_adu > 1000


@pytest.mark.parametrize("name", ["biastest2.fit", "darktest1.fit", "flattest.fit"])
def test_real_frames_are_measured(corpus: Path, name: str) -> None:
    """Real calibration frames of MaxIm have the levels that astropy and NumPy find."""
    from astropy.io import fits

    path = corpus / "maxim_dl" / name
    found = measure(open_strips(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = np.asarray(fits.getdata(path), np.float64)
    assert found.median_adu == np.median(data)
    assert (found.min_adu, found.max_adu) == (data.min(), data.max())
    assert refusal(FrameType.MASTER_BIAS, found) is None


def test_sets_are_told_by_what_matters() -> None:
    """Flats go by night, filter and angle, darks by exposure; what does not matter for a type parts none."""

    def key(frame_type: FrameType, **other: Any) -> str:
        common = set_properties(frame_type, CAMERA._replace(**other))
        assert common is not None
        return set_key(frame_type, common)

    same: dict[FrameType, dict[str, Any]] = {
        FrameType.DARK: {"filter": "Ha", "night": date(2020, 1, 1), "telescope": None, "exposure_s": 300.004},
        FrameType.BIAS: {"exposure_s": 0.0, "filter": None, "sensor_temp_c": -9.8},
        FrameType.FLAT: {"exposure_s": 1.0, "rotator_angle_deg": 89.9, "set_temp_c": -10.1},
    }
    other: dict[FrameType, list[dict[str, Any]]] = {
        FrameType.DARK: [
            {"exposure_s": 299.0},
            {"gain": 0.0},
            {"set_temp_c": -5.0},
            {"x_binning": 2},
            {"offset": None},
        ],
        FrameType.BIAS: [{"readout_mode": "Low"}, {"camera": "QHY600"}, {"width_px": 10}],
        FrameType.FLAT: [
            {"filter": "R"},
            {"night": date(2026, 12, 1)},
            {"rotator_angle_deg": 270.0},
            {"telescope": "R"},
        ],
    }
    for frame_type, changes in same.items():
        assert key(frame_type, **changes) == key(frame_type)
        assert len({key(frame_type), *(key(frame_type, **one) for one in other[frame_type])}) == 1 + len(
            other[frame_type]
        )
    uncooled = {"set_temp_c": None}
    assert key(FrameType.DARK, **uncooled) != key(FrameType.DARK, **uncooled, night=date(2020, 1, 1))


def test_a_frame_of_unknown_camera_and_size_is_of_no_set() -> None:
    """Frames that could be of any sensor are not put together with others."""
    assert set_properties(FrameType.DARK, Properties(exposure_s=300.0, width_px=10)) is None


def a_set(folder: Path, frame_type: FrameType, odd: NDArray[Any], count: int = 9) -> dict[str, Levels | str]:
    """Levels of a sound set with an odd frame among it."""
    truth = scene(1) if frame_type is not FrameType.FLAT else 500 + 20_000 * vignette()
    found: dict[str, Levels | str] = {
        str(number): levels_of(folder, exposed(truth * (1 + 0.0005 * number), number, hits=3))
        for number in range(count)
    }
    return found | {"odd": levels_of(folder, odd)}


LEAK = np.zeros((HEIGHT, WIDTH))
LEAK[:16, :24] = 60.0
ODD = [
    (FrameType.DARK, exposed(scene(1, 540.0), 1), r"its median is 540 ADU, that of its set 50\d ADU: .* ADU off"),
    (FrameType.BIAS, exposed(scene(1), 1, 40.0), r"its noise is .* ADU, that of its set 1\d\.\d ADU"),
    (FrameType.DARK, exposed(scene(1) + LEAK, 1), r"uneven: at the top left \d+(\.\d)? ADU brighter than its set"),
    (FrameType.DARK, np.full((HEIGHT, WIDTH), 500, np.uint16), "all of its pixels are 500 ADU"),
    (FrameType.DARK, np.full((32, 32), 500, np.uint16), "it has 32 x 32 pixels, its set 96 x 64"),
    (FrameType.FLAT, exposed(500 + 6000 * vignette(), 1), r"it has 3\d % of the light of its set"),
    (FrameType.FLAT, exposed(80_000 * vignette(), 1), "of its pixels are saturated, at 65,535 ADU"),
    (FrameType.FLAT, exposed(scene(1, 500.0), 1), "it has hardly any light: its median is 500 ADU, 0.8 % of the range"),
    (FrameType.FLAT, exposed(500 + (20_000 + 50 * LEAK) * vignette(), 1), r"uneven: at the top left 1\d % brighter"),
]


@pytest.mark.parametrize(("frame_type", "odd", "reason"), ODD, ids=range(len(ODD)))
def test_the_odd_one_stays_out(tmp_path: Path, frame_type: FrameType, odd: NDArray[Any], reason: str) -> None:
    """Of ten frames the one that is off stays out with a sentence and its numbers, and the nine are kept."""
    reasons = judge(frame_type, a_set(tmp_path, frame_type, odd), (WIDTH, HEIGHT))
    assert {key for key, why in reasons.items() if why is not None} == {"odd"}
    found = reasons["odd"]
    assert found is not None
    assert re.search(reason, found), found


def test_small_sets_are_not_judged_by_each_other(tmp_path: Path) -> None:
    """Of three frames nobody can tell which one is off: all are kept."""
    found = a_set(tmp_path, FrameType.DARK, exposed(scene(1, 700.0), 1), count=2)
    assert set(judge(FrameType.DARK, found).values()) == {None}


def test_an_unreadable_frame_stays_out(tmp_path: Path) -> None:
    """What could not be measured stays out for the reason that was met."""
    found = a_set(tmp_path, FrameType.DARK, exposed(scene(1), 3)) | {"bad": "it is truncated: pixels are missing"}
    assert judge(FrameType.DARK, found)["bad"] == "it is truncated: pixels are missing"


def tried(folder: Path, master: NDArray[Any], light: NDArray[Any]) -> tuple[Levels, Trial]:
    """The levels of a master, and what it makes of a light."""
    of_master = open_strips(write_frame(folder / "master.fits", master))
    of_light = open_strips(write_frame(folder / "M 42_15s60_Astro.fits", light))
    found = measure(of_master)
    return found, try_on(of_light, measure(of_light), "M 42_15s60_Astro.fits", of_master, found)


def test_a_factory_bias_that_darkens_everything_is_refused(tmp_path: Path) -> None:
    """A DWARF's factory bias lies above the lights: subtracting it would make 99 % negative, and it is refused so."""
    light = exposed(scene(1, 1050.0), 5, 40.0)
    light.flat[:: light.size // 60] = 9000  # stars
    found, trial = tried(tmp_path, exposed(scene(2, 3200.0), 6), light)
    reason = refusal(FrameType.MASTER_BIAS, found, trial)
    assert reason == (
        "subtracting the bias would make 99 % of the pixels of the light M 42_15s60_Astro.fits negative: "
        f"its median is {found.median_adu:,.0f} ADU, that of the light {trial.light_median_adu:,.0f} ADU"
    )


@pytest.mark.parametrize("scale", [1.0, 65_535.0])
def test_a_good_master_is_used(tmp_path: Path, scale: float) -> None:
    """A bias below its lights is used, in ADU or from 0 to 1; so is a dark of a light without sky."""
    light = exposed(scene(1, 1050.0), 5, 40.0)
    bias = (scene(2) / scale).astype(np.float32)
    found, trial = tried(tmp_path, bias, light)
    assert trial.negative_share < 0.01
    assert refusal(FrameType.MASTER_BIAS, found, trial) is None
    found, trial = tried(tmp_path, scene(1, 1050.0).astype(np.float32), light)
    assert 0.4 < trial.negative_share < 0.6
    assert refusal(FrameType.MASTER_DARK, found, trial) is None


def test_a_master_of_another_size_cannot_be_tried(tmp_path: Path) -> None:
    """Where light and master differ in size, both sizes are named."""
    with pytest.raises(Permanent, match=r"it has 32 x 32 pixels, the light .* 96 x 64"):
        tried(tmp_path, exposed(scene(1, width=32, height=32), 1), exposed(scene(1), 1))


def _spoilt(where: slice, value: float) -> NDArray[np.float32]:
    flat = (20_000 * vignette()).astype(np.float32)
    flat.flat[where] = value
    return flat


REFUSED = [
    (FrameType.MASTER_FLAT, _spoilt(slice(0, 100), 0.0), "1.6 % of the pixels of the flat are zero or negative"),
    (FrameType.MASTER_FLAT, exposed(scene(1, 500.0), 1), "nearly no light: its median is 500 ADU, 0.8 % of the range"),
    (FrameType.MASTER_FLAT, (2000 + 90 * scene(1, 0.0)).astype(np.float32), "its noise is 2"),
    (FrameType.MASTER_FLAT, exposed(90_000 * vignette(), 1), "of the pixels of the flat are saturated"),
    (FrameType.MASTER_DARK, _spoilt(slice(0, 100), np.nan), "1.6 % of the pixels of the dark have no value"),
    (FrameType.MASTER_BIAS, np.full((HEIGHT, WIDTH), 7, np.uint16), "all pixels of the bias are 7 ADU"),
]


@pytest.mark.parametrize(("master_type", "data", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_unfit_masters_are_refused(tmp_path: Path, master_type: FrameType, data: NDArray[Any], reason: str) -> None:
    """A master whose pixels cannot calibrate anything is refused with a sentence and its numbers."""
    found = refusal(master_type, levels_of(tmp_path, data))
    assert found is not None
    assert reason in found


def test_normalised_flats_are_used(tmp_path: Path) -> None:
    """A flat that was divided by its level is as good as one in ADU."""
    flat = vignette() / vignette().mean()
    for scale in (1.0, 1.0 / flat.max(), 20_000.0, 3.0):
        assert refusal(FrameType.MASTER_FLAT, levels_of(tmp_path, (flat * scale).astype(np.float32))) is None


def test_the_header_must_be_of_the_image(tmp_path: Path) -> None:
    """A master whose image is not as large as its header said when it was scanned is refused."""
    reason = refusal(FrameType.MASTER_DARK, levels_of(tmp_path, exposed(scene(1), 1)), size=(6248, 4176))
    assert reason == "the dark has 96 x 64 pixels, its header says 6248 x 4176"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.9904, "99 %"), (0.9999, "more than 99 %"), (1.0, "100 %"), (0.016, "1.6 %"), (1e-5, "less than 0.1 %")],
)
def test_shares_are_never_rounded_to_all(share: float, words: str) -> None:
    """A sentence says all or nothing only where it is so."""
    assert percent(share) == words
