"""A whole stack for end-to-end tests: ``nightbus up`` as a user starts it, and the command line beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_LIMIT_S = 90.0
NIGHTBUS = [sys.executable, "-m", "services.cli.main"]
QUICK = {
    "NIGHTBUS_INGEST__SETTLE_S": "0.2",
    "NIGHTBUS_INGEST__INCOMPLETE_WAIT_S": "0.5",
    "NIGHTBUS_SCANNER__MEASURE_STARS": "false",
}
"""Settings for files that come to rest at once and of which nobody wants to know the stars."""


@dataclass
class Up:
    """A running ``nightbus up``."""

    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line against this home."""
        done = subprocess.run(
            [*NIGHTBUS, *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done

    def json(self, *arguments: str) -> Any:
        """The JSON that a listing prints."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def children(self) -> set[int]:
        """Process ids of the servers and of the processes of services."""
        import psutil

        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def descendants(self) -> list[int]:
        """Process ids of everything that this ``up`` started, itself included."""
        import psutil

        if self.process.poll() is not None:
            return []
        root = psutil.Process(self.process.pid)
        return [self.process.pid, *(child.pid for child in root.children(recursive=True))]


@contextmanager
def up(home: Path, **environment: str) -> Iterator[Up]:
    """Start ``nightbus up --home HOME``, wait until it says ready, and stop it with Ctrl-C at the end."""
    log = home.parent / f"{home.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*NIGHTBUS, "up", "--home", str(home)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    running = Up(home, process, log)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while b"ready after" not in log.read_bytes():
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, "not ready in time:\n" + log.read_text()[-3000:]
            time.sleep(0.1)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
