"""Before anything is written: the folder is no root of ours, nothing is in the way, and the disk has room."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from services.cli.calibration.exporting.model import How, Item
from shared.errors import NightbusError, UserError
from shared.library.hashing import sha256_file
from shared.library.reading import shown
from shared.library.room import disk_of
from shared.quantities import counted, size


class Found(NamedTuple):
    """What an earlier export left: what is still to be written, and how many files are there already."""

    missing: Sequence[Item]
    there: int


def require_free_folder(folder: Path, roots: Iterable[tuple[str, Path]]) -> Path:
    """The folder of the tree, its links resolved.

    Raises:
        UserError: it is a file, or lies in the library, an indexed tree or a source.
    """
    real = Path(os.path.realpath(folder))
    if real.exists() and not real.is_dir():
        raise UserError(f"{shown(folder)} is no folder")
    for name, root in roots:
        if real.is_relative_to(Path(os.path.realpath(root))):
            raise UserError(
                f"{shown(folder)} lies in {shown(root)}, which is the root or source {name}: export to another folder"
            )
    return real


def require_free_places(folder: Path, items: Iterable[Item], roots: Sequence[tuple[str, Path]]) -> None:
    """Make sure that no folder of the tree is, or leads into, the library, an indexed tree or a source.

    Raises:
        UserError: one does.
    """
    real_roots = [(name, root, Path(os.path.realpath(root))) for name, root in roots]
    for place in sorted({(folder / item.path).parent for item in items}):
        real = Path(os.path.realpath(place))
        for name, root, real_root in real_roots:
            if real.is_relative_to(real_root):
                where = f"{shown(root)}, which is the root or source {name}"
                raise UserError(f"{shown(place)} lies in {where}: export to another folder")


def look(folder: Path, items: Sequence[Item], how: How, say: Callable[[str], None]) -> Found:
    """Compare the folder with the tree, byte by byte where files are there.

    Raises:
        UserError: something else has the name of a file; nothing is written then.
    """
    missing: list[Item] = []
    for number, item in enumerate(items, 1):
        path = folder / item.path
        if not os.path.lexists(path):
            missing.append(item)
            continue
        say(f"{number} of {len(items)} files looked at")
        if not _is_it(path, item, how):
            raise UserError(f"{shown(path)} is there and is something else: choose an empty folder, or move it away")
    return Found(missing, len(items) - len(missing))


def require_originals(items: Iterable[Item]) -> None:
    """Make sure that this machine sees the originals, before a part of the tree is written.

    Raises:
        UserError: it does not.
    """
    for item in items:
        if not item.stored.path.exists():
            raise UserError(
                f"{shown(item.stored.path)} is not there: export on a machine that has the root {item.stored.root} at "
                "that path; `nightbus files --missing` lists what is gone"
            )


def require_room(folder: Path, missing: Sequence[Item], *, takes_room: bool) -> None:
    """Make sure that the disk has room for what is to be copied.

    Raises:
        UserError: it has not.
    """
    needed = sum(item.stored.size_bytes for item in missing) if takes_room else 0
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        disk = disk_of(there)
    except OSError as error:
        raise UserError(f"{shown(there)} does not answer: {error.strerror}") from error
    if disk is not None and needed > disk.free_bytes:
        raise UserError(
            f"the export needs {size(needed)} for {counted(len(missing), 'file')}, and the disk of {shown(folder)} has "
            f"{size(disk.free_bytes)} free: choose less, another disk, or --how symlink"
        )


def _is_it(path: Path, item: Item, how: How) -> bool:
    """Whether what has the name is what the tree wants there, as a copy or as a link."""
    try:
        if path.is_symlink():
            return how == "symlink" and path.readlink() == item.stored.path
        if not path.is_file() or path.stat().st_size != item.stored.size_bytes:
            return False
        if item.stored.path.exists() and path.samefile(item.stored.path):
            return how == "hardlink"
        return how != "symlink" and sha256_file(path).file_id == item.stored.file_id
    except (OSError, NightbusError) as error:
        raise UserError(f"{shown(path)} cannot be looked at: {error}") from error
