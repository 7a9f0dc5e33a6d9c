"""What other libraries log, in our form."""

import contextlib
import io
import json
import logging
from pathlib import Path
from typing import Literal

import pytest
import structlog

from shared.logging import SETTLED, Settled, configure_logging, get_logger, log_settled
from shared.settings import LogSettings


@pytest.fixture(autouse=True)
def _as_before() -> object:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_pool_that_reconnects_logs_a_line_and_no_traceback() -> None:
    """While Postgres is away each try is one line with the reason; errors of the driver keep their traceback."""
    output = io.StringIO()
    configure_logging(LogSettings(format="json"), "stats", output)
    logger = logging.getLogger("asyncpg.pool")
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except ConnectionRefusedError:
        logger.warning("Failed to restore the pool connection floor; retrying", exc_info=True)
        logger.exception("an error")
    retry, error = map(json.loads, output.getvalue().splitlines())
    assert retry["event"].startswith("Failed to restore the pool connection floor; retrying: [Errno 111]")
    assert "exception" not in retry
    assert "Traceback" in error["exception"]


HOSTILE = "\x1b[31m\x9b\u202e\n\x00\udcff"


@pytest.mark.parametrize("form", ["json", "console"])
def test_every_field_of_a_line_is_inert_and_bounded(form: Literal["json", "console"]) -> None:
    """Names, reasons, lists, mappings, tracebacks and other libraries' lines: printable, and no line is large."""
    output = io.StringIO()
    configure_logging(LogSettings(format=form), "scanner", output)
    log = get_logger("test")
    log.warning("will retry", reason=HOSTILE + "x" * 10**6, error="y" * 10**6, path=Path(f"/a/{HOSTILE}"))
    log.info(HOSTILE, paths=[HOSTILE * 1000] * 1000, by_name={HOSTILE: {HOSTILE: [HOSTILE]}})
    try:
        raise ValueError(HOSTILE + "z" * 10**6)
    except ValueError:
        log.exception("failed", reason=HOSTILE)
        logging.getLogger("other").exception("failed %s", HOSTILE)
    written = output.getvalue()
    assert all(line.isprintable() for line in written.split("\n"))
    assert len(written) < 60_000
    assert written.encode()


def test_two_thousand_hostile_messages_are_a_small_log() -> None:
    """A reason of any length is one line of a few thousand bytes at most."""
    output = io.StringIO()
    configure_logging(LogSettings(format="json"), "stats", output)
    log = get_logger("test")
    for number in range(2000):
        log.error("dead letter", sequence=number, reason="\x01" * 9000, error="v" * 90_000)
    assert len(output.getvalue()) < 2000 * 4000


def settled_lines(form: Literal["json", "console"], level: Literal["info", "warning"] = "info") -> list[str]:
    """What is written of two messages that were settled."""
    output = io.StringIO()
    configure_logging(LogSettings(format=form, level=level), "stats", output)
    messages = [Settled("file.scanned", "0f5e", "ab" * 32, 1, 0.0123), Settled("file.scanned", None, None, 3, 2.0)]
    log_settled("stats", "handled", messages)
    return output.getvalue().splitlines()


def test_each_settled_message_is_one_line_of_json() -> None:
    """Service, subject, outcome, ids, attempt and duration: all that is asked of a message, in one object."""
    first, second = map(json.loads, settled_lines("json"))
    at = first.pop("timestamp")
    assert at.endswith("Z")
    assert first == {
        "event": SETTLED, "level": "info", "service": "stats", "subject": "file.scanned", "outcome": "handled",
        "event_id": "0f5e", "file_id": "ab" * 32, "attempt": 1, "duration_ms": 12.3,
    }  # fmt: skip
    assert (second["event_id"], second["file_id"], second["duration_ms"]) == (None, None, 2000.0)


def test_the_line_of_a_message_is_readable_on_a_terminal_and_is_no_warning() -> None:
    """The same facts as words; who asks for warnings alone gets none of these lines."""
    first, _ = settled_lines("console")
    assert f"{SETTLED} subject=file.scanned outcome=handled event_id=0f5e file_id=abab" in first
    assert first.endswith("attempt=1 duration_ms=12.3 service=stats")
    assert settled_lines("json", "warning") == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_full_disk_under_the_output_fails_no_work(form: Literal["json", "console"]) -> None:
    """Lines are missing for as long as it is full; what wrote them goes on, and other failures are raised."""
    with Path("/dev/full").open("w") as full:
        configure_logging(LogSettings(format=form), "stats", full)
        for _ in range(1000):
            get_logger("test").warning("will retry", reason="x" * 100)
            log_settled("stats", "handled", [Settled("file.scanned", "a", "b", 1, 0.1)])
            logging.getLogger("other").error("failed")
        with contextlib.suppress(OSError):
            full.close()
    closed = io.StringIO()
    configure_logging(LogSettings(format=form), "stats", closed)
    closed.close()
    with pytest.raises(ValueError, match="closed file"):
        get_logger("test").warning("will retry")
