"""Frames combined in strips: against a known truth, and against ccdproc on the same frames."""

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.calibration.integration.combine import Combined, Plan, combine
from services.calibration.pixels.strips import Scratch, Strips, open_strips
from shared.errors import Permanent, Transient
from tests.raw_frames import HEIGHT, WIDTH, exposed, scene, vignette, write_frame

Floats = NDArray[np.float32]


def combined(plan: Plan) -> tuple[Floats, Combined]:
    """The result, and the counts."""
    first = plan.frames[0]
    image = np.full(first.width * first.height, np.nan, np.float32)

    def write(row: int, mean: Floats) -> None:
        image[row * first.width : row * first.width + mean.size] = mean

    counts = combine(plan, write)
    return image.reshape(first.height, first.width), counts


def by_ccdproc(paths: list[Path]) -> Floats:
    """What ccdproc makes of the same files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ccdproc
        from astropy.stats import mad_std

        found = ccdproc.combine(
            [str(path) for path in paths], unit="adu", method="average", sigma_clip=True, sigma_clip_low_thresh=3,
            sigma_clip_high_thresh=3, sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std, dtype=np.float64,
        )  # fmt: skip
    return np.asarray(found.data, np.float32)


def darks(folder: Path, count: int = 11, hits: int = 30) -> list[Path]:
    """Darks of one truth, each with cosmic rays."""
    truth = scene(1)
    return [write_frame(folder / f"dark{number}.fits", exposed(truth, number, hits=hits)) for number in range(count)]


@pytest.mark.parametrize("count", [10, 11])
def test_numbers_are_those_of_ccdproc(tmp_path: Path, count: int) -> None:
    """Darks with cosmic rays give the pixels of ccdproc.combine, to the last digit of 32-bit floats."""
    paths = darks(tmp_path, count)
    image, _counts = combined(Plan([open_strips(path) for path in paths]))
    np.testing.assert_allclose(image, by_ccdproc(paths), rtol=2e-7)


def test_flats_are_those_of_ccdproc(tmp_path: Path) -> None:
    """Flats of different levels give the pixels of ccdproc.combine on the same frames, subtracted and scaled before.

    Its own scaling comes after its clipping, which then compares flats of different brightness.
    """
    truth, levels = vignette(), np.linspace(18_000.0, 31_000.0, 10)
    bias = scene(2)
    pedestal = write_frame(tmp_path / "bias.fits", bias.astype(np.float32))
    frames = [exposed(bias + truth * level, 50 + number, 120.0, 10) for number, level in enumerate(levels)]
    raw = [write_frame(tmp_path / f"flat{number}.fits", frame) for number, frame in enumerate(frames)]
    above = [frame - bias.astype(np.float32) for frame in frames]
    scales = [25_000.0 / float(np.median(frame)) for frame in above]
    scaled = [
        write_frame(tmp_path / f"scaled{number}.fits", frame * np.float32(scale))
        for number, (frame, scale) in enumerate(zip(above, scales, strict=True))
    ]
    plan = Plan([open_strips(path) for path in raw], open_strips(pedestal), scales)
    np.testing.assert_allclose(combined(plan)[0], by_ccdproc(scaled), rtol=5e-7)


def test_truth_comes_out(tmp_path: Path) -> None:
    """Of twenty darks with cosmic rays no trace is left, and the noise is that of twenty frames."""
    paths = darks(tmp_path, 20, hits=60)
    image, counts = combined(Plan([open_strips(path) for path in paths]))
    error = image - scene(1)
    assert np.abs(error).max() < 6 * 10 / 20**0.5
    assert np.std(error) < 1.15 * 10 / 20**0.5
    assert counts.samples == 20 * WIDTH * HEIGHT
    assert 20 * 60 * 0.9 < counts.rejected < 0.05 * counts.samples


@pytest.mark.parametrize(("memory_bytes", "threads"), [(1, 1), (40_000, 2), (1 << 20, 3)])
def test_result_is_the_same_whatever_the_strips(tmp_path: Path, memory_bytes: int, threads: int) -> None:
    """Memory and threads change how it is done, and not one pixel of what comes out."""
    frames = [open_strips(path) for path in darks(tmp_path, 5)]
    image, counts = combined(Plan(frames))
    again, counts_again = combined(Plan(frames, memory_bytes=memory_bytes, threads=threads))
    assert np.array_equal(image, again)
    assert counts == counts_again


def test_kinds_of_files_may_be_mixed(tmp_path: Path) -> None:
    """Integers, floats and gzipped frames of one scene give the mean of all of them."""
    truth = scene(3)
    frames = [exposed(truth, number) for number in range(6)]
    paths = [write_frame(tmp_path / f"{number}.fits", frame) for number, frame in enumerate(frames)]
    floats = write_frame(tmp_path / "float.fits", frames[0].astype(np.float32))
    packed = tmp_path / "packed.fits.gz"
    packed.write_bytes(gzip.compress(paths[1].read_bytes(), 1))
    expected, _counts = combined(Plan([open_strips(path) for path in paths]))
    with Scratch(tmp_path) as scratch:
        mixed = [open_strips(floats), open_strips(packed, scratch), *map(open_strips, paths[2:])]
        found, _counts = combined(Plan(mixed))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_pixels_without_a_value_are_no_samples(tmp_path: Path) -> None:
    """A NaN in one frame leaves the others' mean; a pixel that no frame has is NaN, and counted."""
    frames = [np.full((8, 8), 10.0 + number, np.float32) for number in range(5)]
    frames[4][2, 3] = np.nan
    for frame in frames:
        frame[5, 5] = np.nan
    paths = [write_frame(tmp_path / f"{number}.fits", frame) for number, frame in enumerate(frames)]
    image, counts = combined(Plan([open_strips(path) for path in paths]))
    assert image[2, 3] == pytest.approx(11.5)
    assert image[0, 0] == pytest.approx(12.0)
    assert np.isnan(image[5, 5])
    assert counts.empty == 1


def test_a_frame_that_changes_ends_the_work(tmp_path: Path) -> None:
    """A file that is written to while it is read is noticed, and no master is made of half of each."""
    paths = darks(tmp_path, 4)
    frames = [open_strips(path) for path in paths]
    write_frame(paths[2], exposed(scene(9), 1), GAIN=200)
    with pytest.raises(Transient, match="changed while it was read"):
        combined(Plan(frames))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.zeros((3, 8, 8), np.uint16), "3 planes"),
        (np.zeros((8, 8), np.uint16), "truncated"),
    ],
    ids=["colour", "truncated"],
)
def test_unfit_files_are_refused(tmp_path: Path, data: NDArray[Any], reason: str) -> None:
    """A picture in colour, or a file that lacks pixels, is no raw frame: a sentence says so."""
    path = write_frame(tmp_path / "frame.fits", data)
    if reason == "truncated":
        path.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(Permanent, match=reason):
        open_strips(path)


def test_strips_are_the_image(corpus: Path) -> None:
    """Real frames, read in strips of any height, have the pixels that the whole image has."""
    from shared.frames.pixels import load_image

    tried = 0
    with Scratch() as scratch:
        for path in sorted(corpus.rglob("*")):
            if not path.is_file() or path.stat().st_size > 1_000_000:
                continue
            try:
                strips = open_strips(path, scratch)
            except (Permanent, Transient):
                continue
            whole = load_image(path, strips.layout).astype(np.float64).reshape(-1)
            found = np.concatenate(list(_in_strips(strips)))
            assert np.array_equal(found, whole, equal_nan=True), path.name
            tried += 1
    assert tried > 20


def _in_strips(strips: Strips) -> Any:
    for first in range(0, strips.height, 7):
        yield strips.values(first, min(first + 7, strips.height), np.float64)
