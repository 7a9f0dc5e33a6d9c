"""The folder of a destination by blocking calls: what is written is durable, was read back, and replaces nothing.

The order of writes, each of which *must* precede the next:

1. the marker is read: it is this destination, and no empty mount point, which has no folder ``<prefix>`` either
2. bytes go to ``<prefix>/.unfinished/<random>``, are synced, and are read back from the disk and compared
3. folders on the way are made, each synced into its parent
4. the file gets its name in one step that fails where the name is taken; the folder is synced

That step is renameat2 with RENAME_NOREPLACE (also on exFAT and SMB), else a hard link, else an empty file that wins the
name and is replaced. What a crash leaves of the last is an empty file, so an empty file never counts as taken.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from services.backup.destinations import marker
from services.backup.destinations.keys import MARKER, UNFINISHED, Piece, piece_of, require_key, size_of
from services.backup.destinations.port import AlreadyThere, Refused, Stored, Unmarked
from shared.errors import Away, NightbusError, Permanent, Transient
from shared.library.exchange import CannotExchangeError, rename_if_free
from shared.library.folders import enter_folder, open_folder, sync_folder, unlink_if_there
from shared.library.place import claim
from shared.library.reading import BUFFER_BYTES, NO_FOLLOW, NOT_THERE, buffer, drop_cache, shown
from shared.library.room import NO_SPACE

_NEVER = frozenset((errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP))
_FORBIDDEN = frozenset((errno.EACCES, errno.EPERM))
_LEFT_OVER = re.compile(r"[0-9a-f]{32}\.(tmp|bytes)")
_OLD_S = 24 * 3600.0


class Disk:
    """A folder and the prefix below it."""

    def __init__(self, folder: Path, prefix: str, name: str, installation_id: str) -> None:
        self.folder = folder
        self.base = folder / prefix
        self._prefix = tuple(prefix.split("/"))
        self._named = f"the destination {name} ({shown(folder)})"
        self._installation_id = installation_id

    def check(self, installation_id: str, *, first_time: bool) -> None:
        """As the port's ``check``. The folder itself is made at the first use alone, and not the one around it."""
        if first_time:
            with self.words():
                if not self.folder.is_dir():
                    with open_folder(self.folder.parent, (self.folder.name,)):
                        pass  # made and synced
                with open_folder(self.folder, (*self._prefix, UNFINISHED)) as unfinished:
                    if self.marker() is None:
                        self._put(unfinished, (), MARKER, marker.marker_of(installation_id), replace=False)
        marker.require_owner(self._require_marker(), installation_id, self._named)

    def marker(self) -> bytes | None:
        """The bytes of the marker, if there is one."""
        try:
            with enter_folder(self.base, ()) as folder:
                fd = os.open(MARKER, os.O_RDONLY | NO_FOLLOW, dir_fd=folder)
                try:
                    return os.read(fd, marker.MOST_BYTES)
                finally:
                    os.close(fd)
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise self._sentence(error) from error

    def put(self, key: str, data: bytes, *, replace: bool) -> Stored:
        """As the port's ``put``."""
        *parts, name = require_key(key).split("/")
        with self.words(key), self.unfinished() as unfinished:
            return self._put(unfinished, parts, name, data, replace=replace)

    def _put(self, unfinished: int, parts: Sequence[str], name: str, data: bytes, *, replace: bool) -> Stored:
        temporary = secrets.token_hex(16) + ".tmp"
        try:
            self.write_new(unfinished, temporary, data)
            if not replace:
                return self.give_name(unfinished, temporary, "/".join((*parts, name)), piece_of(data))
            with open_folder(self.base, parts) as folder:
                os.rename(temporary, name, src_dir_fd=unfinished, dst_dir_fd=folder)
                sync_folder(folder)
                return _stored("/".join((*parts, name)), os.stat(name, dir_fd=folder))
        finally:
            with suppress(OSError):  # what failed first is told; leftovers are swept when an upload begins
                unlink_if_there(temporary, unfinished)

    def look(self, key: str) -> Stored | None:
        """As the port's ``look``."""
        try:
            status = os.lstat(self.base / require_key(key))
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise self._sentence(error, key) from error
            self._require_marker()
            return None
        return _stored(key, status) if stat.S_ISREG(status.st_mode) else None

    def delete(self, key: str) -> None:
        """As the port's ``delete``."""
        *parts, name = require_key(key).split("/")
        self._require_marker()
        with self.words(key):
            try:
                with enter_folder(self.base, parts) as folder:
                    if unlink_if_there(name, folder):
                        sync_folder(folder)
            except FileNotFoundError:
                return  # the folder has gone already, and with it the file

    def open(self, key: str) -> int | None:
        """A descriptor for reading an object; None where there is none."""
        *parts, name = require_key(key).split("/")
        try:
            with enter_folder(self.base, parts) as folder:
                return os.open(name, os.O_RDONLY | NO_FOLLOW, dir_fd=folder)
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise self._sentence(error, key) from error
        self._require_marker()
        return None

    def walk(self, prefix: str) -> Iterator[Stored]:
        """As the port's ``list``: folder by folder, a folder among the names where its ``/`` puts it."""
        self._require_marker()
        yield from self._walk(prefix.rpartition("/")[0], prefix)

    def _walk(self, below: str, prefix: str) -> Iterator[Stored]:
        try:
            with os.scandir(self.base / below) as entries:
                found = [
                    (entry.name, entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False))
                    for entry in entries
                ]
        except OSError as error:
            if error.errno in NOT_THERE:
                return
            raise self._sentence(error, below) from error
        start = f"{below}/" if below else ""
        keys = sorted((f"{start}{name}/" if is_folder else start + name, status) for name, is_folder, status in found)
        for key, status in keys:
            if key.endswith("/"):
                if key != f"{UNFINISHED}/" and (key.startswith(prefix) or prefix.startswith(key)):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix) and key != MARKER and stat.S_ISREG(status.st_mode):
                yield _stored(key, status)

    @contextmanager
    def unfinished(self) -> Iterator[int]:
        """The descriptor of the folder of what is not complete, once the marker proved that this is our place."""
        owner = marker.owner_of(self._require_marker(), self._named)
        if owner != self._installation_id:
            raise Away(f"{self._named} is of another installation now ({shown(owner)}): is another disk mounted?")
        with open_folder(self.base, (UNFINISHED,)) as folder:
            yield folder

    def write_new(self, folder: int, name: str, data: bytes) -> None:
        """Write a new file durably and compare what the disk gives back."""
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666, dir_fd=folder)
        try:
            self.write_at(fd, 0, data, hashlib.sha256(data).digest())
            os.fsync(fd)
        finally:
            os.close(fd)

    def write_at(self, fd: int, offset: int, data: bytes, sha256: bytes) -> None:
        """Write bytes durably to their place in an open file and compare what the disk gives back.

        Raises:
            Transient: that are other bytes.
        """
        rest = memoryview(data)
        at = offset
        while rest:
            count = os.pwrite(fd, rest, at)
            rest, at = rest[count:], at + count
        os.fdatasync(fd)
        drop_cache(fd, offset, len(data))
        if _sha256_at(fd, offset, len(data)) != sha256:
            raise Transient(f"{self._named} gave back other bytes than were written: the disk or the memory may fail")

    def give_name(self, unfinished: int, temporary: str, key: str, pieces: Sequence[Piece]) -> Stored:
        """Give a file that is whole its name; where the name has the very same bytes already, that is as good.

        Raises:
            AlreadyThere: the name has other bytes.
        """
        *parts, name = key.split("/")
        with open_folder(self.base, parts) as folder:
            if not _claimed(unfinished, temporary, folder, name):
                if not self._holds(folder, name, pieces):
                    raise AlreadyThere(f"{self._named} holds something else as {shown(key)}")
                _sync_file(folder, name)  # a crash may have come before that
            sync_folder(folder)
            unlink_if_there(temporary, unfinished)
            return _stored(key, os.stat(name, dir_fd=folder, follow_symlinks=False))

    def holds(self, key: str, pieces: Sequence[Piece]) -> bool:
        """Whether just these bytes lie under a key."""
        *parts, name = key.split("/")
        try:
            with enter_folder(self.base, parts) as folder:
                return self._holds(folder, name, pieces)
        except FileNotFoundError:
            return False

    def _holds(self, folder: int, name: str, pieces: Sequence[Piece]) -> bool:
        fd = os.open(name, os.O_RDONLY | NO_FOLLOW, dir_fd=folder)
        try:
            if os.fstat(fd).st_size != size_of(pieces):
                return False
            offset = 0
            for piece in pieces:
                if _sha256_at(fd, offset, piece.size_bytes) != piece.sha256:
                    return False
                offset += piece.size_bytes
            return True
        finally:
            os.close(fd)

    @contextmanager
    def words(self, key: str = "") -> Iterator[None]:
        """Say what fails in the block in a sentence that names the folder."""
        try:
            yield
        except OSError as error:
            raise self._sentence(error, key) from error

    def _require_marker(self) -> bytes:
        found = self.marker()
        if found is not None:
            return found
        remedy = "is the disk plugged in, the share mounted?"
        if not os.path.isdir(self.folder):  # noqa: PTH112 - a Path raises what a share answers
            raise Away(f"{self._named} is not there: {remedy}")
        raise Unmarked(
            f"{self._named} has no marker ({'/'.join(self._prefix)}/{MARKER}): {remedy}; a new disk gets all archives "
            "anew under another name in the settings"
        )

    def _sentence(self, error: OSError, key: str = "") -> NightbusError:
        about = f" for {shown(key)}" if key else ""
        if error.errno in NO_SPACE:
            return Refused(f"{self._named} has no space left{about}: make room there")
        if error.errno == errno.EROFS:
            return Refused(f"{self._named} is read-only: mount it for writing, or see whether the disk is failing")
        if error.errno in _FORBIDDEN:
            return Refused(f"{self._named} may not be used{about}: {error.strerror}; let Nightbus' user write there")
        if error.errno == errno.EFBIG:
            return Refused(f"{self._named} holds no file so large{about}: FAT32 ends at 4 GB, exFAT and ext4 do not")
        if error.errno in _NEVER:
            return Permanent(f"{self._named} cannot hold {shown(key) or 'such a folder'}: {error.strerror}")
        if error.errno in NOT_THERE:
            return Away(f"{self._named} is not there{about}: is the disk plugged in, the share mounted?")
        return Away(f"{self._named} does not answer{about}: {error.strerror}; is the disk failing or unplugged?")


def sweep(unfinished: int) -> None:
    """Remove what crashes left among the unfinished: bytes that no upload has, a day old. Raises OSError."""
    names = os.listdir(unfinished)
    begun = {name.partition(".")[0] for name in names if name.endswith(".json")}
    for name in names:
        if _LEFT_OVER.fullmatch(name) and not (name.endswith(".bytes") and name.partition(".")[0] in begun):
            with suppress(FileNotFoundError):  # finished this moment
                if os.stat(name, dir_fd=unfinished, follow_symlinks=False).st_mtime < time.time() - _OLD_S:
                    os.unlink(name, dir_fd=unfinished)


def _claimed(unfinished: int, temporary: str, folder: int, name: str) -> bool:
    """Give the file its name unless that is taken; whether it has it."""
    for _try in range(2):
        try:
            rename_if_free(unfinished, temporary, folder, name)
        except CannotExchangeError:
            if claim(unfinished, temporary, folder, name):
                return True
        except FileExistsError:
            pass  # looked at below
        else:
            return True
        ours = os.stat(temporary, dir_fd=unfinished, follow_symlinks=False)
        theirs = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if os.path.samestat(ours, theirs):
            return True  # the link was made, and then came a crash
        if theirs.st_size or not ours.st_size:
            return False
        unlink_if_there(name, folder)  # a name that was won, and then came a crash
    return False


def _sync_file(folder: int, name: str) -> None:
    fd = os.open(name, os.O_RDONLY | NO_FOLLOW, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sha256_at(fd: int, offset: int, size_bytes: int) -> bytes:
    """Hash a run of an open file; shorter where the file ends."""
    sha256 = hashlib.sha256()
    view = buffer()
    end = offset + size_bytes
    while offset < end and (count := os.preadv(fd, [view[: min(BUFFER_BYTES, end - offset)]], offset)):
        sha256.update(view[:count])
        offset += count
    return sha256.digest()


def _stored(key: str, status: os.stat_result) -> Stored:
    return Stored(key, status.st_size, modified_at=datetime.fromtimestamp(status.st_mtime, UTC))
