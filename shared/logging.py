"""Logging: structlog, one canonical line per unit of work, readable on a terminal and JSON elsewhere."""

import logging
import sys
from typing import Any, TextIO

import structlog

from shared.settings import LogSettings


def configure_logging(settings: LogSettings, service: str, output: TextIO | None = None) -> None:
    """Route structlog and the standard library's loggers to ``output``, every line naming its service.

    The default is standard output.
    """
    output = output or sys.stdout
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (settings.format == "auto" and output.isatty())
    shared_processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
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
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(output)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared_processors))
    handler.addFilter(_retries_in_one_line)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


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
