"""Watches: in which folders of a source something happened, as the kernel tells it (inotify).

Every folder that a full walk enters has one watch, which is set before the folder is looked into, and no link is
followed: what lies outside the source is neither looked at nor watched. Folders that come later get their watches when
their coming is read, and are hinted at with all that is below them, since what lay in them made no event. All calls may
take as long as a walk does: threads make them.
"""

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from inotify_simple import Event, INotify, flags

from shared.library.walk import walk_folders

_OF_FILES = flags.CREATE | flags.CLOSE_WRITE | flags.MOVED_TO | flags.ATTRIB
_OF_FOLDERS = flags.CREATE | flags.MOVED_TO | flags.ATTRIB
_WATCHED = _OF_FILES | flags.MOVED_FROM | flags.ONLYDIR | flags.DONT_FOLLOW | flags.EXCL_UNLINK
_ENDS = flags.IGNORED | flags.DELETE_SELF | flags.MOVE_SELF
"""What ends the watch of the source's own folder."""
_CANNOT_BE_WATCHED = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG))
"""The folder has gone or became a link, or may not be read: a walk says what is to be said of it."""


class Watches:
    """The watches of one source (``port.Changes``). ``fileno`` is readable when something happened."""

    def __init__(self, root: Path, exclude: Sequence[Path] = ()) -> None:
        """Raises OSError where the system has no room for another user of inotify."""
        self._root = root
        self._real_root = os.path.realpath(root)
        self._exclude = exclude
        self._folders: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._inotify = INotify(nonblocking=True)
        self.unwatched = 0
        """Folders for which the system had no watch left (fs.inotify.max_user_watches): walks alone look at them."""
        self.missed = False
        """Whether events were lost because too many came at once; the folders of those are not known."""
        self.over = False
        """Whether the source's own folder has gone."""

    def __enter__(self) -> Self:
        """Nothing is watched until ``cover``."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Give all watches up."""
        self._inotify.close()

    def __len__(self) -> int:
        return len(self._watches)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return int(self._inotify.fileno())

    async def wait(self) -> None:
        """Wait until there is something to read."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self.fileno(), readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self.fileno())

    def cover(self, start: str = "") -> list[str]:
        """Watch a folder and all below it that a full walk enters; their paths below the source.

        Raises:
            OSError: the source itself cannot be watched.
        """
        covered = []
        for folder in walk_folders(self._root, start, exclude=self._exclude):
            covered.append(folder)
            self._watch(folder)
        return covered

    def read(self) -> set[str]:
        """The folders in which something happened since the last time; watches new ones. Does not wait.

        ``missed`` is set when that is not all, ``over`` when there will be no more.
        """
        hinted: set[str] = set()
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                self.missed = True
            elif (folder := self._folders.get(event.wd)) is None:
                continue  # of a folder that was moved away
            elif event.mask & _ENDS:
                self._ended(event.wd, folder)
            elif event.mask & flags.ISDIR:
                hinted.update(self._folder_changed(event, folder))
            elif event.mask & _OF_FILES:
                hinted.add(folder)
        return hinted

    def _watch(self, folder: str) -> None:
        mask = _WATCHED if folder else _WATCHED | flags.DELETE_SELF | flags.MOVE_SELF
        try:
            watch = self._inotify.add_watch(f"{self._real_root}/{folder}", mask)
        except OSError as error:
            if not folder or error.errno not in _CANNOT_BE_WATCHED | {errno.ENOSPC}:
                raise
            self.unwatched += error.errno == errno.ENOSPC
        else:
            self._folders[watch] = folder
            self._watches[folder] = watch

    def _folder_changed(self, event: Event, folder: str) -> list[str]:
        """A folder came, went, or may be read by others than before."""
        if not event.name:
            return [folder]
        path = f"{folder}/{event.name}" if folder else event.name
        if event.mask & flags.MOVED_FROM:
            self._forget(path)
            return []
        if not event.mask & _OF_FOLDERS or (event.mask & flags.ATTRIB and path in self._watches):
            return []
        return [folder, *self.cover(path)]  # the one above as well: it is where a name that is not UTF-8 is told

    def _forget(self, path: str) -> None:
        """Give up the watches of a folder that was moved away: elsewhere its events would bear its old name."""
        below = path + "/"
        for folder in [known for known in self._watches if known == path or known.startswith(below)]:
            watch = self._watches.pop(folder)
            del self._folders[watch]
            try:
                self._inotify.rm_watch(watch)
            except OSError as error:
                if error.errno != errno.EINVAL:  # the kernel has dropped it already
                    raise

    def _ended(self, watch: int, folder: str) -> None:
        if folder:
            del self._folders[watch]
            if self._watches.get(folder) == watch:
                del self._watches[folder]
        else:
            self.over = True
