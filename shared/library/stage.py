"""Copying a file into a library's own folder: hashed on the way in, durable, and read back before it counts.

Free space is asked for before the copy rather than reserved by ``posix_fallocate``: where a file system lacks that call
the C library writes to every block instead, which on a network share takes as long as the copy.
"""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import NightbusError, Permanent, Transient
from shared.library.clone import clone
from shared.library.folders import open_folder, unlink_if_there
from shared.library.hashing import Digest, Progress, StreamHash, sha256_descriptor, unwatched
from shared.library.reading import NO_FOLLOW, drop_cache, shown
from shared.library.room import NO_SPACE, NoRoom, Room
from shared.library.roots import LibraryAway, Root, read_marker
from shared.library.stream import FileStream, Stream, open_stream

_NAME = re.compile(r"[0-9a-f]{32}\.tmp")
_NO_SUCH_TIME = frozenset((errno.EINVAL, errno.ERANGE, errno.EOVERFLOW))
_NEVER = frozenset((errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EILSEQ, errno.EFBIG))
_WRITE_OUT_BYTES = 8 * 1024 * 1024


class NotWritten(Transient):
    """Something could not be written into a library: whether that is the library's failure is told by ``usable``."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A durable, verified copy in ``<root>/.nightbus/tmp`` that has no name in the library yet."""

    temporary_name: str
    file_id: str
    size_bytes: int


def stage(
    source: Stream,
    library: Root,
    room: Room | None = None,
    progress: Progress = unwatched,
    *,
    sharing: bool = False,
) -> Staged:
    """Make a verified copy of a source that has no final name; ``place.place`` or ``discard`` must follow.

    ``progress`` is told the bytes of the source as they are read; what it raises ends the copy, also while that is read
    back, and is raised. ``sharing``: the copy shares its blocks with the source where the file system can (a reflink).

    Raises:
        NoRoom: the library's disk is full, or would be fuller than ``room`` allows.
        Transient: the source changed or cannot be read, the disk is full or fails, the library is not mounted.
        Permanent: the source is larger than the library's file system allows.
        UserError: the folder belongs to another library.
    """
    name = secrets.token_hex(16) + ".tmp"
    with temporaries(library, source.name) as folder:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666, dir_fd=folder)
        try:
            digest = _copy(source, fd, library, room or Room(library.path, 0), progress, sharing=sharing)
        except BaseException:
            os.unlink(name, dir_fd=folder)
            raise
        finally:
            os.close(fd)
    return Staged(name, digest.file_id, digest.size_bytes)


def stage_file(
    source: Path, library: Root, room: Room | None = None, progress: Progress = unwatched, *, sharing: bool = False
) -> Staged:
    """The same of a file of this system.

    Raises:
        Permanent: it is not a regular file; else as ``stage``.
    """
    with open_stream(source) as stream:
        return stage(stream, library, room, progress, sharing=sharing)


def staged_path(staged: Staged, library: Root) -> Path:
    """Where a staged copy lies until it is placed."""
    return library.own_folder / "tmp" / staged.temporary_name


def discard(staged: Staged, library: Root) -> None:
    """Throw a staged copy away, if it is still there. Raises Transient where the library cannot be written to."""
    with temporaries(library, staged_path(staged, library)) as folder:
        unlink_if_there(staged.temporary_name, folder)


def clean_temporaries(library: Root, *, older_than_hours: float = 24.0) -> int:
    """Remove what crashed copies left in the library's own folder, if older than that; the count of removed files.

    Age is judged by ctime, since a copy carries the mtime of its source. Files without the name of a temporary copy are
    left alone. Raises Transient where the library is not mounted or cannot be written to.
    """
    oldest_s = time.time() - older_than_hours * 3600
    removed = 0
    with temporaries(library, library.own_folder) as folder:
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - by descriptor
            if not _NAME.fullmatch(name):
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue  # placed or discarded this moment
            if stat.S_ISREG(status.st_mode) and status.st_ctime <= oldest_s:
                removed += unlink_if_there(name, folder)
    return removed


def usable(library: Root) -> None:
    """Make sure that a library is the one that it should be and takes files, by a small one. A full disk is usable.

    Raises:
        LibraryAway: it is not.
    """
    name = secrets.token_hex(16) + ".tmp"
    read_marker(library)
    try:
        with open_folder(library.path, (library.own_folder.name, "tmp")) as folder:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600, dir_fd=folder)
            try:
                os.write(fd, b"made by Nightbus for a moment, to see whether the library takes files\n")
                os.fsync(fd)
            finally:
                os.close(fd)
                os.unlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise LibraryAway(f"{library.shown} cannot be written to: {error.strerror}") from error


@contextmanager
def temporaries(library: Root, about: Path | str) -> Iterator[int]:
    """The descriptor of ``<root>/.nightbus/tmp``, once the marker proved that the library is there.

    An ``OSError`` inside the block becomes a sentence about ``about`` and the library.
    """
    read_marker(library)
    try:
        with open_folder(library.path, (library.own_folder.name, "tmp")) as folder:
            yield folder
    except OSError as error:
        raise writing_error(about, library, error) from error


def writing_error(path: Path | str, library: Root, error: OSError) -> NightbusError:
    """The sentence for a failed write into a library."""
    where = library.shown
    if error.errno in NO_SPACE:
        return NoRoom(f"{where} has no space left for {shown(path)}")
    if error.errno == errno.EXDEV:
        return Permanent(f"{shown(path)} is on another file system than {where}: make that folder a root of its own")
    if error.errno in _NEVER:
        return Permanent(f"{where} cannot hold {shown(path)}: {error.strerror}")
    return NotWritten(f"{where} cannot be written to for {shown(path)}: {error.strerror}")


def _copy(source: Stream, fd: int, library: Root, room: Room, progress: Progress, *, sharing: bool) -> Digest:
    """Copy an open source to an open empty file, make it durable, read it back."""
    shared = sharing and isinstance(source, FileStream) and clone(source.fd, fd)
    with room.claim(0 if shared else source.data_bytes, fd):
        written = None if shared else _transfer(source, fd, progress)
        source.require_unchanged(os.fstat(fd).st_size if written is None else written.size_bytes)
        if source.mtime_ns is not None:
            _keep_time(source.mtime_ns, fd)
        library.access.give_file(fd)
        os.fsync(fd)  # not fdatasync: the mtime is to last as well
    drop_cache(fd)
    os.lseek(fd, 0, os.SEEK_SET)
    found = sha256_descriptor(fd, lambda _count: progress(0))
    if written is not None and found != written:
        raise Transient(
            f"the copy of {shown(source.name)} in {library.shown} was read back differently: "
            "the disk or the memory may be failing"
        )
    return found


def _keep_time(mtime_ns: int, fd: int) -> None:
    try:
        os.utime(fd, ns=(os.fstat(fd).st_atime_ns, mtime_ns))
    except OSError as error:
        if error.errno not in _NO_SUCH_TIME:
            raise
        # The library's file system has no such time, as of the year 14645: the copy keeps the one of its making.


def _transfer(source: Stream, fd: int, progress: Progress) -> Digest:
    """One pass through this thread's buffers: read, hash, write, and have the kernel begin to write out early.

    Holes are hashed as the zeros that they read as, and stay holes.
    """
    sha256 = StreamHash(source.size_bytes)
    buffers = sha256.buffers()
    done = begun = written = 0
    while True:
        if hole := source.hole():
            sha256.update_zeros(hole, progress)
            done = os.lseek(fd, done + hole, os.SEEK_SET)
            continue
        view = next(buffers)
        if not (count := source.read_into(view)):
            break
        chunk = view[:count]
        sha256.update(chunk)
        while chunk:
            chunk = chunk[os.write(fd, chunk) :]
        done = written = done + count
        progress(count)
        if done - begun >= _WRITE_OUT_BYTES:
            drop_cache(fd, begun, done - begun)  # on pages that are not yet written this begins their write-out
            begun = done
    if written < done:  # it ends with a hole
        os.ftruncate(fd, done)
    return Digest(sha256.hexdigest(), done)
