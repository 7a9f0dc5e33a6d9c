"""Links beside files of the library, made only where a person chose them (docs/adr/0042).

A hard link is a further name of one file, so whoever writes into it writes into the original. It is therefore made of
files of the library alone, and the file is made read-only first: a tool that writes in place is refused, and one that
writes a new file leaves the original alone. A symbolic link says where the file is; it is never followed by Nightbus.
"""

import errno
import math
import os
import stat
from pathlib import Path
from typing import NamedTuple

from shared.errors import Transient, UserError
from shared.library.folders import enter_folder, open_folder, sync_folder
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.place import NO_LINKS, Placed, held_by, names_of, place_of
from shared.library.reading import NOT_THERE, open_source, shown
from shared.library.roots import Root, read_marker, resolve
from shared.library.stage import temporaries
from shared.library.writers import none_writing

_NO_HARD_LINK = NO_LINKS | {errno.EXDEV}
_WRITING = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Linked(NamedTuple):
    """A link in the library. ``links_to``: what a symbolic link says; None where the name leads to the file itself."""

    placed: Placed
    links_to: str | None = None


def hard_link(library: Root, from_path: str, to_path: str, content: Digest) -> Placed:
    """Give a file of the library a further name, or that with a suffix where another content has it.

    The file is read-only from then on.

    Raises:
        UserError: it holds other bytes, it cannot be made read-only, or the file system knows no hard links.
        TooEarly: somebody has it open for writing.
        Transient: the library is away or cannot be written to.
        Permanent: a path leaves the library.
    """
    path, parts = place_of(library, from_path)
    target, to_parts = place_of(library, to_path)
    parent = to_path.rpartition("/")[0]
    with (
        temporaries(library, target),
        enter_folder(library.path, parts) as folder,
        open_folder(library.path, to_parts, library.access) as to_folder,
        open_source(path, folder) as opened,
        none_writing(opened, math.inf) as check,
    ):
        _make_read_only(opened.fd, path)
        as_read_only = opened.anew()
        digest = sha256_descriptor(opened.fd, lambda _count: check())
        as_read_only.require_unchanged(digest.size_bytes)
        if digest != content:
            raise UserError(f"{shown(path)} does not hold what is to be linked")
        for name, relative in names_of(target, f"{parent}/" if parent else ""):
            new = _name(path.name, folder, name, to_folder)
            if new or _is_one(name, to_folder, opened.status) or held_by(content, to_folder, target.with_name(name)):
                sync_folder(to_folder)
                status = os.stat(name, dir_fd=to_folder, follow_symlinks=False)
                return Placed(relative, content.file_id, content.size_bytes, status.st_mtime_ns, already_here=not new)
    raise UserError(f"{shown(target)} cannot be linked: too many other files have that name")


def symbolic_link(source: Root, from_path: str, library: Root, to_path: str, content: Digest) -> Linked:
    """Make a symbolic link in the library to a file of any root: relative within the library, else absolute.

    Raises:
        UserError: the file holds other bytes, or the file system knows no symbolic links.
        Transient: the library is away or cannot be written to, or the file cannot be read now.
        Permanent: a path leaves its root.
    """
    path = resolve(source, from_path)
    target, to_parts = _name_at(library, to_path)
    parent = to_path.rpartition("/")[0]
    says = os.path.relpath(path, target.parent) if path.is_relative_to(library.path) else str(path)
    with open_source(path) as opened:
        digest = sha256_descriptor(opened.fd)
        opened.require_unchanged(digest.size_bytes)
    if digest != content:
        raise UserError(f"{shown(path)} does not hold what is to be linked")
    with temporaries(library, target), open_folder(library.path, to_parts, library.access) as to_folder:
        for name, relative in names_of(target, f"{parent}/" if parent else ""):
            new = _say(says, name, to_folder, target)
            is_link = new or _says(name, to_folder) == says
            if is_link or held_by(content, to_folder, target.with_name(name)):
                sync_folder(to_folder)
                status = os.stat(name, dir_fd=to_folder, follow_symlinks=False)
                placed = Placed(relative, content.file_id, content.size_bytes, status.st_mtime_ns, already_here=not new)
                return Linked(placed, says if is_link else None)
    raise UserError(f"{shown(target)} cannot be linked: too many other files have that name")


def require_link(library: Root, relative_path: str, links_to: str) -> None:
    """Make sure that a symbolic link is what it was, or is gone.

    Raises:
        UserError: something else has its name.
        Transient: the library is away.
    """
    path, _parts = _name_at(library, relative_path)
    read_marker(library)
    try:
        says = os.fspath(path.readlink())
    except OSError as error:
        if error.errno in NOT_THERE:
            return
        says = None
    if says != links_to:
        raise UserError(_other(path, links_to))


def drop_link(library: Root, relative_path: str, links_to: str) -> bool:
    """Remove a symbolic link, and never what it leads to; whether there was one to remove.

    Raises:
        UserError: something else has its name by now, and stays.
        Transient: the library is away or cannot be written to.
    """
    path, parts = _name_at(library, relative_path)
    read_marker(library)
    try:
        with enter_folder(library.path, parts) as folder:
            if (says := _says(path.name, folder)) is None and not _is_there(path.name, folder):
                return False
            if says != links_to:
                raise UserError(_other(path, links_to))
            os.unlink(path.name, dir_fd=folder)
            sync_folder(folder)
    except OSError as error:
        if error.errno in NOT_THERE:
            return False
        raise Transient(f"{shown(path)} cannot be removed: {error.strerror}") from error
    return True


def _name_at(library: Root, relative_path: str) -> tuple[Path, tuple[str, ...]]:
    """As ``place_of``, wherever a link of that name leads to: only the folders on the way count."""
    beside, parts = place_of(library, f"{relative_path}.link")
    return beside.with_name(relative_path.rpartition("/")[2]), parts


def _make_read_only(fd: int, path: Path) -> None:
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    if not mode & _WRITING:
        return
    try:
        os.fchmod(fd, mode & ~_WRITING)
    except OSError as error:
        raise UserError(
            f"{shown(path)} cannot be made read-only ({error.strerror}), so it gets no hard link: "
            "choose copy or reflink"
        ) from error


def _name(name: str, folder: int, new_name: str, to_folder: int) -> bool:
    try:
        os.link(name, new_name, src_dir_fd=folder, dst_dir_fd=to_folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_HARD_LINK:
            raise UserError(
                f"the file system of {shown(new_name)} takes no hard link ({error.strerror}): choose copy or reflink"
            ) from error
        raise
    return True


def _say(says: str, name: str, folder: int, target: Path) -> bool:
    try:
        os.symlink(says, name, dir_fd=folder)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in NO_LINKS:
            raise UserError(
                f"the file system of {shown(target)} takes no symbolic link ({error.strerror}): choose copy or reflink"
            ) from error
        raise
    return True


def _says(name: str, folder: int) -> str | None:
    """What a symbolic link says; None where it is none, or is not there."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in NOT_THERE or error.errno == errno.EINVAL:
            return None
        raise


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_one(name: str, folder: int, status: os.stat_result) -> bool:
    return os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), status)


def _other(path: Path, links_to: str) -> str:
    return f"{shown(path)} stays: it is no link to {shown(links_to)} any more"
