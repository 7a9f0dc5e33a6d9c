"""The bandwidth that all uploads share: a bucket of bytes that fills at the speed of the settings."""

import asyncio
import time
from collections.abc import Callable

BURST_S = 1.0
"""So many seconds' worth of bytes may be sent at once after a rest."""


class Bucket:
    """Counts without waiting: who takes is told for how long to wait, so that all of them keep to the speed."""

    def __init__(self, bytes_per_s: float, now_s: float) -> None:
        self._speed = bytes_per_s
        self._left = bytes_per_s * BURST_S
        self._at = now_s

    def take(self, count: int, now_s: float) -> float:
        """Take bytes, more than there are as well; seconds to wait before they may be sent."""
        passed_s = max(now_s - self._at, 0.0)
        self._at = max(now_s, self._at)
        self._left = min(self._left + passed_s * self._speed, self._speed * BURST_S) - count
        return max(-self._left / self._speed, 0.0)


class Bandwidth:
    """Waits for the turn of each part; without a limit there is nothing to wait for."""

    def __init__(self, megabytes_per_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bucket = Bucket(megabytes_per_s * 1e6, clock()) if megabytes_per_s is not None else None

    async def turn(self, count: int) -> None:
        """Wait until so many bytes may be sent."""
        if self._bucket is not None:
            await asyncio.sleep(self._bucket.take(count, self._clock()))
