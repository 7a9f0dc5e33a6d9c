"""Levels of one calibration frame: where its pixels lie, how they scatter, and whether they do so evenly.

Frames of 8 and 16 bits are counted exactly, by a histogram; of others a regular share is taken. The noise comes from
differences between pixels of the same colour in a row, so that neither vignetting nor a Bayer pattern counts as noise.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.calibration.pixels.levels import FULL_RANGE, GRID, MAD_TO_SIGMA, NOTHING, Levels
from services.calibration.pixels.strips import Strips

_STRIP_BYTES = 8 << 20
_SAMPLE, _DIFFERENCES = 2_000_000, 500_000
_HISTOGRAM = 1 << 16
_CELL_SAMPLES = 4096
_NEAR_TOP = 0.001
"""Of the way from the median to the largest value: noise blurs the top of an integrated frame."""
_MOST_NORMALISED = 1.5
_LEAST_TOP = 0.04
"""Share of the range below which nothing saturates; 12-bit cameras that write plain numbers do at a sixteenth of it."""


def _adu_per_unit(strips: Strips, largest: float) -> float:
    """What makes ADU of values: programs write floats from 0 to 1, by their bounds (XISF) or by habit (Siril)."""
    if strips.dtype.kind != "f":
        return 1.0
    if strips.layout.bounds is not None:
        low, high = strips.layout.bounds
        return FULL_RANGE / (high - low) if 0 < high - low < FULL_RANGE else 1.0
    return FULL_RANGE if 0 < largest <= _MOST_NORMALISED else 1.0


def measure(strips: Strips) -> Levels:
    """The levels of a frame; reads it once, in strips. Raises as `Strips.stored` does."""
    rows = max(1, _STRIP_BYTES // (strips.width * strips.dtype.itemsize))
    histogram = np.zeros(_HISTOGRAM, np.int64) if strips.stored_dtype in (np.uint8, np.uint16) else None
    step = max(1, strips.layout.pixel_count // _SAMPLE)
    row_step = max(1, strips.layout.pixel_count // _DIFFERENCES)
    samples: list[NDArray[Any]] = []
    differences: list[NDArray[Any]] = []
    cells: list[list[NDArray[Any]]] = [[] for _ in range(GRID * GRID)]
    nans = 0
    for first in range(0, strips.height, rows):
        last = min(first + rows, strips.height)
        stored = strips.stored(first, last)
        if histogram is not None:
            histogram += np.bincount(stored, minlength=_HISTOGRAM)
        else:
            values = strips.scaled(stored)
            nans += int(np.count_nonzero(~np.isfinite(values)))
            samples.append(values[::step])
        _sample_cells(stored.reshape(last - first, strips.width), strips, first, cells)
        some = stored.reshape(last - first, strips.width)[-first % row_step :: row_step]
        differences.append(_differences(strips.scaled(some.reshape(-1)), some.shape))
    if histogram is not None:
        found = _of_histogram(histogram, strips)
    else:
        found = _of_samples(np.concatenate(samples), nans / strips.layout.pixel_count)
    unit = _adu_per_unit(strips, found.max_adu)
    noise = _median(np.abs(np.concatenate(differences))) * MAD_TO_SIGMA / np.sqrt(2)
    grid = tuple(_median(np.concatenate(cell)) if cell else found.median_adu for cell in cells)
    largest = float(np.iinfo(strips.stored_dtype).max) if strips.stored_dtype.kind == "u" else FULL_RANGE
    return found._replace(
        width_px=strips.width, height_px=strips.height,
        median_adu=found.median_adu * unit, mad_adu=found.mad_adu * unit,
        noise_adu=float(noise) * unit, min_adu=found.min_adu * unit, max_adu=found.max_adu * unit,
        high_share=found.high_share if found.max_adu * unit >= _LEAST_TOP * min(largest, FULL_RANGE) else 0.0,
        grid_adu=tuple(level * unit for level in grid), range_adu=min(largest, FULL_RANGE), adu_per_unit=unit,
    )  # fmt: skip


def _of_histogram(histogram: NDArray[np.int64], strips: Strips) -> Levels:
    """Counts by stored number."""
    stored = np.flatnonzero(histogram)
    counts = histogram[stored]
    values = strips.scaled(stored.astype(strips.stored_dtype), np.float64)
    known = np.isfinite(values)
    nan_share = float(counts[~known].sum() / counts.sum())
    values, counts = values[known], counts[known]
    if not counts.size:
        return NOTHING
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    median, largest = _weighted_median(values, counts), float(values[-1])
    distance = np.abs(values - median)
    order = np.argsort(distance, kind="stable")
    total = float(counts.sum())
    return NOTHING._replace(
        median_adu=median, mad_adu=_weighted_median(distance[order], counts[order]), min_adu=float(values[0]),
        max_adu=largest, low_share=float(counts[values <= 0].sum() / total),
        high_share=float(counts[values >= _top(median, largest)].sum() / total), nan_share=nan_share,
    )  # fmt: skip


def _of_samples(samples: NDArray[Any], nan_share: float) -> Levels:
    samples = samples[np.isfinite(samples)]
    if not samples.size:
        return NOTHING
    median, largest = float(np.median(samples)), float(samples.max())
    return NOTHING._replace(
        median_adu=median, mad_adu=float(np.median(np.abs(samples - median))), min_adu=float(samples.min()),
        max_adu=largest, low_share=float(np.mean(samples <= 0)),
        high_share=float(np.mean(samples >= _top(median, largest))), nan_share=nan_share,
    )  # fmt: skip


def _top(median: float, largest: float) -> float:
    return largest - _NEAR_TOP * (largest - median)


def _weighted_median(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """The median of ascending values that are there so many times each."""
    ends = np.cumsum(counts)
    low, high = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
    return float(values[low] + values[high]) / 2


def _median(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else 0.0


def _differences(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Between values two apart in a row, which are of the same colour."""
    rows = values.reshape(shape)
    differences: NDArray[Any] = (rows[:, 2:] - rows[:, :-2]).ravel()
    return differences


def _sample_cells(image: NDArray[Any], strips: Strips, first: int, cells: list[list[NDArray[Any]]]) -> None:
    """Take a regular share of each cell; odd steps meet all colours of a Bayer pattern."""
    cell_pixels = strips.layout.pixel_count // (GRID * GRID)
    step = max(1, int((cell_pixels / _CELL_SAMPLES) ** 0.5)) | 1
    columns = np.arange(0, strips.width, step)
    column_cells = columns * GRID // strips.width
    edges = np.searchsorted(column_cells, np.arange(GRID + 1))
    begin = -first % step
    for number in range(begin, image.shape[0], step):
        cell_row = (first + number) * GRID // strips.height
        values = strips.scaled(np.ascontiguousarray(image[number, columns]))
        for column in range(GRID):
            part = values[edges[column] : edges[column + 1]]
            if part.size:
                cells[cell_row * GRID + column].append(part)
