"""Sorting many pixels at once: a network of comparators, each of which orders two whole rows of samples.

Source: Batcher's odd-even merge exchange (Knuth, The Art of Computer Programming, volume 3, 5.2.2, algorithm M). What
is compared does not depend on the values, so each step is one minimum and one maximum over contiguous memory, which
NumPy does with the widest instructions of the machine, without the interpreter's lock.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = NDArray[Any]


@cache
def comparators(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of positions to compare, in order, that sort ``count`` samples."""
    pairs: list[tuple[int, int]] = []
    if count < 2:
        return ()
    top = 1 << ((count - 1).bit_length() - 1)
    step = top
    while step:
        reach, residue, distance = top, 0, step
        while True:
            pairs += [(low, low + distance) for low in range(count - distance) if low & step == residue]
            if reach == step:
                break
            distance, reach, residue = reach - step, reach >> 1, step
        step >>= 1
    return tuple(pairs)


def sort_rows(rows: Sequence[Row], spare: Row) -> list[Row]:
    """Rows such that every pixel's samples ascend from the first to the last; the memory of all is used, and ``spare``.

    Rows are one-dimensional, of the same length and type, and hold no NaN.
    """
    ordered = list(rows)
    for low, high in comparators(len(ordered)):
        first, second = ordered[low], ordered[high]
        np.minimum(first, second, out=spare)
        np.maximum(first, second, out=second)
        ordered[low], spare = spare, first
    return ordered
