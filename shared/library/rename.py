"""Giving a file of a library another name: it has both names until somebody decides, and never none.

The order of writes, each of which *must* precede the next:

1. the file gets the new name by a hard link, which fails where that is taken; the new folder is synced (``add_name``)
2. the caller commits that the file is there now
3. the old name is removed, and the old folder is synced (``drop_name``)

Before 2 it can be undone: ``take_name_back`` removes the new name. Each step may be repeated after a crash. Neither
removes a name unless the other one is seen to lead to the very same file, or to a copy that is whole.

**Where a file cannot have two names** (another file system, exFAT, some network shares) the new name is a verified
copy, and a name is removed only after both copies were read and hashed (``remove``).
"""

import errno
import math
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.errors import NightbusError, UserError
from shared.library.folders import enter_folder, open_folder, sync_folder
from shared.library.hashing import Digest
from shared.library.place import NO_LINKS, claim, place_of
from shared.library.reading import NOT_THERE, reading_error, shown
from shared.library.remove import remove_verified
from shared.library.room import Room
from shared.library.roots import Root, read_marker
from shared.library.stage import discard, stage_file, temporaries, writing_error
from shared.library.stored import read_back
from shared.library.template import safe_path

_NOT_ONE_SYSTEM = NO_LINKS | {errno.EXDEV}
_NO_FOLDER = NOT_THERE | {errno.ELOOP}


@dataclass(frozen=True, slots=True)
class Renaming:
    """A file of a library that gets another name; both are paths below the library."""

    content: Digest
    path: str
    to_path: str


def check_name(library: Root, to_path: str) -> None:
    """Make sure that a file may get this name and that nothing has it.

    Raises:
        UserError: it is taken, or is no name that every system can hold.
        Permanent: it would leave the library or enter the folder that Nightbus keeps for itself.
    """
    path, parts = place_of(library, to_path)
    if (safe := safe_path(to_path)) != to_path:
        raise UserError(f"'{shown(to_path)}' is no name that every system can hold: '{shown(safe)}' is")
    with _entered(library, parts) as folder:
        if folder is not None and _status(path.name, folder) is not None:
            raise UserError(_taken(path))


def add_name(library: Root, wanted: Renaming, room: Room | None = None) -> int:
    """Give a file its new name beside the old one; the mtime that it has under the new one, nanoseconds since 1970.

    Raises:
        UserError: the new name is another file's, the file is no longer there, or it holds other bytes.
        Transient: the library is away or cannot be written to, or the file changes meanwhile.
        Permanent: the new name cannot be had there.
    """
    path, parts = place_of(library, wanted.path)
    target, to_parts = place_of(library, wanted.to_path)
    with (
        temporaries(library, target),
        _entered(library, parts) as folder,
        open_folder(library.path, to_parts, library.access) as to_folder,
    ):
        status = None if folder is None else _status(path.name, folder)
        if folder is None or status is None or not stat.S_ISREG(status.st_mode):
            raise UserError(f"{shown(path)} is not there any more")
        known = _status(target.name, to_folder)
        if known is None:
            try:
                os.link(path.name, target.name, src_dir_fd=folder, dst_dir_fd=to_folder, follow_symlinks=False)
            except FileExistsError:
                pass  # it is looked at below
            except OSError as error:
                if error.errno not in _NOT_ONE_SYSTEM:
                    raise
                _copy(library, path, target, to_folder, wanted.content, room)
            known = _status(target.name, to_folder)
        if known is None or not (_is_one(known, status) or _holds(target, wanted.content)):
            raise UserError(_taken(target))
        sync_folder(to_folder)
        return known.st_mtime_ns


def drop_name(library: Root, wanted: Renaming) -> bool:
    """Remove the old name, now that the new one counts; whether there was one to remove.

    What has the old name by now and is not the file stays, and so does the file where the new name leads elsewhere.

    Raises:
        UserError: the file stays where it was, and why.
        Transient: the library is away or cannot be written to, or somebody has a copy open for writing.
    """
    return _drop(library, wanted.content, name=wanted.path, other=wanted.to_path)


def take_name_back(library: Root, wanted: Renaming) -> bool:
    """Remove the new name again, as nothing came of it; raises as ``drop_name``."""
    return _drop(library, wanted.content, name=wanted.to_path, other=wanted.path)


def _drop(library: Root, content: Digest, *, name: str, other: str) -> bool:
    """Remove a name of a file that has another one."""
    path, parts = place_of(library, name)
    remaining, other_parts = place_of(library, other)
    read_marker(library)
    try:
        with _entered(library, parts) as folder, _entered(library, other_parts) as other_folder:
            status = None if folder is None else _status(path.name, folder)
            if folder is None or status is None:
                return False
            kept = None if other_folder is None else _status(remaining.name, other_folder)
            if kept is None:
                raise UserError(f"{shown(path)} stays: {shown(remaining)} is not there")
            if _is_one(status, kept) and other_folder is not None:
                if status.st_nlink < 2:  # two spellings of one name, or one folder at two places
                    raise UserError(f"{shown(path)} stays: it is the same name as {shown(remaining)}")
                sync_folder(other_folder)
                os.unlink(path.name, dir_fd=folder)
                sync_folder(folder)
                return True
    except OSError as error:
        raise writing_error(path, library, error) from error
    base = path.parents[len(parts)]  # the library, as links in it are resolved
    removed = remove_verified(path, content, stored_at=remaining, library=library, root=base, rested_s=math.inf)
    with _entered(library, parts) as folder:
        if folder is not None:
            sync_folder(folder)
    return removed


def _copy(library: Root, path: Path, target: Path, to_folder: int, content: Digest, room: Room | None) -> None:
    """The way without a second name."""
    staged = stage_file(path, library, room)
    try:
        if staged.file_id != content.file_id:
            raise UserError(f"{shown(path)} holds other bytes than it should")
        with temporaries(library, target) as unfinished:
            claim(unfinished, staged.temporary_name, to_folder, target.name)
    finally:
        with suppress(NightbusError):  # whatever failed first is to be told; clean_temporaries comes by
            discard(staged, library)


def _holds(path: Path, content: Digest) -> bool:
    """Whether a name that is there before it was given leads to a copy that an earlier try made."""
    return read_back(path)[0] == content


@contextmanager
def _entered(library: Root, parts: tuple[str, ...]) -> Iterator[int | None]:
    """A folder of the library, None where it is not there. Nothing is made."""
    with ExitStack() as entered:
        folder: int | None = None
        try:
            folder = entered.enter_context(enter_folder(library.path, parts))
        except OSError as error:
            if error.errno not in _NO_FOLDER:
                raise reading_error(library.path.joinpath(*parts), error) from error
        yield folder


def _status(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_one(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_dev) == (other.st_ino, other.st_dev)


def _taken(path: Path) -> str:
    return f"{shown(path)} is there already, and nothing is overwritten"
