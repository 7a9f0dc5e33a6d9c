"""The one log of `nightbus up`: what services and servers print, and what `up` says itself, kept to a bounded size."""

import contextlib
import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, cast

from services.descriptions import SERVICES
from shared.inert import printable
from shared.library.room import NO_SPACE
from shared.logging import SETTLED

LOG_FILE = "nightbus.log"
LINE_CHARS = 100_000
"""The longest line: one of a service with a traceback in it."""


class Kept(NamedTuple):
    """How much of a log is kept: the size of a file, bytes, and how many earlier files beside the one in use."""

    limit_bytes: int = 50 * 1024**2
    files: int = 4


_KEPT = Kept()


class ReadableLog:
    """One log of all services: every line names its service; it goes to ``log/nightbus.log`` and to the terminal.

    With ``as_json`` each line is one JSON object, whatever the process printed. A file that is full is put aside as
    ``nightbus.log.1``, the one before as ``.2`` and so on; no line is lost by it, and the oldest file goes. The lines
    of single messages are left out where a person looks on.
    """

    def __init__(self, path: Path, *, terminal: bool = True, as_json: bool = False, kept: Kept = _KEPT) -> None:
        self._path = path
        self._kept = kept
        self._file = _opened(path)
        self._size_bytes = path.stat().st_size
        self._unwritten = 0
        self._terminal = terminal
        self._watched = terminal and sys.stdout.isatty()
        self._as_json = as_json
        self._width = max(len(service.name) for service in SERVICES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._file.close()

    def line(self, name: str, text: str) -> None:
        """Write one line of a service or server, whatever names of files or headers it quotes."""
        text = printable(text.expandtabs(), LINE_CHARS)
        shown = f"{_as_json(name, text)}\n" if self._as_json else f"{name:<{self._width}} | {text}\n"
        self._keep(shown)
        if not self._terminal or (self._watched and SETTLED in text):
            return
        with contextlib.suppress(OSError):  # a reader that went, a full disk under it: the file has the line
            sys.stdout.write(shown)
            sys.stdout.flush()

    def _keep(self, shown: str) -> None:
        """Write to the file; on a full disk lines are only counted, and their number is written once there is room."""
        try:
            if self._unwritten:
                missing = f"{self._unwritten} lines are missing here: the disk was full"
                self._write(f"{_as_json('up', missing) if self._as_json else missing}\n")
                self._unwritten = 0
            self._write(shown)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._unwritten += 1

    def _write(self, text: str) -> None:
        rest = text.encode(errors="replace")
        if self._size_bytes + len(rest) > self._kept.limit_bytes and self._size_bytes:
            self._begin_anew()
        while rest:
            written = self._file.write(rest)
            self._size_bytes += written
            rest = rest[written:]

    def _begin_anew(self) -> None:
        """Go on in a new file. Where there is no room for one, the old one grows on."""
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            file = _opened(new)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return
        for number in range(self._kept.files, 0, -1):
            earlier = self._numbered(number - 1) if number > 1 else self._path
            if earlier.exists():
                earlier.replace(self._numbered(number))
        new.replace(self._path)
        self._file.close()
        self._file, self._size_bytes = file, 0

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _opened(path: Path) -> BinaryIO:
    file = path.open("ab", buffering=0)
    os.fchmod(file.fileno(), 0o600)  # also one that was begun by an earlier version
    return cast("BinaryIO", file)


def _as_json(name: str, text: str) -> str:
    """A line that is no JSON object yet, such as a traceback's, as the event of one."""
    if text.startswith("{") and _is_json(text):
        return text
    return json.dumps({"service": name, "event": text, "level": "info", "timestamp": datetime.now(UTC).isoformat()})


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class OwnLines(io.TextIOBase):
    """What this process logs, as whole lines of the one log."""

    def __init__(self, log: ReadableLog) -> None:
        self._log = log
        self._rest = ""

    def write(self, text: str) -> int:
        """Take text; complete lines go to the log."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._log.line("up", line)
        return len(text)
