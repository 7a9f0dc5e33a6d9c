"""Files for the dead letters that are too large for the table: owner-only, durable, written once."""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.errors import Transient, UserError

TABLE_LIMIT_BYTES = 64 * 1024
"""The most that the table keeps of a payload."""

_HASH_CHARS = 16


@dataclass(frozen=True, slots=True)
class PayloadFolder:
    """The folder ``api.dead_letter_dir``; a file is named after the letter's stream position and its SHA-256."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """The folder, made with mode 0700 where it is missing.

        Raises:
            UserError: it cannot be made.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"api.dead_letter_dir {path} cannot be used: {error.strerror}") from error
        return cls(path)

    def keep(self, sequence: int, payload: bytes) -> str:
        """Write a payload durably; returns the file's name. The same payload is written once.

        Raises:
            Transient: the disk refuses.
        """
        name = f"{sequence:012d}-{hashlib.sha256(payload).hexdigest()[:_HASH_CHARS]}"
        try:
            if not self._has(name, len(payload)):
                self._write(name, payload)
        except OSError as error:
            raise Transient(f"the payload cannot be kept in {self.path}: {error.strerror}") from error
        return name

    def read(self, name: str) -> bytes:
        """A payload that was kept.

        Raises:
            UserError: the file is gone, or it is not the one that was written.
        """
        try:
            payload = (self.path / Path(name).name).read_bytes()
        except OSError as error:
            raise UserError(f"the payload {name} cannot be read in {self.path}: {error.strerror}") from error
        if not name.endswith(hashlib.sha256(payload).hexdigest()[:_HASH_CHARS]):
            raise UserError(f"the payload {name} in {self.path} has changed since it was kept")
        return payload

    def _has(self, name: str, size_bytes: int) -> bool:
        file = self.path / name
        return file.is_file() and file.stat().st_size == size_bytes

    def _write(self, name: str, payload: bytes) -> None:
        fd, temporary = tempfile.mkstemp(dir=self.path, prefix=".writing-")  # mode 0600
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path / name)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
