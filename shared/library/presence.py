"""Which files are still there: of the library by one listing for each folder, elsewhere by a look at each file."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.library.reading import NOT_THERE
from shared.library.roots import Root, read_marker


def missing(library: Root, relative_paths: Iterable[str]) -> set[str]:
    """Those of the paths at which no regular file lies. Where a folder cannot be listed, nothing is said of its files.

    Raises:
        LibraryAway: the library is not mounted, or another one is, at the beginning or at the end of the look.
    """
    read_marker(library)
    names: dict[str, list[str]] = defaultdict(list)
    for path in relative_paths:
        folder, _slash, name = path.rpartition("/")
        names[folder].append(name)
    found = {
        f"{folder}/{name}".lstrip("/")
        for folder, wanted in names.items()
        for name in _missing_in(os.path.join(library.path, folder), wanted)  # noqa: PTH118 - scandir takes a string
    }
    read_marker(library)  # a volume that went away meanwhile takes every name with it, and another one brings others
    return found


def are_there(places: Sequence[tuple[str, str]]) -> list[bool | None]:
    """Whether anything lies at each place, which is a root's folder on this host and a path below it.

    None where that folder is away, so that nothing is known of what is in it.
    """
    here = {root: os.path.isdir(root) for root, _path in places}  # noqa: PTH112 - a Path raises what a share answers
    return [os.path.lexists(Path(root, path)) if here[root] else None for root, path in places]


def _missing_in(folder: str, names: list[str]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            files = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
    except OSError as error:
        return names if error.errno in NOT_THERE else []
    return [name for name in names if name not in files and not _is_there(f"{folder}/{name}")]


def _is_there(path: str) -> bool:
    """A second look by name, since some file systems list names in another spelling than they were given."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError as error:
        return error.errno not in NOT_THERE
