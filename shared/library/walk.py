"""Going through a folder tree: one listing per folder, nothing followed that leads out of it."""

import os
import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.library.extensions import is_system_folder
from shared.library.reading import as_utf8, shown

NOT_UTF8 = "name is not UTF-8"
UNREADABLE = "unreadable: "
"""Rules by which something is skipped that is a failure; the second is followed by the system's word for it."""

NOT_COUNTED = frozenset({"hidden folder", "system folder", "excluded"})
"""Rules by which whole folders are passed over; what is in them is not looked at and so not counted."""


_INODE_AND_CHANGE = struct.Struct(">qq")
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as its listing described it; ``relative_path`` is separated by ``/`` on every system.

    ``changed_ns`` is when anything about it last changed, by the clock of whoever keeps it, where that is known, else
    ``mtime_ns``; nanoseconds since 1970. ``fingerprint`` is opaque: beside size and mtime it tells one content under a
    name from the next.
    """

    name: str
    relative_path: str
    size_bytes: int
    mtime_ns: int
    changed_ns: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not looked at, and the rule that says so. Bytes that are not UTF-8 are shown escaped."""

    relative_path: str
    rule: str

    @property
    def is_refused(self) -> bool:
        """Whether it is a failure, and not only none of ours."""
        return self.rule == NOT_UTF8 or self.rule.startswith(UNREADABLE)


@dataclass(frozen=True, slots=True)
class DirectoryListing:
    """One folder. ``relative_path`` is empty for the root.

    ``error`` is a sentence when the folder vanished or could not be read to its end: then the absence of a file from
    ``entries`` proves nothing. ``gone`` says that it vanished.
    """

    relative_path: str
    entries: list[Entry]
    skipped: list[Skipped]
    error: str | None = None
    gone: bool = False


def walk(root: Path, *, recursive: bool = True, exclude: Sequence[Path] = ()) -> Iterator[DirectoryListing]:
    """List a folder and those below it, depth first and sorted by name, so that two walks of one tree are alike.

    Symbolic links, special files, hidden and system folders, names that are not UTF-8 and the folders in ``exclude``
    (and all below them) are reported as skipped. A folder that vanishes or cannot be read is reported in its
    listing's ``error``; the walk goes on and never raises for it. The tree may be deeper than Python's recursion limit.
    """
    real_root = os.path.realpath(root).rstrip("/")
    excluded = frozenset(os.path.realpath(path) for path in exclude)
    if not _is_reached(real_root, "", excluded):
        yield DirectoryListing("", [], [Skipped("", "excluded")])
        return
    pending = [""]
    while pending:
        relative = pending.pop()
        listing, folders = _list(real_root, relative, excluded if recursive else None)
        pending.extend(reversed(folders))
        yield listing


def walk_folders(root: Path, start: str = "", *, exclude: Sequence[Path] = ()) -> Iterator[str]:
    """The relative paths of the folders that a full walk of ``root`` enters, from ``start`` on, without its files.

    Each is given before it is looked into, so that whoever watches it from that moment on misses nothing. Nothing is
    given where a full walk would not come to ``start``: through a link, a hidden, a system or an excluded folder.
    """
    real_root = os.path.realpath(root).rstrip("/")
    excluded = frozenset(os.path.realpath(path) for path in exclude)
    if not _is_reached(real_root, start, excluded):
        return
    pending = [start]
    while pending:
        relative = pending.pop()
        yield relative
        below = []
        try:
            with os.scandir(f"{real_root}/{relative}") as items:
                for item in items:
                    path = f"{relative}/{item.name}" if relative else item.name
                    if not _is_folder(item) or not _is_utf8(item.name):
                        continue
                    if _folder_rule(item.name, f"{real_root}/{path}", excluded) is None:
                        below.append(path)
        except OSError:
            pass  # it has gone, or may not be read: the walk says so where somebody asks for its files
        pending.extend(sorted(below, reverse=True))


def is_walked(root: Path, folder: str) -> bool:
    """Whether a full walk would come to this folder: it is there, not hidden, and no link leads to it."""
    real_root = os.path.realpath(root).rstrip("/")
    # os.path.isdir is False where a share that went away answers EIO or EHOSTDOWN: then the folder is not there.
    return _is_reached(real_root, folder, frozenset()) and os.path.isdir(f"{real_root}/{folder}")  # noqa: PTH112


def fingerprint_of(inode: int, ctime_ns: int) -> bytes:
    """What tells one content of a file from the next, beside size and mtime.

    Another file has another inode, and every write moves the ctime, which no tool can set back. These are the lowest
    63 bits of the one and the nanoseconds since 1970 of the other, or the nearest that 64 bits hold, big-endian. The
    number of the device is left out: it changes when a share is mounted anew, and inode, size and times say enough.
    """
    try:
        return _INODE_AND_CHANGE.pack(inode & _MOST, ctime_ns)
    except struct.error:  # a time before the year 1677 or after the year 2262
        return _INODE_AND_CHANGE.pack(inode & _MOST, min(max(ctime_ns, -_MOST - 1), _MOST))


def _is_reached(real_root: str, folder: str, excluded: frozenset[str]) -> bool:
    """Whether the way from a root to a folder below it is one that a walk takes."""
    place = real_root
    if any(f"{real_root}/".startswith(path.rstrip("/") + "/") for path in excluded):
        return False
    for part in folder.split("/") if folder else ():
        place = f"{place}/{part}"
        if not _is_utf8(part) or _folder_rule(part, place, excluded) is not None:
            return False
    return os.path.realpath(place) == place or not folder


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _list(root: str, relative: str, excluded: frozenset[str] | None) -> tuple[DirectoryListing, list[str]]:
    """One folder and the relative paths of the folders in it; no folders where ``excluded`` is None."""
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    folders: list[str] = []
    prefix = relative + "/" if relative else ""
    where = f"{root}/{relative}"
    error: str | None = None
    gone = False
    try:
        with os.scandir(where) as items:
            for item in items:
                name = item.name
                path = prefix + name
                try:
                    status = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # gone between the listing and the look: it was never ours to count
                except OSError as failure:
                    skipped.append(Skipped(as_utf8(path), f"{UNREADABLE}{failure.strerror}"))
                    continue
                mode = status.st_mode
                if not name.isascii() and not _is_utf8(name):
                    skipped.append(Skipped(as_utf8(path), NOT_UTF8))
                elif stat.S_ISREG(mode):
                    entries.append(
                        Entry(
                            name,
                            path,
                            status.st_size,
                            status.st_mtime_ns,
                            status.st_ctime_ns,
                            fingerprint_of(status.st_ino, status.st_ctime_ns),
                        )
                    )
                elif stat.S_ISDIR(mode):
                    rule = _folder_rule(name, f"{root}/{path}", excluded)
                    if rule is None:
                        folders.append(path)
                    elif rule:
                        skipped.append(Skipped(path, rule))
                else:
                    skipped.append(Skipped(path, "symlink" if stat.S_ISLNK(mode) else "special"))
    except OSError as failure:
        gone = isinstance(failure, FileNotFoundError)
        error = f"the folder {shown(where)} cannot be read: {failure.strerror}"
    entries.sort(key=_by_name)
    skipped.sort(key=_by_path)
    folders.sort()
    return DirectoryListing(relative, entries, skipped, error, gone), folders


def _folder_rule(name: str, path: str, excluded: frozenset[str] | None) -> str | None:
    """Why a folder is not entered; None to enter it, empty where folders are not asked for at all."""
    if excluded is None:
        return ""
    if is_system_folder(name):
        return "system folder"
    if name.startswith("."):
        return "hidden folder"
    return "excluded" if path in excluded else None


def _is_utf8(name: str) -> bool:
    """Whether a name came from valid UTF-8; what did not carries lone surrogates (PEP 383)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _by_name(entry: Entry) -> str:
    return entry.name


def _by_path(skipped: Skipped) -> str:
    return skipped.relative_path
