"""The mean of the samples of each pixel without those that lie far from their median.

Far: more than ``sigmas`` times the standard deviation that follows from the median of the absolute deviations (MAD x
1.4826, for normal noise). Median and MAD stand where up to half of the samples are spoilt; a mean and a standard
deviation would be drawn along by the very outlier that they are to find. One pass: what is kept is not judged anew.
This is what ``ccdproc.combine`` gives with ``sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std``.

Sorted samples make both cheap. The k-th smallest deviation is the least, over all runs of k neighbours in order, of the
larger distance of the two ends of the run; and what is rejected are some of the first and some of the last.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.integration.network import Row, sort_rows
from services.calibration.pixels.levels import MAD_TO_SIGMA

QUANTISED_SIGMA = 0.74
"""Steps between stored numbers: a noise below that can have half of the samples equal, and a MAD of zero."""
SIGMAS = 3.0
_PARTIAL_ROWS = 8

Floats = NDArray[np.float32]


class Kept(NamedTuple):
    """Of each pixel the mean of the samples that were kept, and how many were rejected in all."""

    mean: Floats
    rejected: int


def clipped_mean(rows: Sequence[Row], *, sigmas: float = SIGMAS, least_sigma: float = 0.0) -> Kept:
    """The clipped mean of each pixel over rows of finite samples, which are overwritten.

    Args:
        rows: one-dimensional arrays of one length and type: unsigned integers up to 16 bits, or floats.
        sigmas: how far a sample may lie from the median.
        least_sigma: a standard deviation that none is taken to be below, in the unit of the samples.
    """
    total = _float_sum(rows) if rows[0].dtype.kind == "f" else _integer_sum(rows)
    ordered = sort_rows(rows, np.empty_like(rows[0]))
    count = len(ordered)
    low, high = ordered[(count - 1) // 2], ordered[count // 2]
    limit = _limit(ordered, low, high, sigmas, least_sigma)
    removed = np.zeros(total.shape, np.float64)
    lost = np.zeros(total.shape, np.uint16)
    rejected = 0
    distance = np.empty_like(low)
    for row in ordered[: count // 2]:
        np.subtract(high, row, out=distance)
        if not (found := _remove(row, distance > limit, removed, lost)):
            break
        rejected += found
    for row in reversed(ordered[count - count // 2 :]):
        np.subtract(row, low, out=distance)
        if not (found := _remove(row, distance > limit, removed, lost)):
            break
        rejected += found
    np.subtract(total, removed, out=removed)
    np.divide(removed, count - lost, out=removed)
    return Kept(removed.astype(np.float32), rejected)


def clipped_mean_of_some(block: NDArray[Any], *, sigmas: float = SIGMAS) -> Kept:
    """The same for (frames, pixels) where samples may be NaN, which are no samples; slow, for few pixels.

    A pixel without any sample is NaN.
    """
    wide = block.astype(np.float64)
    means = np.full(wide.shape[1], np.nan, np.float32)
    rejected = 0
    for number, column in enumerate(wide.T):
        samples = column[np.isfinite(column)]
        if samples.size:
            centre = np.median(samples)
            distance = np.abs(samples - centre)
            kept = samples[distance <= sigmas * MAD_TO_SIGMA * np.median(distance)]
            means[number] = kept.mean() if kept.size else centre
            rejected += int(samples.size - kept.size)
    return Kept(means, rejected)


def _remove(row: Row, far: NDArray[np.bool_], removed: NDArray[np.float64], lost: NDArray[np.uint16]) -> int:
    places = np.flatnonzero(far)
    if places.size:
        removed[places] += row[places]
        lost[places] += 1
    return int(places.size)


def _limit(ordered: Sequence[Row], low: Row, high: Row, sigmas: float, least_sigma: float) -> Row:
    """The largest distance, below the higher or above the lower of the two middle samples, that is not far.

    Distances from the median itself are less by half the gap between the two, on both sides; so integers stay such.
    """
    nearest = _nearest(ordered, low, high)
    gap = (high - low).astype(np.float64) / 2
    mad = np.mean(nearest, axis=0, dtype=np.float64) - gap
    limit = np.maximum(mad * MAD_TO_SIGMA, least_sigma) * sigmas + gap
    if low.dtype.kind == "f":
        return limit.astype(low.dtype)
    return np.minimum(np.floor(limit), np.iinfo(low.dtype).max).astype(low.dtype)


def _nearest(ordered: Sequence[Row], low: Row, high: Row) -> list[Row]:
    """The middle one of all distances, or the middle two of an even number of samples."""
    count = len(ordered)
    run = (count + 1) // 2
    best = [np.full_like(low, _largest(low.dtype))]
    if count % 2 == 0:
        best.append(best[0].copy())
    below, above, further = np.empty_like(low), np.empty_like(low), np.empty_like(low)
    np.subtract(ordered[run - 1], low, out=above)
    for begin in range(count - run + 1):
        if begin < len(ordered) and begin <= count // 2:
            np.subtract(high, ordered[begin], out=below)
        if len(best) == 2 and begin + run < count:
            np.subtract(ordered[begin + run], low, out=further)
            np.minimum(best[0], np.maximum(below, above, out=above), out=best[0])
            np.minimum(best[1], np.maximum(below, further, out=above), out=best[1])
            above, further = further, above
            continue
        np.minimum(best[0], np.maximum(below, above, out=above), out=best[0])
        if begin + run < count:
            np.subtract(ordered[begin + run], low, out=above)
    return best


def _largest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _integer_sum(rows: Sequence[Row]) -> NDArray[Any]:
    """The exact sum of up to 65,536 rows of unsigned integers of 8 or 16 bits."""
    length = rows[0].size
    if rows[0].dtype != np.uint16 or length % 2:
        total = np.zeros(length, np.uint32)
        for row in rows:
            np.add(total, row, out=total)
        return total
    # Two neighbours are added as one number of 32 bits each, so that nothing is converted sample by sample.
    even, odd = np.zeros(length // 2, np.uint32), np.zeros(length // 2, np.uint32)
    half = np.empty(length // 2, np.uint32)
    for row in rows:
        pairs = row.view(np.uint32)
        np.add(even, np.bitwise_and(pairs, np.uint32(0xFFFF), out=half), out=even)
        np.add(odd, np.right_shift(pairs, np.uint32(16), out=half), out=odd)
    total = np.empty(length, np.uint32)
    first, second = (even, odd) if np.little_endian else (odd, even)
    total[0::2], total[1::2] = first, second
    return total


def _float_sum(rows: Sequence[Row]) -> NDArray[np.float64]:
    total = np.zeros(rows[0].size, np.float64)
    for start in range(0, len(rows), _PARTIAL_ROWS):
        part = rows[start].copy()
        for row in rows[start + 1 : start + _PARTIAL_ROWS]:
            np.add(part, row, out=part)
        np.add(total, part, out=total)
    return total
