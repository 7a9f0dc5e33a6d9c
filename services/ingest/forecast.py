"""For how many nights a disk has room."""

RECENT_NIGHTS = 10
"""Nights that say how much a night brings; whole ones, the last in which there was anything."""


def mean_night_bytes(size_bytes: int, nights: int) -> int | None:
    """What one of ``nights`` nights brought on average; None where they brought nothing, or there were none."""
    return -(-size_bytes // nights) if nights > 0 and size_bytes > 0 else None


def nights_left(free_bytes: int, reserve_bytes: int, night_bytes: int | None) -> float | None:
    """How many nights of ``night_bytes`` fit beside the reserve, which is never used; None where that is unknown."""
    return max(free_bytes - reserve_bytes, 0) / night_bytes if night_bytes else None
