"""How fast an import goes, and how long the rest will take."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 30.0
"""What was done in this time counts: long enough to be steady, short enough to notice a slow disk."""
LEAST_S = 3.0
"""A rate over less than this says nothing."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    files: int
    size_bytes: int
    large_bytes: int
    read_bytes: int


class Meter:
    """Remembers how far an import was in the last seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._samples: deque[_Sample] = deque()

    def look(self, *, files: int, size_bytes: int, large_bytes: int, read_bytes: int) -> None:
        """Remember how far it is: files judged, the size of captures, of large ones apart, and bytes read."""
        at_s = self._now()
        self._samples.append(_Sample(at_s, files, size_bytes, large_bytes, read_bytes))
        while len(self._samples) > 2 and self._samples[1].at_s <= at_s - WINDOW_S:
            self._samples.popleft()

    @property
    def files_per_s(self) -> float | None:
        """Files judged per second, or None before that can be told."""
        return self._per_second(lambda sample: sample.files)

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes read per second, or None before that can be told."""
        return self._per_second(lambda sample: sample.read_bytes)

    def left_s(self, *, files: int, size_bytes: int, large_bytes: int = 0) -> float | None:
        """Seconds for so many files and bytes more, at the rate of late.

        Large files go beside the others, at a rate of their own: terabytes of holes say nothing of a night of frames.

        None before that can be told, and while nothing moves: who waits for a file cannot say how long.
        """
        by_files = _time(files, self.files_per_s)
        by_size = _time(size_bytes, self._per_second(lambda sample: sample.size_bytes))
        large_s = _time(large_bytes, self._per_second(lambda sample: sample.large_bytes))
        others_s = by_size if size_bytes else by_files
        if not large_bytes:
            return others_s
        if not size_bytes:
            return large_s
        return None if large_s is None or others_s is None else max(large_s, others_s)

    def _per_second(self, value: Callable[[_Sample], int]) -> float | None:
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        if last.at_s - first.at_s < LEAST_S:
            return None
        return max(value(last) - value(first), 0) / (last.at_s - first.at_s)


def _time(amount: int, per_second: float | None) -> float | None:
    return amount / per_second if per_second else None
