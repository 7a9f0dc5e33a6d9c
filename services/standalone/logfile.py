"""The log of a child that appends to it by itself, such as Postgres: kept to two files, while the child has it open."""

import contextlib
import ctypes
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from shared.library.room import NO_SPACE

LOG_LIMIT_BYTES = 10 * 1024 * 1024
_LONGEST_LINE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_COLLAPSE_RANGE = 0x08
"""FALLOC_FL_COLLAPSE_RANGE of Linux (fallocate(2)): takes a part out of a file, and what follows moves up."""


class LogFile:
    """A log that children append to by themselves, kept to two files of about ``limit_bytes`` each."""

    def __init__(self, path: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
        self.path = path
        self.limit_bytes = limit_bytes

    def open(self) -> int:
        """A descriptor for a child's output. The file is rotated first if it is large."""
        self.rotate()
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def rotate(self) -> None:
        """Move what was written to ``<name>.1``, once it is large; the child keeps the file open (O_APPEND).

        Copied, and then taken out of the file in one step (ext4, xfs): what the child writes meanwhile stays. On other
        file systems the file is cut where the copy ended, and a line may be lost that is written in that moment.
        """
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > self.limit_bytes:
                self._move_aside()

    def tail(self, lines: int = 5) -> list[str]:
        """The last lines that were written."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _LONGEST_LINE_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
        return []

    def _move_aside(self) -> None:
        older = self.path.with_name(self.path.name + ".1")
        with self.path.open("r+b") as file:
            disk = os.fstatvfs(file.fileno())
            whole = max(os.fstat(file.fileno()).st_size - 1, 0) // disk.f_bsize * disk.f_bsize
            try:
                with older.open("wb") as copy:
                    _copy(file, copy, whole)
                    if _collapse(file, whole):
                        return
                    shutil.copyfileobj(file, copy)
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                older.unlink(missing_ok=True)  # a log must not take the last room, and this one holds the later lines
            file.truncate(0)


def _copy(source: BinaryIO, target: BinaryIO, size_bytes: int) -> None:
    while size_bytes and (chunk := source.read(min(size_bytes, _CHUNK_BYTES))):
        target.write(chunk)
        size_bytes -= len(chunk)


def _collapse(file: BinaryIO, size_bytes: int) -> bool:
    """Take the first bytes, whole blocks, out of a file; False where the system or the file system has no such call."""
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None or not size_bytes:
        return False
    file.flush()
    return bool(fallocate(file.fileno(), _COLLAPSE_RANGE, ctypes.c_int64(0), ctypes.c_int64(size_bytes)) == 0)
