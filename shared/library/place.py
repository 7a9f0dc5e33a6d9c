"""Putting a copy into the library under its final name: atomically, durably, and never over another file.

The order of writes, each of which *must* precede the next:

1. the bytes go to ``<root>/.nightbus/tmp/<random>.tmp``, the source's mtime is set, the file is synced (``stage``)
2. the copy is read back from the disk and compared with the hash of what was read from the source (``stage``)
3. the folders on the way are made, each synced into its parent
4. the copy gets its final name by a hard link, which fails where the name is taken; the folder is synced
5. the temporary name is removed

A crash after any step leaves the source untouched and at most a temporary file (``stage.clean_temporaries``) or a
complete, verified file that has no row yet, which the next attempt adopts as "already here".

**Without hard links** (exFAT, some network shares) step 4 first makes the final name as an empty file with
``O_CREAT|O_EXCL``, which is how the name is won, and then renames the copy over that reservation once it is seen to
be still the same, empty file. A crash in between leaves an empty file; the next copy then takes the name ``...-2``.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.errors import NightbusError, Permanent, Transient
from shared.library.contents import Contents
from shared.library.extensions import OWN_PREFIX
from shared.library.folders import open_folder, sync_folder, unlink_if_there
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.reading import NO_FOLLOW, shown
from shared.library.roots import Root, resolve
from shared.library.stage import Staged, discard, stage_file, temporaries
from shared.library.template import PATH_CHARACTERS, numbered

NO_LINKS = frozenset((errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL))
_NOT_A_FILE = frozenset((errno.ELOOP, errno.ENXIO))
_MOST_SAME_NAMES = 10_000
_SHORTEST_NAME = 40
_others = Contents()
"""What has the names that were asked for. Versions of a stack have one size: each would be compared with all others."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that is safe in the library. ``already_here``: this very content had that name before.

    ``mtime_ns`` is the modification time that the file system gives for it: the times of some are coarser than ours.
    """

    relative_path: str
    file_id: str
    size_bytes: int
    mtime_ns: int
    already_here: bool


def copy_verified(source: Path, library: Root, relative_target: str) -> Placed:
    """Copy a file into the library as ``relative_target``, or as that with ``-2``, ``-3``, ... where the name is taken.

    The source is opened for reading alone. Two callers may copy to one path at the same time. Callers that decide
    where a file belongs by its hash use ``stage`` and ``place`` themselves.

    Raises:
        Transient: the source changed or cannot be read, the disk is full or fails, the library is not mounted.
        Permanent: the source is not a regular file, or the target would leave the root or enter ``.nightbus``.
        UserError: the folder belongs to another library.
    """
    place_of(library, relative_target)  # before a gigabyte is copied in vain
    staged = stage_file(source, library)
    try:
        return place(staged, library, relative_target)
    except BaseException:
        with contextlib.suppress(NightbusError):  # the first failure is the one to report; clean_temporaries comes by
            discard(staged, library)
        raise


def place(staged: Staged, library: Root, relative_target: str) -> Placed:
    """Give a staged copy its name. The temporary name is gone afterwards, also where the content was already here.

    Raises as ``copy_verified`` does; the staged copy then stays, to be placed again or discarded.
    """
    target, parts = place_of(library, relative_target)
    parent = relative_target.rpartition("/")[0]
    with temporaries(library, target) as unfinished, open_folder(library.path, parts, library.access) as folder:
        return name_copy(staged, unfinished, folder, target, parent + "/" if parent else "")


def name_copy(staged: Staged, unfinished: int, folder: int, target: Path, prefix: str) -> Placed:
    """Give a staged copy, which lies in the folder ``unfinished``, the name of ``target`` in ``folder``, or a later.

    ``prefix`` is what stands before the name in the relative path. Raises OSError, and as ``place`` does.
    """
    for name, relative_path in names_of(target, prefix):
        new = claim(unfinished, staged.temporary_name, folder, name)
        if new or _holds(folder, name, staged, target.with_name(name)):
            sync_folder(folder)
            unlink_if_there(staged.temporary_name, unfinished)
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            _others.remember(status, staged.file_id)
            return Placed(relative_path, staged.file_id, staged.size_bytes, status.st_mtime_ns, already_here=not new)
    raise Permanent(f"{shown(target)} cannot be placed: {_MOST_SAME_NAMES} other files have that name")


def held_under(digest: Digest, folder: int, target: Path, prefix: str) -> str | None:
    """The relative path under which ``name_copy`` would find this very content; None where it is not there.

    Raises OSError, and Transient where a file vanishes while it is compared.
    """
    for name, relative_path in names_of(target, prefix):
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if held_by(digest, folder, target.with_name(name)):
            return relative_path
    return None


def names_of(target: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """The name of a file, and those that it gets where other contents have that; each with its relative path."""
    characters = max(PATH_CHARACTERS - len(prefix), _SHORTEST_NAME)
    yield target.name, prefix + target.name
    for number in range(2, _MOST_SAME_NAMES):
        name = numbered(target.name, number, characters=characters)
        yield name, prefix + name


def held_by(digest: Digest, folder: int, path: Path) -> bool:
    """Whether the regular file of that name in an open folder holds this very content, which is then made durable.

    Raises OSError, and Transient where it vanishes while it is compared.
    """
    return _holds(folder, path.name, Staged("", digest.file_id, digest.size_bytes), path)


def place_of(library: Root, relative_path: str) -> tuple[Path, tuple[str, ...]]:
    """Where a path of the library is, and the folders from the library to it, links inside the library resolved.

    Raises:
        Permanent: it would leave the root or enter the folder that Nightbus keeps for itself.
    """
    if relative_path.casefold().startswith(OWN_PREFIX):
        raise Permanent(f"'{shown(relative_path)}' is in the folder that Nightbus keeps for itself")
    path = resolve(library, relative_path)
    base = library.path if path.is_relative_to(library.path) else Path(os.path.realpath(library.path))
    return path, path.parent.relative_to(base).parts


def claim(unfinished: int, temporary: str, folder: int, name: str) -> bool:
    """Give the copy a name in a folder unless that is taken; whether it got it."""
    try:
        os.link(temporary, name, src_dir_fd=unfinished, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _claim_by_reservation(unfinished, temporary, folder, name)
    return True


def _claim_by_reservation(unfinished: int, temporary: str, folder: int, name: str) -> bool:
    """The way without hard links: win the name with an empty file, then replace that very file."""
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666, dir_fd=folder)
    except FileExistsError:
        return False
    try:
        reserved = os.fstat(fd)
    finally:
        os.close(fd)
    if not _is_still(reserved, name, folder):
        return False  # somebody wrote into it meanwhile: it is theirs
    try:
        os.rename(temporary, name, src_dir_fd=unfinished, dst_dir_fd=folder)
    except OSError:
        if _is_still(reserved, name, folder):
            os.unlink(name, dir_fd=folder)
        raise
    return True


def _is_still(reserved: os.stat_result, name: str, folder: int) -> bool:
    """Whether a name still belongs to the empty file that reserved it."""
    now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return (now.st_ino, now.st_dev, now.st_size) == (reserved.st_ino, reserved.st_dev, 0)


def _holds(folder: int, name: str, staged: Staged, path: Path) -> bool:
    """Whether the file of that name has the staged content; then it is made durable, since a crash may have left it.

    Raises:
        Transient: it vanished while it was looked at.
    """
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | NO_FOLLOW, dir_fd=folder)
    except FileNotFoundError as error:
        raise Transient(f"{shown(path)} vanished while it was compared") from error
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            return False  # a symbolic link or a socket has the name
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != staged.size_bytes:
            return False
        if _others.of(status) not in (None, staged.file_id):
            return False
        file_id = sha256_descriptor(fd).file_id
        _others.remember(status, file_id)
        if file_id != staged.file_id:
            return False
        os.fsync(fd)
    finally:
        os.close(fd)
    return True
