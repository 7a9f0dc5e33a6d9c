"""What files were when they were last read: so that one that is the same is not read again."""

import os
import threading
from collections import OrderedDict

MOST = 20_000
"""Files that are remembered: more than one name has versions of."""


class Contents:
    """The content of files by what the file system says of them. Threads may share it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[int, ...], str] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, status: os.stat_result, file_id: str) -> None:
        """Know the content of a file that was read, or written by us, and is as ``status`` says."""
        with self._lock:
            self._known[_identity(status)] = file_id
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def of(self, status: os.stat_result) -> str | None:
        """The content of a file that has not changed since; None where that is not known."""
        with self._lock:
            return self._known.get(_identity(status))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Whatever is written into a file, or takes its place, has another time of change, which nobody can set."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
