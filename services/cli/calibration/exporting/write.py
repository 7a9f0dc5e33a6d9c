"""Writing the files of a tree: each whole or not at all, and never over another.

A copy is made under another name, hashed on its way, synced, read back from the disk, and gets its name only where
nothing has that. What an interrupted export left under such another name is made anew; while another export writes it,
nothing is done.
"""

import contextlib
import errno
import fcntl
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from services.cli.calibration.exporting.model import How, Item
from shared.errors import NightbusError, UserError
from shared.library.clone import clone
from shared.library.exchange import CannotExchangeError, rename_if_free
from shared.library.folders import open_folder, sync_folder
from shared.library.hashing import sha256_descriptor
from shared.library.reading import buffer, drop_cache, open_source, shown
from shared.library.template import cut_name
from shared.library.writers import none_writing

LIBRARY = "library"
_PART = ".nightbus-part"
_PART_NAME_BYTES = 200
_WRITING = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_NO_LINK = frozenset((errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV))

_NO_LOCK = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))


def write(folder: Path, item: Item, how: How) -> None:
    """Write one file.

    Raises:
        UserError: its original cannot be read or holds other bytes, its name is taken, or the disk refuses.
    """
    path = folder / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if how == "symlink":
            _require_there(item)
            path.symlink_to(item.stored.path)
        elif how == "hardlink":
            _hard_link(item, path)
        else:
            _copy(item, path, sharing=how == "reflink")
    except FileExistsError as error:
        raise UserError(f"{shown(path)} is there already, and nothing is overwritten") from error
    except OSError as error:
        raise UserError(f"{shown(path)} cannot be written: {error.strerror}") from error
    except NightbusError as error:
        raise UserError(f"{item.path} is not exported: {error}") from error


def shares_blocks(folder: Path, item: Item) -> bool:
    """Whether the disk of the tree can share blocks with an original, tried on an empty file of ours."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    probe = there / f".nightbus-{os.getpid()}{_PART}"
    try:
        with open_source(item.stored.path) as opened, probe.open("xb") as file:
            return clone(opened.fd, file.fileno())
    except (OSError, NightbusError):
        return False  # the copies say why, each by itself
    finally:
        probe.unlink(missing_ok=True)


def _copy(item: Item, path: Path, *, sharing: bool) -> None:
    part = path.with_name(f".{cut_name(path.name, size_bytes=_PART_NAME_BYTES)}{_PART}")
    with _only_ours(part) as fd:
        _make(item, fd, sharing=sharing)
        with open_folder(path.parent) as into:
            _name(part.name, path.name, into)
            sync_folder(into)


@contextlib.contextmanager
def _only_ours(part: Path) -> Iterator[int]:
    """A new, empty file that this export alone writes; its name is taken away at the end.

    Raises:
        UserError: another export writes it now.
    """
    with contextlib.suppress(FileNotFoundError):
        left = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
        try:
            _hold(left, part)
            part.unlink()
        finally:
            os.close(left)
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        _hold(fd, part)
        try:
            yield fd
        finally:
            part.unlink(missing_ok=True)
    finally:
        os.close(fd)


def _hold(fd: int, part: Path) -> None:
    """Lock a file where its file system has locks, and make sure that it still has its name."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError("another export writes it now") from error
    except OSError as error:
        if error.errno not in _NO_LOCK:
            raise
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(fd), part.lstat()):
            return
    raise UserError("another export writes it now")


def _make(item: Item, fd: int, *, sharing: bool) -> None:
    """Make an empty file a durable copy, which was read back and holds what it should."""
    with open_source(item.stored.path) as opened:
        if not (sharing and clone(opened.fd, fd)):
            _transfer(opened.fd, fd)
        opened.require_unchanged(os.fstat(fd).st_size)
        os.utime(fd, ns=(opened.status.st_atime_ns, opened.status.st_mtime_ns))
    os.fsync(fd)
    drop_cache(fd)
    os.lseek(fd, 0, os.SEEK_SET)
    if sha256_descriptor(fd).file_id != item.stored.file_id:
        raise UserError(f"{shown(item.stored.path)} does not hold what is known of it")


def _transfer(source: int, target: int) -> None:
    view = buffer()
    while count := os.readv(source, [view]):
        chunk = view[:count]
        while chunk:
            chunk = chunk[os.write(target, chunk) :]


def _name(part: str, name: str, folder: int) -> None:
    """Give a finished copy its name; FileExistsError where something has it."""
    try:
        os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        with contextlib.suppress(CannotExchangeError):
            rename_if_free(folder, part, folder, name)
            return
        with contextlib.suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from error
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)


def _hard_link(item: Item, path: Path) -> None:
    if item.stored.root != LIBRARY:
        raise UserError(
            f"it lies in the root {item.stored.root}, whose files get no hard links, since other programs write there: "
            "choose --how copy, reflink or symlink"
        )
    with open_source(item.stored.path) as opened, none_writing(opened, math.inf) as check:
        mode = stat.S_IMODE(opened.status.st_mode)
        if mode & _WRITING:
            try:
                os.fchmod(opened.fd, mode & ~_WRITING)
            except OSError as error:
                raise UserError(
                    f"{shown(item.stored.path)} cannot be made read-only ({error.strerror}), so it gets no hard link: "
                    "choose --how copy or reflink"
                ) from error
        as_read_only = opened.anew()
        digest = sha256_descriptor(opened.fd, lambda _count: check())
        as_read_only.require_unchanged(digest.size_bytes)
        if digest.file_id != item.stored.file_id:
            raise UserError(f"{shown(item.stored.path)} does not hold what is known of it")
    try:
        os.link(item.stored.path, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        raise UserError(
            f"a hard link to {shown(item.stored.path)} cannot be made ({error.strerror}): choose --how copy or reflink"
        ) from error


def _require_there(item: Item) -> None:
    with open_source(item.stored.path) as opened:
        if opened.status.st_size != item.stored.size_bytes:
            raise UserError(f"{shown(item.stored.path)} does not hold what is known of it")
