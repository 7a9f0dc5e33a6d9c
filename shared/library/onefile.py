"""Whether two paths are one file, so that removing the one would remove the other.

On one device the inode tells: hard links, bind mounts, links to folders. A share is another device with inodes of its
own, and what it shows may be a folder that is also here by another way: a local folder that a NAS serves to itself, or
a share that is mounted by two protocols. Then a change is made on one side and looked for on the other. Each of the two
ways has its blind side, the caches of the mount through which it is looked at; so both are tried.
"""

import os
import secrets
import stat
from pathlib import Path

from shared.errors import Transient
from shared.library.extensions import OWN_PREFIX
from shared.library.folders import open_folder
from shared.library.reading import NO_FOLLOW, reading_error, shown, status_of
from shared.library.settle import is_network_filesystem

_SECOND_NS = 10**9


def is_one_file(source: Path, stored: Path) -> bool:
    """Whether a source and a stored copy are one file. Where one of them is no regular file, the answer is no.

    Where shares are involved, the source's mtime is changed for a moment, and a file is made for a moment beside the
    stored copy.

    Raises:
        Transient: one of them cannot be looked at now, or the folder of the stored copy takes no file.
    """
    found = [status_of(path) for path in (source, stored)]
    if any(status is None or not stat.S_ISREG(status.st_mode) for status in found):
        return False
    one, other = (status for status in found if status is not None)
    if one.st_dev == other.st_dev:
        return one.st_ino == other.st_ino
    shares = [is_network_filesystem(path.parent) for path in (source, stored)]
    if not any(shares):
        return False
    if all(shares) and one.st_ino == other.st_ino:
        return True  # one server by two protocols: both give its own number, and both may hide what is new
    return _shows_new_names(stored.parent, source.parent) or _shows_new_times(source, one, stored)


def _shows_new_names(stored: Path, source: Path) -> bool:
    """Make a file of a name that nobody ever asked for in the folder of the copy, and look for it at the source."""
    name = f"{OWN_PREFIX}-{secrets.token_hex(16)}"
    try:
        with open_folder(stored) as folder:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600, dir_fd=folder)
            try:
                try:
                    os.write(fd, b"made by Nightbus for a moment, to see whether a source shows it, too\n")
                    os.fsync(fd)
                finally:
                    os.close(fd)  # some shares show a file only then
                return os.path.lexists(source / name)
            finally:
                os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise Transient(f"no file can be made in {shown(stored)}: {error.strerror}") from error


def _shows_new_times(source: Path, status: os.stat_result, stored: Path) -> bool:
    """Give the source another mtime, and see whether the copy has it then. Who may delete a file need not own it."""
    moved_ns = status.st_mtime_ns - 2 * (1 + secrets.randbelow(10**6)) * _SECOND_NS  # exFAT keeps even seconds
    try:
        os.utime(source, ns=(status.st_atime_ns, moved_ns), follow_symlinks=False)
    except OSError:
        return False
    try:
        found = status_of(stored)
        return found is not None and abs(found.st_mtime_ns - moved_ns) < 2 * _SECOND_NS
    finally:
        try:
            os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        except OSError as error:
            raise reading_error(source, error) from error
