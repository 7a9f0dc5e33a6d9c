"""Removing a source file: the one place where Nightbus takes something away from the user.

The order, each step of which *must* precede the next:

1. the folder of the source is entered one step at a time, and no link is followed: what lies behind one is not ours
2. nobody has the source open for writing, nor gets it so until it is removed (``writers``)
3. the source is read and hashed again, since devices rewrite their stacks under one name
4. the stored copy is read from the disk and hashed, and both its bytes and its name are made durable (``StoredCopy``)
5. the stored copy is seen to be another file, also where two mounts show one folder as two devices (``onefile``)
6. the source has not changed since it was opened, and is still where it was; its name is removed
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import NightbusError, Permanent, TooEarly, Transient, UserError
from shared.library.folders import enter_folder, open_folder, sync_folder
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.onefile import is_one_file
from shared.library.reading import Source, drop_cache, open_source, reading_error, shown
from shared.library.roots import LibraryAway, Root, read_marker
from shared.library.writers import Check, none_writing

_LINKED = frozenset((errno.ELOOP, errno.ENOTDIR))


class NotStoredError(Transient):
    """The stored copy that was named is missing, cannot be read, or does not hold the expected bytes."""


def _unhurried() -> None:
    """Nobody wants the source meanwhile."""


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A copy in the library, for whose sake a source may be removed."""

    path: Path
    content: Digest
    library: Root | None = None
    """Where that is: it must be that very library before and after the copy is read."""

    def require_whole(
        self, source: Path | str, check: Check = _unhurried, *, opened: os.stat_result | None = None
    ) -> None:
        """Make sure that a whole and durable copy remains when the source has gone.

        Args:
            source: its name, for messages.
            check: called while the copy is read; what it raises is raised.
            opened: what the system says of the source, where that is a file of this system.

        Raises:
            UserError: the copy is the source itself.
            LibraryAway: the library is not there, or another one is.
            NotStoredError: the copy is missing, cannot be read or holds other bytes.
        """
        kept = f"{shown(source)} is kept"
        try:
            if self.library is not None:
                read_marker(self.library)
            with open_source(self.path) as stored:
                if opened is not None and os.path.samestat(stored.status, opened):
                    raise UserError(_is_stored(source, self.path))
                drop_cache(stored.fd)
                digest = sha256_descriptor(stored.fd, lambda _count: check())
                stored.require_unchanged(digest.size_bytes)
                if digest != self.content:
                    raise NotStoredError(f"{kept}: {shown(self.path)} does not hold the bytes that were stored")
                os.fsync(stored.fd)  # somebody may have put it back by hand a moment ago
            with open_folder(self.path.parent) as folder:
                sync_folder(folder)
            if self.library is not None:
                read_marker(self.library)
        except (UserError, NotStoredError, TooEarly, LibraryAway):
            raise
        except NightbusError as failure:
            raise NotStoredError(f"{kept}: {failure}") from failure
        except OSError as failure:
            raise NotStoredError(
                f"{kept}: the folder of {shown(self.path)} cannot be read: {failure.strerror}"
            ) from failure


def remove_verified(
    source: Path,
    expected: Digest,
    *,
    stored_at: Path,
    library: Root | None = None,
    root: Path | None = None,
    rested_s: float = 0.0,
) -> bool:
    """Remove a source whose content is what was stored, and whether there was one to remove.

    A source that has already gone is a repeated job and no error. Between the last comparison and the removal lie
    microseconds in which a writer could still replace the file; no system offers to remove a file by descriptor.

    Args:
        source: the file.
        expected: its content.
        stored_at: the stored copy; it must hold the expected bytes now.
        library: where that is: it must be that very library before and after the copy is read.
        root: the folder below which no link may lead to the source; by default its own.
        rested_s: how long the source is known to have held that content, seconds.

    Raises:
        TooEarly: somebody has the source open for writing, or that cannot be told yet.
        LibraryAway: the library is not there, or another one is.
        UserError: the source differs from what was stored, or is the stored copy itself; it is left alone.
        NotStoredError: the stored copy is missing, cannot be read or holds other bytes, or its folder takes no file.
        Transient: the source changed while it was read or cannot be read or removed now.
        Permanent: the source is a symbolic link, a folder or a special file, or a link leads to it.
    """
    with _folder_of(source, root or source.parent) as folder:
        if folder is None or not _is_there(source, folder):
            return False
        with open_source(source, folder) as opened:
            if opened.status.st_size != expected.size_bytes:
                raise UserError(_differs(source, f"{opened.status.st_size} bytes instead of {expected.size_bytes}"))
            with none_writing(opened, rested_s) as check:
                digest = sha256_descriptor(opened.fd, lambda _count: check())
                opened.require_unchanged(digest.size_bytes)
                if digest != expected:
                    raise UserError(_differs(source, "its content is another"))
                StoredCopy(stored_at, expected, library).require_whole(source, check, opened=opened.status)
                opened.require_unchanged(digest.size_bytes)
                if is_one_file(opened, stored_at):
                    raise UserError(_is_stored(source, stored_at))
                _require_as_before(opened, digest.size_bytes)
                _require_same_folder(source, root or source.parent, folder)
                check()
                try:
                    os.unlink(source.name, dir_fd=folder)
                except OSError as error:
                    raise Transient(f"{shown(source)} cannot be removed: {error.strerror}") from error
    return True


@contextmanager
def _folder_of(source: Path, root: Path) -> Iterator[int | None]:
    """The folder of a source, entered through no link below its root; None where it has gone."""
    with ExitStack() as entered:
        try:
            folder = entered.enter_context(enter_folder(root, source.parent.relative_to(root).parts))
        except FileNotFoundError:
            folder = None
        except OSError as error:
            if error.errno in _LINKED:
                raise Permanent(
                    f"{shown(source)} is kept: a folder on its way is a symbolic link or no folder by now"
                ) from error
            raise reading_error(source, error) from error
        yield folder


def _require_as_before(opened: Source, size_bytes: int) -> None:
    """Compare a source with what it was before it was told from its copy, which may have moved its ctime."""
    now = opened.anew()
    if (now.status.st_size, now.status.st_mtime_ns) != (opened.status.st_size, opened.status.st_mtime_ns):
        raise Transient(f"{shown(opened.path)} changed while it was compared")
    now.require_unchanged(size_bytes)


def _require_same_folder(source: Path, root: Path, folder: int) -> None:
    """Make sure that the folder that was entered was not moved to another place meanwhile."""
    with _folder_of(source, root) as now:
        if now is None or not os.path.samestat(os.fstat(now), os.fstat(folder)):
            raise Transient(f"{shown(source)} is kept: its folder was moved while it was read")


def _is_there(source: Path, folder: int) -> bool:
    try:
        os.stat(source.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise reading_error(source, error) from error
    return True


def _is_stored(source: Path | str, stored_at: Path) -> str:
    return f"{shown(source)} is kept: it is the stored file itself, {shown(stored_at)}"


def _differs(source: Path, how: str) -> str:
    return f"{shown(source)} is kept: it differs from what was stored ({how})"
