"""A house of nine services on a small NAS: stand-ins of those to come beside those that stand."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil

from services.descriptions import SERVICES
from services.standalone.home import Home
from services.standalone.postgres import EmbeddedPostgres
from shared.db.pool import IDLE_CONNECTION_S
from shared.errors import Transient
from tests.added_services import project_with
from tests.bench.table import Row, Skipped, ceiling_row
from tests.bench.world import folder

_ALL = ("ingest", "scanner", "stats", "api", "backup", "calibration", "review", "processing", "notify")
PATIENCE_S = 120.0
AT_REST_AFTER_S = IDLE_CONNECTION_S + 15.0
"""What the start needed is given back by then."""
_READY = re.compile(rb"ready after ([\d.]+) s")
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


def rows(*, quick: bool) -> Iterator[Row | Skipped]:
    """Start-up, idle memory and connections with nine services, which quick or not takes half a minute."""
    del quick
    with folder() as place:
        stand_ins = [name for name in _ALL if name not in {service.name for service in SERVICES}]
        copy = project_with(place, stand_ins)
        home = place / "home"
        with _up(home, copy, place / "up.log"):
            pass  # the home is made: what counts is every start after the first
        with _up(home, copy, place / "again.log") as process:
            ready_s = _ready_s(place / "again.log")
            connections = 0
            until = time.monotonic() + AT_REST_AFTER_S
            while time.monotonic() < until:
                connections = max(connections, asyncio.run(_connections(home)))
                time.sleep(1.0)
            memory_mb = _memory_bytes(process.pid) / 1e6
    how = f"the service of docs/howto/add-a-service.md in place of {', '.join(stand_ins)}; second start"
    pss = "proportional set size of all services, readers, Postgres, NATS and `up`, at rest, 45 s after the start"
    yield ceiling_row("nine services: seconds until everything is ready", ready_s, 8, unit="s", how=how)
    yield ceiling_row("nine services: idle memory of everything", memory_mb, 600, unit="MB", how=pss)
    yield ceiling_row("nine services: connections to Postgres", connections, 39, unit="", how="the most in those 45 s")


@contextlib.contextmanager
def _up(home: Path, copy: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", "up", "--home", str(home)],
            cwd=copy, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while _READY.search(log.read_bytes()) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Transient(f"`up` with nine services is not ready: {log.read_text()[-6000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _ready_s(log: Path) -> float:
    found = _READY.search(log.read_bytes())
    assert found is not None
    return float(found[1])


def _memory_bytes(pid: int) -> int:
    root = psutil.Process(pid)
    return sum(one.memory_full_info().pss for one in (root, *root.children(recursive=True)))


async def _connections(home: Path) -> int:
    attached = Home.attach(home)
    server = EmbeddedPostgres(attached, port=attached.ports()["postgres"])
    server.port = attached.ports()["postgres"]
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        found: int = await connection.fetchval(_CONNECTIONS)
    finally:
        await connection.close()
    return found
