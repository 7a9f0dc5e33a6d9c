"""The clipped mean: sorted by a network, outliers found by median and MAD, checked against the plain way."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.calibration.integration.clip import clipped_mean, clipped_mean_of_some
from services.calibration.integration.network import comparators, sort_rows
from services.calibration.pixels.levels import MAD_TO_SIGMA


def plainly(block: NDArray[Any], sigmas: float = 3.0, least_sigma: float = 0.0) -> tuple[NDArray[np.float64], int]:
    """The same, pixel by pixel as the definition says."""
    wide = block.astype(np.float64)
    centre = np.median(wide, axis=0)
    distance = np.abs(wide - centre)
    far = distance > sigmas * np.maximum(MAD_TO_SIGMA * np.median(distance, axis=0), least_sigma)
    return np.where(far, 0.0, wide).sum(axis=0) / (~far).sum(axis=0), int(far.sum())


@pytest.mark.parametrize("count", [*range(1, 18), 33, 64, 100])
def test_network_sorts_any_number_of_frames(count: int) -> None:
    """Whatever the number of frames, the samples of every pixel ascend; zeros and ones prove it."""
    random = np.random.default_rng(count)
    block = (random.random((count, 4096)) < random.random(4096)).astype(np.uint8)
    ordered = sort_rows(list(block.copy()), np.empty(4096, np.uint8))
    assert np.array_equal(np.stack(ordered), np.sort(block, axis=0))


def test_network_is_no_larger_than_known() -> None:
    """The number of comparisons is that of Batcher's method, so the time per sample grows slowly."""
    assert [len(comparators(count)) for count in (1, 2, 4, 8, 16, 32)] == [0, 1, 5, 19, 63, 191]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 11, 20, 41])
@pytest.mark.parametrize("length", [1000, 1001])
def test_mean_is_that_of_the_definition(dtype: type[Any], count: int, length: int) -> None:
    """For all types of samples and odd and even numbers of frames, mean and rejections are those of the definition."""
    random = np.random.default_rng(count)
    block = random.normal(120.0, 20.0, (count, length))
    block[0, ::7] += 100.0
    block = np.clip(np.rint(block) if dtype is not np.float32 else block, 0, 250).astype(dtype)
    expected, rejected = plainly(block)
    kept = clipped_mean(list(block.copy()))
    np.testing.assert_allclose(kept.mean, expected, rtol=1e-6)
    assert kept.rejected == rejected


@given(st.lists(st.lists(st.integers(0, 65_535), min_size=6, max_size=6), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_mean_of_any_numbers_is_that_of_the_definition(rows: list[list[int]]) -> None:
    """Ties, extremes and equal samples among 16-bit numbers come out as the definition has them."""
    block = np.array(rows, np.uint16)
    expected, rejected = plainly(block, least_sigma=0.74)
    kept = clipped_mean(list(block.copy()), least_sigma=0.74)
    np.testing.assert_allclose(kept.mean, expected, rtol=1e-6)
    assert kept.rejected == rejected


def test_even_the_double_hit_is_rejected() -> None:
    """Two cosmic rays in the same pixel of ten frames leave no trace; a mean and its deviation would keep both."""
    block = np.full((10, 8), 500, np.uint16) + np.arange(10, dtype=np.uint16)[:, None] % 5
    block[2:4, 3] = 40_000
    kept = clipped_mean(list(block.copy()), least_sigma=0.74)
    assert abs(kept.mean[3] - 502) < 1
    assert kept.rejected == 2


def test_quantised_noise_is_kept() -> None:
    """Where more than half of the samples are equal, their neighbours are noise and not outliers."""
    samples = np.array([500, 500, 500, 500, 500, 500, 501, 501, 499, 900], np.uint16)
    kept = clipped_mean([np.full(4096, value, np.uint16) for value in samples], least_sigma=0.74)
    np.testing.assert_allclose(kept.mean, samples[:9].mean(), rtol=1e-6)
    assert kept.rejected == 4096


def test_pixels_without_samples_are_nan() -> None:
    """NaN is no sample: means are of the others, and where there are none the result is NaN."""
    block = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    assert np.array_equal(clipped_mean_of_some(block).mean, np.array([2.0, np.nan], np.float32), equal_nan=True)
