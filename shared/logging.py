"""Logging: structlog, one canonical line per unit of work, readable on a terminal and JSON elsewhere.

The line of a settled message (``log_settled``) is by far the most frequent: it is put together here, a batch at a time,
at a twentieth of what the machinery for any line costs.

Every field of every line is inert (see ``shared.inert``): printable, and of bounded length and number.
"""

import contextlib
import errno
import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, TextIO, cast

import structlog

from shared.inert import DETAIL_CHARS, SENTENCE_CHARS, paragraph, printable
from shared.settings import LogSettings

_TRACEBACK_CHARS = 8000
_MOST_ITEMS = 20
"""Of a list or mapping in a field; how many there are is said."""
_DEEPEST = 4
_PLAIN = re.compile(r"[a-z0-9.-]+")
SETTLED = "message settled"
"""The event of the line of each message; whoever shows lines to people leaves these out."""


class Settled(NamedTuple):
    """What the line of a message says of it beside service and outcome: subject and ids, and how long it took."""

    subject: str
    event_id: str | None
    file_id: str | None
    attempt: int
    duration_s: float


@dataclass(slots=True)
class _Output:
    """Where the lines of messages go, if anywhere, and in which form."""

    file: TextIO | None = None
    console: bool = False


class _Lasting:
    """An output that a full disk does not fail: what we do goes on, and lines are missing for as long as that lasts."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write it, if there is room."""
        with _forgiven():
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand it on, if there is room."""
        with _forgiven():
            self._file.flush()

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return self._file.isatty()


@contextlib.contextmanager
def _forgiven() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise


_messages = _Output()


def configure_logging(settings: LogSettings, service: str, output: TextIO | None = None) -> None:
    """Route structlog and the standard library's loggers to ``output``, every line naming its service.

    The default is standard output.
    """
    output = cast("TextIO", _Lasting(output or sys.stdout))
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (settings.format == "auto" and output.isatty())
    shared_processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _inert_fields,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=output.isatty()) if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared_processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    _messages.file, _messages.console = (output if level <= logging.INFO else None), console
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(output)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared_processors))
    handler.addFilter(_retries_in_one_line)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def logs_settled() -> bool:
    """Whether the lines of messages are written at all."""
    return _messages.file is not None


def log_settled(service: str, outcome: str, messages: Iterable[Settled]) -> None:
    """Write the canonical line of each message that was settled, where lines of level info are written.

    What they say is inert: ids and subjects of ours, or made so by the caller.
    """
    if (file := _messages.file) is None:
        return
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = _settled_console if _messages.console else _settled_json
    file.write("".join(lines(at, service, outcome, messages)))
    file.flush()


def _settled_json(at: str, service: str, outcome: str, messages: Iterable[Settled]) -> Iterator[str]:
    head = json.dumps({"event": SETTLED, "level": "info", "timestamp": at, "service": service, "outcome": outcome})[:-1]
    for subject, event_id, file_id, attempt, duration_s in messages:
        ids = f'"event_id": {_quoted(event_id)}, "file_id": {_quoted(file_id)}'
        duration = f'"attempt": {attempt}, "duration_ms": {duration_s * 1000:.1f}'
        yield f'{head}, "subject": {_quoted(subject)}, {ids}, {duration}}}\n'


def _quoted(text: str | None) -> str:
    """A text as JSON has it; ids and subjects need no escape."""
    if text is None:
        return "null"
    return f'"{text}"' if text.isascii() and _PLAIN.fullmatch(text) else json.dumps(text)


def _settled_console(at: str, service: str, outcome: str, messages: Iterable[Settled]) -> Iterator[str]:
    head = f"{at} [info     ] {SETTLED} subject="
    for subject, event_id, file_id, attempt, duration_s in messages:
        known = f"event_id={event_id} file_id={file_id}" if file_id else f"event_id={event_id}"
        end = f"attempt={attempt} duration_ms={duration_s * 1000:.1f} service={service}\n"
        yield f"{head}{subject} outcome={outcome} {known} {end}"


def _inert_fields(_logger: Any, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The fields of a line as they may be shown; those of processors further on, which begin with _, are left alone."""
    for key, value in fields.items():
        if key in {"exception", "stack"} and isinstance(value, str):
            fields[key] = paragraph(value, _TRACEBACK_CHARS)
        elif not key.startswith("_"):
            most = DETAIL_CHARS if key in {"error", "detail"} else SENTENCE_CHARS
            fields[key] = _inert(value, most, _DEEPEST)
    return fields


def _inert(value: Any, most: int, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth and isinstance(value, Mapping):
        found = {
            printable(key, most): _inert(item, most, depth - 1) for key, item in islice(value.items(), _MOST_ITEMS)
        }
        return found if len(value) <= _MOST_ITEMS else found | {"...": f"{len(value)} in all"}
    if depth and isinstance(value, list | tuple | set | frozenset):
        items = [_inert(item, most, depth - 1) for item in islice(value, _MOST_ITEMS)]
        return items if len(value) <= _MOST_ITEMS else [*items, f"... {len(value)} in all"]
    return printable(value, most)


def _retries_in_one_line(record: logging.LogRecord) -> bool:
    """An outage of Postgres is a line for each try of the pool to reconnect, where asyncpg wants thirty."""
    if record.name.startswith("asyncpg") and record.levelno == logging.WARNING and record.exc_info:
        error = record.exc_info[1]
        record.msg, record.args = f"{record.getMessage()}: {error or type(error).__name__}", ()
        record.exc_info = record.exc_text = None
    return True


def get_logger(name: str) -> Any:
    """A structlog logger that carries its module's name."""
    return structlog.get_logger(module=name)
