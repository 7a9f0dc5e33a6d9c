"""Folders by descriptor: entered one step at a time, so that no link can be swapped in on the way, and made durable."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.library.access import AS_UMASK, Access
from shared.library.reading import NO_FOLLOW

_FSYNC_UNKNOWN = frozenset((errno.EINVAL, errno.EBADF, errno.ENOTSUP))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | NO_FOLLOW
_making = threading.Lock()


@contextmanager
def open_folder(base: Path, parts: Sequence[str] = (), access: Access = AS_UMASK) -> Iterator[int]:
    """The descriptor of ``base/part/part/...``, making the parts that are missing; closed at the end of the block.

    ``base`` itself must exist and may be reached through links; below it none is followed. A folder that is made here
    is synced into its parent before anybody can find it, so whoever meets an existing folder may rely on it.

    Raises:
        OSError: as the system says; ``ENOTDIR`` or ``ELOOP`` where a part is no folder.
    """
    with _opened(base, parts, lambda parent, part: _enter(parent, part, access)) as fd:
        yield fd


@contextmanager
def enter_folder(base: Path, parts: Sequence[str]) -> Iterator[int]:
    """The same where nothing is made: a part that is missing raises ``FileNotFoundError``."""
    with _opened(base, parts, lambda parent, part: os.open(part, _FOLDER, dir_fd=parent)) as fd:
        yield fd


@contextmanager
def _opened(base: Path, parts: Sequence[str], enter: Callable[[int, str], int]) -> Iterator[int]:
    fd = os.open(os.path.realpath(base), _FOLDER)
    try:
        for part in parts:
            below = enter(fd, part)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def sync_folder(fd: int) -> None:
    """Make the entries of an open folder durable. Some network file systems know no such call: theirs is the risk."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _FSYNC_UNKNOWN:
            raise


def unlink_if_there(name: str, folder: int) -> bool:
    """Remove a name from an open folder; whether it was there. Raises OSError otherwise."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _enter(parent: int, part: str, access: Access) -> int:
    """Open a folder in a folder, making it first where it is missing."""
    try:
        return os.open(part, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        pass
    with _making:
        try:
            os.mkdir(part, dir_fd=parent)
        except FileExistsError:
            return os.open(part, _FOLDER, dir_fd=parent)  # another thread was faster, and synced it: it held the lock
        fd = os.open(part, _FOLDER, dir_fd=parent)
        access.give_folder(fd)
        sync_folder(parent)
    return fd
