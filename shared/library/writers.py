"""Whether a file is still being written to: a recorder may pause for minutes with its file open, and go on.

Linux tells it by a lease (fcntl(2), F_SETLEASE): one for reading is refused while anybody on this host has the file
open for writing, or mapped so. While we hold it, whoever opens the file for writing waits, and we are told, let go at
once, and leave the file to them. The signal that announces that is one that programs ignore; we ask instead.

A lease is for the owner of a file and for root, for Linux, and for file systems of this host. Elsewhere the open files
of all processes that we may look at are gone through (proc_pid_fd(5)), and the file must have rested for long. A share
tells nothing of a writer on another host: there the rest is all.
"""

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import TooEarly
from shared.library.mounts import is_network_filesystem
from shared.library.reading import Source, shown

if sys.platform == "linux":
    import fcntl

LONG_REST_S = 900.0
"""How long a file must have rested of which nobody can tell whether it is open, seconds."""
_WRITING = os.O_WRONLY | os.O_RDWR

Check = Callable[[], None]
"""Raises TooEarly once somebody wants to write to the file."""


@contextmanager
def none_writing(source: Source, rested_s: float, processes: Path = Path("/proc")) -> Iterator[Check]:
    """A block during which nobody writes to an open file; what it yields is to be called now and then, and at the end.

    ``rested_s``: how long the file is known to have held what it holds, seconds.

    Raises:
        TooEarly: it is open for writing, or nobody can tell and it has not rested for ``LONG_REST_S``.
    """
    if _lease(source):
        try:
            yield lambda: _require_lease(source)
        finally:
            _give_up(source)
        return
    if rested_s < LONG_REST_S:
        raise TooEarly(
            f"{shown(source.path)} is kept for now: whether it is still being written to cannot be told here, so it "
            f"has to rest for {LONG_REST_S / 60:.0f} minutes"
        )
    _require_closed(source, processes)
    yield lambda: None
    _require_closed(source, processes)


def _lease(source: Source) -> bool:
    """Take a lease for reading; False where there is none to have."""
    if sys.platform != "linux" or is_network_filesystem(source.path.parent):
        return False  # a share gives leases as its server likes, and refuses them without a writer
    try:
        fcntl.fcntl(source.fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(source.fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise _busy(source.path) from error
        return False  # another's file (EACCES), or a file system without leases (EINVAL)
    return True


def _require_lease(source: Source) -> None:
    if sys.platform == "linux" and fcntl.fcntl(source.fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
        raise _busy(source.path)


def _give_up(source: Source) -> None:
    if sys.platform == "linux":
        fcntl.fcntl(source.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _require_closed(source: Source, processes: Path) -> None:
    """Look through the open files of the processes that may be looked at; those of others are not known."""
    file = (source.status.st_dev, source.status.st_ino)
    for process in _names(processes):
        if process.isdecimal():
            for number in _names(processes / process / "fd"):
                if _is_writing(processes / process, number, file):
                    raise _busy(source.path)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names
    except OSError:
        return []  # it ended, or is another user's: the long rest is for that


def _is_writing(process: Path, number: str, file: tuple[int, int]) -> bool:
    try:
        status = os.stat(process / "fd" / number)  # noqa: PTH116 - of what the link leads to
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) != file:
            return False
        lines = (process / "fdinfo" / number).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False  # closed meanwhile
    flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    return bool(int(flags, 8) & _WRITING)


def _busy(path: Path) -> TooEarly:
    return TooEarly(f"{shown(path)} is kept for now: another program has it open for writing")
