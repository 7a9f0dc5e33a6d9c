"""How the mount is on which a path lies: which file system, whether a share, and whether it may be written to."""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

MOUNTINFO = Path("/proc/self/mountinfo")
_NETWORK_TYPES = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "ncpfs", "virtiofs", "vboxsf")
)
_LOCAL_FUSE_TYPES = frozenset(("fuseblk", "fuse.ntfs-3g", "fuse.exfat", "fuse.lxcfs"))
_OCTAL = re.compile(r"\\([0-7]{3})")


class _Mount(NamedTuple):
    """The type of a file system, how it is mounted here, and how it is for whoever mounts it."""

    fs_type: str = ""
    options: str = ""
    own_options: str = ""


def is_network_filesystem(path: Path, mountinfo: Path = MOUNTINFO) -> bool:
    """Whether a path lies on a network share.

    Unknown FUSE types count as network, and so does every path where the system has no mountinfo: that costs patience
    and never a file.
    """
    fs_type = filesystem_of(path, mountinfo)
    if fs_type is None:
        return True
    if fs_type.startswith("fuse"):
        return fs_type not in _LOCAL_FUSE_TYPES
    return fs_type in _NETWORK_TYPES


def filesystem_of(path: Path, mountinfo: Path = MOUNTINFO) -> str | None:
    """The type of the file system that a path lies on, by the mount that holds it.

    Empty where no mount holds it, None where the system has no mountinfo.
    """
    mount = _mount_of(path, mountinfo)
    return None if mount is None else mount.fs_type


def is_only_read_here(path: Path, mountinfo: Path = MOUNTINFO) -> bool:
    """Whether a path is mounted read-only though its file system is not: as a folder that a container may only read.

    False where the system has no mountinfo.
    """
    mount = _mount_of(path, mountinfo)
    if mount is None:
        return False
    return "ro" in mount.options.split(",") and "ro" not in mount.own_options.split(",")


def _mount_of(path: Path, mountinfo: Path) -> _Mount | None:
    """The mount that holds a path (proc_pid_mountinfo(5)); None where the system has no mountinfo."""
    if sys.platform != "linux":
        return None
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = os.path.realpath(path)
    longest, found = -1, _Mount()
    for line in lines:
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if not separator or len(fields) < 6:
            continue
        mount_point = _unescape(fields[4])
        inside = real == mount_point or real.startswith(mount_point.rstrip("/") + "/")
        if inside and len(mount_point) >= longest:  # of two mounts at one place the later one is on top
            fs_type, _, rest = right.partition(" ")
            longest, found = len(mount_point), _Mount(fs_type, fields[5], rest.rpartition(" ")[2])
    return found


def _unescape(text: str) -> str:
    """Undo the octal escapes of blanks, tabs, newlines and backslashes in mountinfo."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
