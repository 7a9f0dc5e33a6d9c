"""Replacing a damaged copy in the library by a good one. The damaged one is kept aside, and nothing of it is lost.

The order of writes, each of which *must* precede the next:

1. a good copy is made: durable, read back, and without a name yet (``stage``)
2. it gets the name that the damaged one is going to have, ``.nightbus/damaged/<when>/<path in the library>``, and that
   folder is synced
3. the two change names in one step
4. what is now kept aside is seen to be the file that was found to be damaged; where another program has put one of its
   own there meanwhile, the names change back. Both folders are synced

At any moment the damaged or the good copy has the name in the library and the other one a name aside; a crash leaves
both. What lies aside is never removed or overwritten. After a crash between 2 and 3 that is the good copy, which
``finish_replacement`` puts in its place.

**Where files cannot change names** (most network shares, exFAT) a copy of the damaged one is made aside, as durable as
any other, and the good one is then renamed over it. In the microseconds between the last look and that rename another
program could still replace the file; such file systems offer no more.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.errors import NightbusError, Transient
from shared.library.exchange import CannotExchangeError, exchange
from shared.library.folders import open_folder, sync_folder, unlink_if_there
from shared.library.place import claim, place_of
from shared.library.reading import as_utf8, reading_error, shown, status_of
from shared.library.roots import Root, read_marker
from shared.library.stage import Staged, discard, stage_file, temporaries
from shared.library.stored import Examined

DAMAGED = "damaged"
"""The folder of damaged copies in the library's own folder."""
LONGEST_KEPT_BYTES = 2500
"""Longest path aside that is told of; the entries of an index of Postgres end at 2,704 bytes."""

_Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that lies aside: ``kept_as`` below the library, where it had been ``path``; UTC seconds since 1970."""

    kept_as: str
    path: str
    size_bytes: int
    kept_at_s: float


@dataclass(frozen=True, slots=True)
class Replaced:
    """A copy that is whole again, with its mtime now; ``kept_as`` is where the damaged one lies, below the library."""

    kept_as: str
    mtime_ns: int


def replace_damaged(staged: Staged, library: Root, relative_path: str, damaged: Examined) -> Replaced:
    """Give a staged copy the name of a damaged one, which is kept aside. The temporary name is gone afterwards.

    Raises:
        Transient: the library cannot be written to, or the file is no longer the one that was examined. Then it stays
            as it is, and the staged copy is gone.
        Permanent: the path leaves the root.
    """
    path, _parts = place_of(library, relative_path)
    with temporaries(library, path) as unfinished:
        good = _inode(staged.temporary_name, unfinished)
        kept_as = _claim_aside(unfinished, staged.temporary_name, library, relative_path)
        unlink_if_there(staged.temporary_name, unfinished)
    try:
        return finish_replacement(library, relative_path, kept_as, damaged)
    except BaseException:
        with contextlib.suppress(NightbusError, OSError):  # the first failure is the one to report
            _withdraw(library, kept_as, good)
        raise


def finish_replacement(library: Root, relative_path: str, kept_as: str, damaged: Examined) -> Replaced:
    """Let the good copy that lies aside and the damaged one change places; raises as ``replace_damaged`` does."""
    path, parts = place_of(library, relative_path)
    *aside_parts, name = kept_as.split("/")
    with (
        temporaries(library, path),
        open_folder(library.path, parts) as folder,
        open_folder(library.path, aside_parts) as aside,
    ):
        try:
            exchange(aside, name, folder, path.name)
        except CannotExchangeError:
            kept_as = _copy_aside(library, relative_path, path, damaged)
            if _inode(path.name, folder) != (damaged.inode, damaged.device):
                raise _replaced_meanwhile(path) from None
            os.rename(name, path.name, src_dir_fd=aside, dst_dir_fd=folder)
        else:
            if _inode(name, aside) != (damaged.inode, damaged.device):
                exchange(aside, name, folder, path.name)
                raise _replaced_meanwhile(path)
        sync_folder(folder)
        sync_folder(aside)
        return Replaced(kept_as, os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mtime_ns)


def kept_aside(library: Root, odd: list[str]) -> Iterator[Kept]:
    """Everything that lies aside. What cannot be looked at, or named in a database, is told to ``odd`` by a sentence.

    Raises:
        LibraryAway: the library is not mounted, or another one is.
        Transient: nothing of what lies aside can be read.
    """
    read_marker(library)
    top = library.own_folder / DAMAGED

    def refuse(error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            return
        if error.filename == os.fspath(top):
            raise reading_error(top, error) from error
        odd.append(f"{shown(os.fsdecode(error.filename))} cannot be read: {error.strerror}")

    for folder, _folders, names in os.walk(top, onerror=refuse):
        for name in names:
            file = Path(folder, name)
            below = file.relative_to(top).parts
            kept_as = file.relative_to(library.path).as_posix()
            try:
                status = status_of(file)
            except NightbusError as error:
                odd.append(str(error))
                continue
            if status is None or not stat.S_ISREG(status.st_mode) or len(below) == 1:
                continue
            if as_utf8(kept_as) != kept_as or len(kept_as.encode()) > LONGEST_KEPT_BYTES:
                odd.append(f"{shown(file)} cannot be recorded: its name is not UTF-8, or its path is too long")
                continue
            yield Kept(kept_as, PurePosixPath(*below[1:]).as_posix(), status.st_size, status.st_ctime)
    read_marker(library)


def _claim_aside(unfinished: int, temporary: str, library: Root, relative_path: str) -> str:
    """Give a temporary copy a durable name aside, from which when and where can be read; the path below the library."""
    *parents, name = relative_path.split("/")
    when, number = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), 1
    while True:
        aside = (library.own_folder.name, DAMAGED, when if number == 1 else f"{when}-{number}", *parents)
        with open_folder(library.path, aside, library.access) as folder:
            if claim(unfinished, temporary, folder, name):
                sync_folder(folder)
                return "/".join((*aside, name))
        number += 1


def _copy_aside(library: Root, relative_path: str, path: Path, damaged: Examined) -> str:
    """The way without an exchange: a second, durable copy of the damaged bytes."""
    copy = stage_file(path, library)
    if damaged.digest is None or copy.file_id != damaged.digest.file_id:
        discard(copy, library)
        raise _replaced_meanwhile(path)
    with temporaries(library, path) as unfinished:
        kept_as = _claim_aside(unfinished, copy.temporary_name, library, relative_path)
        unlink_if_there(copy.temporary_name, unfinished)
    return kept_as


def _withdraw(library: Root, kept_as: str, good: _Inode) -> None:
    """Take the good copy back from its name aside, if it still has it: nothing came of the replacement."""
    *aside_parts, name = kept_as.split("/")
    with open_folder(library.path, aside_parts) as aside:
        if _inode(name, aside) == good:
            os.unlink(name, dir_fd=aside)


def _inode(name: str, folder: int) -> _Inode:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return status.st_ino, status.st_dev


def _replaced_meanwhile(path: Path) -> Transient:
    return Transient(f"{shown(path)} was replaced by another program while it was mended")
