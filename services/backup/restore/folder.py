"""The folder that files are brought back into: nothing in it is overwritten, and nothing is written outside of it.

A file is written under a temporary name in ``.nightbus-restore``, proven by its SHA-256 while it is written and once
more as the disk gives it back, and then gets its name in one step. No link below the folder is followed.
"""

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.backup.restore.wanted import Wanted
from shared.errors import Permanent, Transient, UserError
from shared.library.extensions import OWN_PREFIX
from shared.library.folders import enter_folder, open_folder, unlink_if_there
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.place import Placed, held_under, name_copy
from shared.library.reading import NO_FOLLOW, drop_cache, shown
from shared.library.room import NO_SPACE, NoRoom, Room
from shared.library.stage import Staged

UNFINISHED = f"{OWN_PREFIX}-restore"
"""Where files lie that are being written."""
_MARKER = Path(OWN_PREFIX, "root.json")
_ENDING = ".tmp"
_OLD_S = 24 * 3600.0
_NO_FOLDER = frozenset((errno.ENOTDIR, errno.ELOOP))
_NO_TIME = frozenset((errno.EINVAL, errno.ERANGE, errno.EOVERFLOW, errno.EPERM))
_NEVER = frozenset((errno.ENAMETOOLONG, errno.EILSEQ, errno.EFBIG, errno.EINVAL))


class RestoreFolder:
    """A folder of this machine that files are brought back into; used by several threads at a time."""

    def __init__(self, path: Path, *, own: bool = False) -> None:
        """Make the folder where it is missing, and throw away what a restore of days ago left unfinished in it.

        ``own``: it may be the library, since everything is restored and no ingest runs.

        Raises:
            UserError: it lies in a library, which ingest alone writes to, or cannot be written to.
        """
        self.path = path.absolute()
        for folder in (self.path, *self.path.parents):
            if not own and (folder / _MARKER).exists():
                raise UserError(
                    f"{shown(self.path)} lies in the library {shown(folder)}, which nothing is restored into: choose "
                    "another folder with --to, and bring it home with `nightbus ingest`"
                )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with open_folder(self.path, (UNFINISHED,)) as unfinished:
                _sweep(unfinished)
        except OSError as error:
            raise UserError(f"{shown(self.path)} cannot be restored into: {error.strerror}") from error
        self._room = Room(self.path, 0)

    def close(self) -> None:
        """Remove the folder for what is unfinished, where it is empty."""
        with contextlib.suppress(OSError):  # another restore still writes
            (self.path / UNFINISHED).rmdir()

    def held(self, wanted: Wanted) -> str | None:
        """The path below the folder under which a file is here already; None where it is not.

        Raises:
            Permanent: it cannot have a place here: its name leaves the folder, or something is in the way.
            Transient: what is here cannot be read now.
        """
        target, parts, prefix = self._place(wanted)
        with self._words(target), contextlib.suppress(FileNotFoundError), enter_folder(self.path, parts) as folder:
            return held_under(Digest(wanted.file_id, wanted.size_bytes), folder, target, prefix)
        return None

    def write(self, wanted: Wanted, fill: Callable[[BinaryIO], None]) -> Placed:
        """Bring a file here: ``fill`` writes its content, which it has proven by then.

        Raises:
            NoRoom: the disk has no room for it.
            Permanent: it cannot have a place here, or what ``fill`` raises.
            Transient: the disk fails, or what ``fill`` raises.
        """
        target, parts, prefix = self._place(wanted)
        name = secrets.token_hex(16) + _ENDING
        with self._words(target), open_folder(self.path, (UNFINISHED,)) as unfinished:
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666, dir_fd=unfinished)
            try:
                try:
                    self._fill(fd, wanted, fill)
                finally:
                    os.close(fd)
                staged = Staged(name, wanted.file_id, wanted.size_bytes)
                with open_folder(self.path, parts) as folder:
                    return name_copy(staged, unfinished, folder, target, prefix)
            finally:
                unlink_if_there(name, unfinished)

    def _fill(self, fd: int, wanted: Wanted, fill: Callable[[BinaryIO], None]) -> None:
        with self._room.claim(wanted.size_bytes, fd), open(fd, "wb", closefd=False) as file:
            fill(file)
        if wanted.mtime_s is not None:
            _give_time(fd, wanted.mtime_s)
        os.fsync(fd)
        drop_cache(fd)
        os.lseek(fd, 0, os.SEEK_SET)
        if sha256_descriptor(fd) != Digest(wanted.file_id, wanted.size_bytes):
            raise Transient(
                f"{shown(wanted.name)} was read back differently from {shown(self.path)}: "
                "the disk or the memory may be failing"
            )

    def _place(self, wanted: Wanted) -> tuple[Path, tuple[str, ...], str]:
        """Where a file goes: its path, the folders on the way, and these as they stand before its name."""
        parts = wanted.name.split("/")
        if "\0" in wanted.name or any(part in ("", ".", "..") for part in parts):
            raise Permanent(f"the path '{shown(wanted.name)}' does not stay inside {shown(self.path)}")
        if parts[0].casefold().startswith(OWN_PREFIX):
            raise Permanent(f"the path '{shown(wanted.name)}' lies in a folder that Nightbus keeps for itself")
        try:
            wanted.name.encode()
        except UnicodeEncodeError as error:
            raise Permanent(f"the path '{shown(wanted.name)}' is not UTF-8") from error
        prefix = "/".join(parts[:-1])
        return self.path.joinpath(*parts), tuple(parts[:-1]), prefix + "/" if prefix else ""

    @contextmanager
    def _words(self, target: Path) -> Iterator[None]:
        """Have what the system refuses be a sentence."""
        try:
            yield
        except OSError as error:
            if error.errno in NO_SPACE:
                raise NoRoom(f"{shown(self.path)} has no space left for {shown(target)}") from error
            if error.errno in _NO_FOLDER:
                raise Permanent(
                    f"{shown(target)} cannot be restored: a file or a link is in the way, and links are not followed"
                ) from error
            if error.errno in _NEVER:
                raise Permanent(f"{shown(target)} cannot be restored: {error.strerror}") from error
            raise Transient(f"{shown(target)} cannot be written: {error.strerror}") from error


def _give_time(fd: int, mtime_s: int) -> None:
    try:
        os.utime(fd, (mtime_s, mtime_s))
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_TIME:
            raise
        # The file system has no such time: the file keeps that of its making.


def _sweep(unfinished: int) -> None:
    """Remove what a restore that was killed left behind a day ago or more."""
    for name in os.listdir(unfinished):
        if not name.endswith(_ENDING):
            continue
        with contextlib.suppress(FileNotFoundError):  # another restore has just ended
            status = os.stat(name, dir_fd=unfinished, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_ctime < time.time() - _OLD_S:
                os.unlink(name, dir_fd=unfinished)
