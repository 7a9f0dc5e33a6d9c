"""Removing a source file: the one place where Nightbus takes something away from the user."""

import os
import stat
from pathlib import Path

from shared.errors import Permanent, Transient, UserError
from shared.library.hashing import Digest, sha256_descriptor
from shared.library.reading import open_source, reading_error, shown


def remove_verified(source: Path, expected: Digest, *, stored_at: Path | None = None) -> bool:
    """Remove a source whose content is what was stored, and whether there was one to remove.

    The source is read and hashed again first, since devices rewrite their stacks under one name. ``stored_at`` is the
    stored copy; where it is given it must be a file of the expected size that is not the source itself under another
    name. A source that has already gone is a repeated job and no error. Between the last comparison and the removal lie
    microseconds in which a writer could still replace the file; no system offers to remove a file by descriptor.

    Raises:
        UserError: the source differs from what was stored, or is the stored copy itself; it is left alone.
        Transient: the source changed while it was read or cannot be read or removed now, or the stored copy is missing.
        Permanent: the source is a symbolic link, a folder or a special file.
    """
    if not os.path.lexists(source):
        return False
    with open_source(source) as opened:
        if stored_at is not None:
            _require_stored(source, opened.status, stored_at, expected)
        if opened.status.st_size != expected.size_bytes:
            raise UserError(_differs(source, f"{opened.status.st_size} bytes instead of {expected.size_bytes}"))
        digest = sha256_descriptor(opened.fd)
        opened.require_unchanged(digest.size_bytes)
        if digest != expected:
            raise UserError(_differs(source, "its content is another"))
        try:
            source.unlink()
        except OSError as error:
            raise Transient(f"{shown(source)} cannot be removed: {error.strerror}") from error
    return True


def _require_stored(source: Path, status: os.stat_result, stored_at: Path, expected: Digest) -> None:
    """Make sure that a copy remains when the source has gone."""
    try:
        stored = os.lstat(stored_at)
    except OSError as error:
        failure = reading_error(stored_at, error)
        raise Transient(f"{shown(source)} is kept: {failure}") from error
    if (stored.st_ino, stored.st_dev) == (status.st_ino, status.st_dev):
        raise UserError(f"{shown(source)} is kept: it is the stored file itself, {shown(stored_at)}")
    if not stat.S_ISREG(stored.st_mode):
        raise Permanent(f"{shown(source)} is kept: {shown(stored_at)} is not a regular file")
    if stored.st_size != expected.size_bytes:
        raise UserError(f"{shown(source)} is kept: {shown(stored_at)} does not have the size that was stored")


def _differs(source: Path, how: str) -> str:
    return f"{shown(source)} is kept: it differs from what was stored ({how})"
