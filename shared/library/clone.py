"""Reflinks: copies that share their blocks with what they were made of, until one of the two is written to.

Btrfs, XFS, bcachefs and some others know them; the call is FICLONE of ioctl_ficlonerange(2). A reflink takes no room,
and what a tool writes into it changes nothing of the other file.
"""

import errno
import sys

_FICLONE = 0x40049409
_NOT_HERE = frozenset(
    (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.ETXTBSY)
)


def clone(source: int, target: int) -> bool:
    """Let an open empty file share all blocks of another one; whether the file system did so. Raises OSError."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        return False
    return True
