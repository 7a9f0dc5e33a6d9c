"""Opening users' files: only regular ones, never through a symbolic link, and with errors as sentences."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shared import inert
from shared.errors import NightbusError, Permanent, Transient

BUFFER_BYTES = 1024 * 1024
"""Size of the buffer that each thread keeps for reading and copying: fresh buffers cost more than they carry."""

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags for every open of a path that is not ours; zero where the system knows no such flags."""

NOT_THERE = frozenset((errno.ENOENT, errno.ENOTDIR))
"""Errors that mean that nothing has the name; all others leave it open."""

_READ = os.O_RDONLY | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Source:
    """An open regular file: its descriptor and what ``fstat`` said when it was opened."""

    path: Path
    fd: int
    status: os.stat_result
    folder: int | None = None
    """Descriptor of the folder in which the file has the last part of ``path`` as its name; None: the path leads."""

    def anew(self) -> "Source":
        """The same open file as it is now. Raises OSError."""
        return replace(self, status=os.fstat(self.fd))

    def require_unchanged(self, read_bytes: int) -> None:
        """Compare the file with what it was when it was opened.

        The ctime is part of it, since it alone moves when a tool rewrites a file and sets its mtime back. The path is
        looked at too: a device that replaces its stack by a rename leaves us reading the old one.

        Raises:
            Transient: the file changed, grew, shrank, was replaced or has gone meanwhile.
        """
        now = os.fstat(self.fd)
        try:
            if self.folder is None:
                named = os.lstat(self.path)
            else:
                named = os.stat(self.path.name, dir_fd=self.folder, follow_symlinks=False)
        except OSError as error:
            raise Transient(f"{shown(self.path)} vanished while it was read") from error
        if (
            read_bytes != self.status.st_size
            or _identity(now) != _identity(self.status)
            or (named.st_ino, named.st_dev) != (now.st_ino, now.st_dev)
        ):
            raise Transient(f"{shown(self.path)} changed while it was read")


@contextmanager
def open_source(path: Path, folder: int | None = None) -> Iterator[Source]:
    """Open a regular file for reading; the descriptor is closed at the end of the block.

    Opened without blocking, so that a pipe put in the place of a file cannot hold the thread. With the descriptor of
    its ``folder`` the file of that name in there is opened, wherever the path leads by now.

    Raises:
        Transient: the file is missing, unreadable or the device failed; files move, permissions and mounts come back.
        Permanent: it is a symbolic link, a folder or a special file.
    """
    try:
        fd = os.open(path, _READ) if folder is None else os.open(path.name, _READ, dir_fd=folder)
    except OSError as error:
        raise reading_error(path, error) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise Permanent(f"{shown(path)} is not a regular file")
        yield Source(path, fd, status, folder)
    except OSError as error:
        raise reading_error(path, error) from error
    finally:
        os.close(fd)


def status_of(path: Path) -> os.stat_result | None:
    """What has the name, links not followed; None where nothing has.

    Raises:
        Transient: it cannot be looked at now.
        Permanent: the path leads in a circle or is too long.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in NOT_THERE:
            return None
        raise reading_error(path, error) from error


def reading_error(path: Path, error: OSError) -> NightbusError:
    """The sentence for a failed open or read."""
    if error.errno == errno.ELOOP:
        return Permanent(f"{shown(path)} is a symbolic link, and links are never followed")
    if error.errno == errno.ENAMETOOLONG:
        return Permanent(f"{shown(path)} cannot be read: the path is too long for this system")
    return Transient(f"{shown(path)} cannot be read: {error.strerror}")


def buffer() -> memoryview:
    """This thread's reading buffer of ``BUFFER_BYTES`` bytes; its content is anybody's."""
    try:
        view: memoryview = _local.view
    except AttributeError:
        view = _local.view = memoryview(bytearray(BUFFER_BYTES))
    return view


def drop_cache(fd: int, offset: int = 0, length: int = 0) -> None:
    """Ask the kernel to forget clean pages, to the end by default, so that what is read next comes from the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)


def shown(path: Path | str) -> str:
    """A path for a message: printable, and no longer than leaves room for what is said of it."""
    return inert.name(path)


def as_utf8(path: str) -> str:
    r"""A path that can be stored whatever bytes it holds: those that are not UTF-8 are written as ``\xff``."""
    if path.isascii():
        return path
    try:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # no file system gives such a name, but people may
        return path.encode("utf-8", "backslashreplace").decode()


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
