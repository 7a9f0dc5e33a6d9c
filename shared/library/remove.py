"""Removing a source file: the one place where Nightbus takes something away from the user.

The order, each step of which *must* precede the next:

1. the stored copy is seen to be another file, also where two mounts show one folder as two devices (``onefile``)
2. the source is read and hashed again, since devices rewrite their stacks under one name
3. the stored copy is read from the disk and hashed, and both its bytes and its name are made durable
4. the source has not changed since it was opened; its name is removed
"""

import os
from pathlib import Path

from shared.errors import NightbusError, Transient, UserError
from shared.library.folders import open_folder, sync_folder
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.onefile import is_one_file
from shared.library.reading import Source, drop_cache, open_source, shown


class NotStoredError(Transient):
    """The stored copy that was named is missing, cannot be read, or does not hold the expected bytes."""


def remove_verified(source: Path, expected: Digest, *, stored_at: Path) -> bool:
    """Remove a source whose content is what was stored, and whether there was one to remove.

    ``stored_at`` is the stored copy; it must hold the expected bytes now. A source that has already gone is a repeated
    job and no error. Between the last comparison and the removal lie microseconds in which a writer could still replace
    the file; no system offers to remove a file by descriptor.

    Raises:
        UserError: the source differs from what was stored, or is the stored copy itself; it is left alone.
        NotStoredError: the stored copy is missing, cannot be read or holds other bytes, or its folder takes no file.
        Transient: the source changed while it was read or cannot be read or removed now.
        Permanent: the source is a symbolic link, a folder or a special file.
    """
    if not os.path.lexists(source):
        return False
    if is_one_file(source, stored_at):
        raise UserError(_is_stored(source, stored_at))
    with open_source(source) as opened:
        if opened.status.st_size != expected.size_bytes:
            raise UserError(_differs(source, f"{opened.status.st_size} bytes instead of {expected.size_bytes}"))
        digest = sha256_descriptor(opened.fd)
        opened.require_unchanged(digest.size_bytes)
        if digest != expected:
            raise UserError(_differs(source, "its content is another"))
        _require_stored(opened, stored_at, expected)
        opened.require_unchanged(digest.size_bytes)
        try:
            source.unlink()
        except OSError as error:
            raise Transient(f"{shown(source)} cannot be removed: {error.strerror}") from error
    return True


def _require_stored(source: Source, stored_at: Path, expected: Digest) -> None:
    """Make sure that a whole and durable copy remains when the source has gone."""
    kept = f"{shown(source.path)} is kept"
    try:
        with open_source(stored_at) as stored:
            if (stored.status.st_dev, stored.status.st_ino) == (source.status.st_dev, source.status.st_ino):
                raise UserError(_is_stored(source.path, stored_at))
            drop_cache(stored.fd)
            digest = sha256_descriptor(stored.fd)
            stored.require_unchanged(digest.size_bytes)
            if digest != expected:
                raise NotStoredError(f"{kept}: {shown(stored_at)} does not hold the bytes that were stored")
            os.fsync(stored.fd)  # somebody may have put it back by hand a moment ago
        with open_folder(stored_at.parent) as folder:
            sync_folder(folder)
    except (UserError, NotStoredError):
        raise
    except NightbusError as failure:
        raise NotStoredError(f"{kept}: {failure}") from failure
    except OSError as failure:
        raise NotStoredError(
            f"{kept}: the folder of {shown(stored_at)} cannot be read: {failure.strerror}"
        ) from failure


def _is_stored(source: Path, stored_at: Path) -> str:
    return f"{shown(source)} is kept: it is the stored file itself, {shown(stored_at)}"


def _differs(source: Path, how: str) -> str:
    return f"{shown(source)} is kept: it differs from what was stored ({how})"
