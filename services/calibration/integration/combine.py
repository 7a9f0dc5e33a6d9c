"""Frames combined strip by strip: as many rows at a time as a bound of memory allows, the strips shared by threads.

Frames that are only to be averaged (bias, dark, dark-flat) stay integers to the end. Flats become floats: the bias or
dark-flat is subtracted, and each is scaled to the level of all.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.calibration.integration.clip import QUANTISED_SIGMA, SIGMAS, clipped_mean, clipped_mean_of_some
from services.calibration.pixels.strips import Strips

MEMORY_BYTES = 256 << 20
"""Samples in memory at a time, of all threads."""
THREADS = 2
_CHUNK_BYTES = 1 << 19
_LEAST_CHUNK, _MOST_CHUNK = 4096, 32_768

Floats = NDArray[np.float32]
Write = Callable[[int, Floats], None]
"""Takes rows of the result, from the row of this number on; called in the order of rows."""
Check = Callable[[int], None]
"""Told how many rows are done; raises what is to end the work."""


class Combined(NamedTuple):
    """What a combination came to."""

    samples: int
    rejected: int
    empty: int
    """Pixels without a single sample: NaN."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How frames are combined: ``subtract`` is taken from each, which is then multiplied with its own of ``scales``."""

    frames: Sequence[Strips]
    subtract: Strips | None = None
    scales: Sequence[float] | None = None
    sigmas: float = SIGMAS
    memory_bytes: int = MEMORY_BYTES
    threads: int = THREADS

    @property
    def stays_integer(self) -> bool:
        """Whether stored numbers of all frames mean the same and may be averaged as they are."""
        first = self.frames[0]
        alike = {(one.stored_dtype, one.scale, one.zero) for one in self.frames}
        plain = first.stored_dtype in (np.uint8, np.uint16) and all(one.blank is None for one in self.frames)
        return plain and len(alike) == 1 and self.subtract is None and self.scales is None

    @property
    def strip_rows(self) -> int:
        """Rows of a strip."""
        item = self.frames[0].stored_dtype.itemsize
        row_bytes = self.frames[0].width * len(self.frames) * item
        return max(1, min(self.frames[0].height, self.memory_bytes // ((self.threads + 1) * row_bytes)))


def combine(plan: Plan, write: Write, check: Check = lambda _rows: None) -> Combined:
    """Combine frames of one size.

    Raises:
        Transient: a frame changed or cannot be read now.
    """
    height, rows = plan.frames[0].height, plan.strip_rows
    done = Combined(0, 0, 0)
    with ThreadPoolExecutor(plan.threads, thread_name_prefix="integration") as pool:
        waiting: deque[tuple[int, Future[tuple[Floats, Combined]]]] = deque()
        begins = iter(range(0, height, rows))
        try:
            while True:
                while len(waiting) < plan.threads and (begin := next(begins, None)) is not None:
                    waiting.append((begin, pool.submit(_strip, plan, begin, min(begin + rows, height))))
                if not waiting:
                    return done
                begin, future = waiting.popleft()
                mean, counts = future.result()
                write(begin, mean)
                done = Combined(*(a + b for a, b in zip(done, counts, strict=True)))
                check(min(begin + rows, height))
        finally:
            for _begin, future in waiting:
                future.cancel()


def _strip(plan: Plan, first: int, last: int) -> tuple[Floats, Combined]:
    """The rows from ``first`` up to ``last`` of the result."""
    length = (last - first) * plan.frames[0].width
    stored = [frame.stored(first, last) for frame in plan.frames]
    mean = np.empty(length, np.float32)
    pedestal = None if plan.subtract is None else plan.subtract.values(first, last)
    rejected = empty = 0
    for part in _chunks(length, len(stored), 2 if plan.stays_integer else 4):
        samples = [frame[part] for frame in stored]
        found, nothing = (
            _integers(plan, samples, mean[part])
            if plan.stays_integer
            else _floats(plan, samples, None if pedestal is None else pedestal[part], mean[part])
        )
        rejected, empty = rejected + found, empty + nothing
    return mean, Combined(length * len(stored), rejected, empty)


def _integers(plan: Plan, samples: list[NDArray[Any]], out: Floats) -> tuple[int, int]:
    frame = plan.frames[0]
    kept = clipped_mean(samples, sigmas=plan.sigmas, least_sigma=QUANTISED_SIGMA)
    np.multiply(kept.mean, np.float32(frame.scale), out=out)
    np.add(out, np.float32(frame.zero), out=out)
    return kept.rejected, 0


def _floats(plan: Plan, samples: list[NDArray[Any]], pedestal: Floats | None, out: Floats) -> tuple[int, int]:
    block = np.empty((len(samples), out.size), np.float32)
    for number, (frame, stored) in enumerate(zip(plan.frames, samples, strict=True)):
        values = frame.scaled(stored)
        if pedestal is not None:
            np.subtract(values, pedestal, out=values)
        if plan.scales is not None:
            np.multiply(values, np.float32(plan.scales[number]), out=values)
        block[number] = values
    holes = np.flatnonzero(~np.isfinite(block.sum(axis=0)))
    some = clipped_mean_of_some(block[:, holes], sigmas=plan.sigmas) if holes.size else None
    if some is not None:
        block[:, holes] = 0.0
    kept = clipped_mean(list(block), sigmas=plan.sigmas, least_sigma=_least_sigma(plan))
    out[:] = kept.mean
    if some is None:
        return kept.rejected, 0
    out[holes] = some.mean
    return kept.rejected + some.rejected, int(np.count_nonzero(~np.isfinite(some.mean)))


def _least_sigma(plan: Plan) -> float:
    """Of frames that were written as integers, in the unit of the result."""
    steps = [
        frame.scale * (1.0 if plan.scales is None else plan.scales[number]) if frame.stored_dtype.kind == "u" else 0.0
        for number, frame in enumerate(plan.frames)
    ]
    return QUANTISED_SIGMA * max(steps)


def _chunks(length: int, frames: int, item_bytes: int) -> Iterator[slice]:
    """Pieces of a strip that fit into the caches of a processor; of an even length but the last."""
    size = max(_LEAST_CHUNK, min(_MOST_CHUNK, _CHUNK_BYTES // (frames * item_bytes) // 1024 * 1024))
    for begin in range(0, length, size):
        yield slice(begin, min(begin + size, length))


def threads_here(most: int = THREADS) -> int:
    """Threads that this process may keep busy."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(most, usable))
