"""Which process may clean up in a library: the one that holds its lock, for as long as it runs."""

import errno
import fcntl
import os
from pathlib import Path

from shared.library.roots import Root

LOCK_NAME = "lock"
_NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL))


class LibraryLock:
    """An advisory lock (flock(2)) in the library's own folder; the kernel gives it up when the process ends."""

    def __init__(self, library: Root) -> None:
        self._path: Path = library.own_folder / LOCK_NAME
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take the lock, or keep it; False where another process does, or the file system knows no locks.

        Raises OSError when the library cannot be written to.
        """
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if isinstance(error, BlockingIOError) or error.errno in _NO_LOCKS:
                return False
            raise
        self._fd = fd
        return True

    def release(self) -> None:
        """Give the lock up."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
