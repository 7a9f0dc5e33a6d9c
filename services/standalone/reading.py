"""Whether a server that reads its store before it takes clients gets on, or would do so for ever."""

import os
import time
from pathlib import Path

LOOK_EVERY_S = 2.0
"""Between two looks at a server that starts."""
LONGEST_S = 300.0
"""A store of 10 GiB is read within that, also by a slow disk."""
_WORKS = 0.02
"""Share of its time that a server works, at least, while it reads; one that hangs does nothing."""
_READINGS, _FEWEST_BYTES = 3, 256 * 1024**2
"""A server that has read so many times what its store holds comes to the same damaged block again and again."""


class Reading:
    """A start, from the moment that this is made. ``patience_s``: how long a server may do nothing."""

    def __init__(self, store: Path, patience_s: float) -> None:
        self._patience_s = patience_s
        size_bytes = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        self._most_bytes = max(_FEWEST_BYTES, _READINGS * size_bytes)
        self._started = self._worked_at = self._looked_at = time.monotonic()
        self._worked_s = 0.0

    def standstill(self, pid: int) -> str | None:
        """Why there is nothing to wait for any more, as the end of a sentence; None while it gets on."""
        now, worked_s = time.monotonic(), _processor_seconds(pid)
        if worked_s - self._worked_s >= _WORKS * (now - self._looked_at):
            self._worked_at = now
        self._worked_s, self._looked_at = worked_s, now
        if _bytes_read(pid) > self._most_bytes:
            return "reads the same part of its store again and again"
        idle = self._worked_at < now and now - self._worked_at >= self._patience_s
        if idle or now - self._started >= LONGEST_S:
            return f"was not ready after {now - self._started:.0f} s"
        return None


def _processor_seconds(pid: int) -> float:
    """Processor time that a process has used, seconds; 0 where /proc is absent or the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc_pid_stat(5)


def _bytes_read(pid: int) -> int:
    """Bytes that a process has read, from the disk or not; 0 where that is not told, as to root in a container."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return 0
    return int(lines[0].removeprefix("rchar: "))  # proc_pid_io(5)
