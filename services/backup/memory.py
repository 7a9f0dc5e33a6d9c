"""Memory that is given back: parts of archives are large, and live for seconds."""

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
"""As malloc.h of glibc calls it (mallopt(3))."""
_LARGE_BYTES = 1024 * 1024


def give_back_large_blocks() -> None:
    """Have every block of a MiB or more be given back to the system at once when it is freed, where glibc is.

    Left to itself it keeps blocks of up to 32 MiB for later, in a heap for each thread.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
