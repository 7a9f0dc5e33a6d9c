"""Whether two paths are one file, so that removing the one would remove the other.

On one device the inode tells: hard links, bind mounts, links to folders. Shares and layers over other folders are
devices with inodes of their own, and what they show may be a folder that is also here by another way: a local folder
that a NAS serves to itself, a share that is mounted by two protocols, the folders below an overlay. Then a change is
made on one side and looked for on the other. Each of the two ways has its blind side, such as the caches of the mount
through which it is looked at, or the layer that is not written to; so both are tried.
"""

import os
import secrets
import stat
from pathlib import Path

from shared.errors import Transient
from shared.library.extensions import OWN_PREFIX
from shared.library.folders import open_folder
from shared.library.mounts import filesystem_of, is_network_filesystem
from shared.library.reading import NO_FOLLOW, Source, reading_error, shown, status_of

_SECOND_NS = 10**9
_OWN_FILES = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "vfat", "msdos", "exfat",
     "ntfs", "ntfs3", "fuseblk", "hfs", "hfsplus", "iso9660", "udf", "tmpfs", "ramfs")
)  # fmt: skip
"""File systems that keep their files themselves: what two of them hold on two devices are two files. Layers over
other folders (overlay, mergerfs, ecryptfs) show files of theirs as their own, and so may whatever is not known."""


def is_one_file(source: Source, stored: Path) -> bool:
    """Whether an open source and a stored copy are one file. Where the copy is no regular file, the answer is no.

    Where devices do not tell, the source's mtime is changed for a moment, and a file is made for a moment beside the
    stored copy.

    Raises:
        Transient: one of them cannot be looked at now, or the folder of the stored copy takes no file.
    """
    one, other = source.status, status_of(stored)
    if other is None or not stat.S_ISREG(other.st_mode):
        return False
    if one.st_dev == other.st_dev:
        return one.st_ino == other.st_ino
    folders = (source.path.parent, stored.parent)
    if all(filesystem_of(folder) in _OWN_FILES for folder in folders):
        return False
    if all(is_network_filesystem(folder) for folder in folders) and one.st_ino == other.st_ino:
        return True  # one server by two protocols: both give its own number, and both may hide what is new
    return _shows_new_names(stored.parent, source) or _shows_new_times(source, stored)


def _shows_new_names(stored: Path, source: Source) -> bool:
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
                return _has(source, name)
            finally:
                os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise Transient(f"no file can be made in {shown(stored)}: {error.strerror}") from error


def _has(source: Source, name: str) -> bool:
    """Whether the folder of the source shows a file of that name."""
    if source.folder is None:
        return os.path.lexists(source.path.parent / name)
    try:
        os.stat(name, dir_fd=source.folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _shows_new_times(source: Source, stored: Path) -> bool:
    """Give the source another mtime, and see whether the copy has it then. Who may delete a file need not own it."""
    status = source.status
    moved_ns = status.st_mtime_ns - 2 * (1 + secrets.randbelow(10**6)) * _SECOND_NS  # exFAT keeps even seconds
    try:
        os.utime(source.fd, ns=(status.st_atime_ns, moved_ns))
    except OSError:
        return False
    try:
        found = status_of(stored)
        return found is not None and abs(found.st_mtime_ns - moved_ns) < 2 * _SECOND_NS
    finally:
        try:
            os.utime(source.fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            raise reading_error(source.path, error) from error
