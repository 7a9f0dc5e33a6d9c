"""Who writes to a library: the process that holds its lock, for as long as it runs, and others of its stack.

Two stacks cannot share one library: each would place files of which the other has no row. Processes of one stack may,
as when a new one starts before the old one has ended; whoever holds the lock may clean up there.
"""

import errno
import fcntl
import os
import socket
from pathlib import Path

from shared.errors import Transient
from shared.library.reading import shown
from shared.library.room import NO_SPACE
from shared.library.roots import Root

LOCK_NAME = "lock"
_NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL))
_MOST_CHARS = 300


class InUseError(Transient):
    """Another stack writes to the library."""


class LibraryLock:
    """An advisory lock (flock(2)) in the library's own folder; the kernel gives it up when the process ends.

    Its file says who holds it: the stack, the host and the process, a line each.
    """

    def __init__(self, library: Root) -> None:
        self._library: Path = library.path
        self._path: Path = library.own_folder / LOCK_NAME
        self._fd: int | None = None

    def acquire(self, stack: str) -> bool:
        """Take the lock, or keep it; False where a process of the same stack has it, or the file system knows no locks.

        ``stack`` is what tells this stack from others, in one line.

        Raises:
            InUseError: a process of another stack has it, or one that does not say of which.
            OSError: the library cannot be written to.
        """
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder, *where = os.pread(fd, _MOST_CHARS, 0).decode(errors="replace").split("\n")
            os.close(fd)
            if holder == stack:
                return False
            raise InUseError(_sentence(self._library, where)) from error
        except OSError as error:
            os.close(fd)
            if error.errno in _NO_LOCKS:
                return False
            raise
        self._fd = fd
        self._sign(f"{stack}\n{socket.gethostname()}\n{os.getpid()}\n")
        return True

    def release(self) -> None:
        """Give the lock up."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _sign(self, holder: str) -> None:
        """Write who holds the lock. On a full disk it stays unsigned: others wait, and know not for whom."""
        assert self._fd is not None
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, holder.encode(), 0)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise


def _sentence(library: Path, where: list[str]) -> str:
    host, process = (*where, "", "")[:2]
    who = f" (process {shown(process)} on {shown(host)})" if host and process else ""
    return (
        f"another Nightbus{who} brings files into {shown(library)}, and two cannot share a library: stop that one, or "
        "set library.path to a folder of its own"
    )
