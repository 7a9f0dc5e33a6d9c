"""What other libraries log, in our form."""

import io
import json
import logging

import pytest
import structlog

from shared.logging import configure_logging
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
