"""Servers and services that are alive and do nothing: found out, ended, started again."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import asyncpg
import nats
import pytest
from structlog.testing import capture_logs

from services.standalone import keeper, monitoring, reading, service
from services.standalone import postgres as postgres_module
from services.standalone.home import LOOPBACK, Home
from services.standalone.keeper import Child, keep
from services.standalone.logfile import LogFile
from services.standalone.nats import EmbeddedNats
from services.standalone.postgres import EmbeddedPostgres
from services.standalone.reading import Reading
from services.standalone.room import Room
from services.standalone.service import ManagedService
from shared.waits import Waits
from tests.stack import EVERYTHING


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (monitoring, postgres_module, service):
        monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.5)
    monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.05)


async def until_started_again(child: Child, pid: int, home: Home) -> list[str]:
    """Stop a child by SIGSTOP under a keeper until it was started again; what was said of it."""
    started, start = asyncio.Event(), child.start

    async def start_and_tell() -> None:
        await start()
        started.set()

    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "start", start_and_tell)
        os.kill(pid, signal.SIGSTOP)
        task = asyncio.create_task(keep("it", child, Room(home.path, Waits("up"))))
        await asyncio.wait_for(started.wait(), 60)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return [line["reason"] for line in logs if line["event"] == "is ended to be started again"]


async def test_a_stopped_nats_is_started_again(home_folder: Path) -> None:
    """NATS that takes connections in the kernel and greets nobody is ended; the new one has its streams."""
    with Home.open(home_folder) as home:
        server = EmbeddedNats(home, users=(EVERYTHING,))
        await server.start()
        assert server.pid is not None
        assert await until_started_again(server, server.pid, home) == ["it does not answer"]
        client = await nats.connect(server.url_as("nightbus"))
        await client.close()
        await server.stop()


async def test_a_stopped_postgres_is_started_again(home_folder: Path) -> None:
    """Postgres whose postmaster and backends are stopped is ended; what was committed is there again."""
    with Home.open(home_folder) as home:
        server = EmbeddedPostgres(home)
        await server.start()
        assert server.pid is not None
        connection = await asyncpg.connect(server.admin_dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(connection.get_server_pid(), signal.SIGSTOP)
        connection.terminate()
        assert await until_started_again(server, server.pid, home) == ["it does not answer"]
        connection = await asyncpg.connect(server.admin_dsn)
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()
        await server.stop()


async def test_a_stopped_service_is_started_again(home_folder: Path) -> None:
    """A service whose pages take connections and answer none is ended; one that has no pages yet is left to start."""
    with Home.open(home_folder) as home:
        port = home.port("health_it")
        command = [sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK]
        child = ManagedService("it", command, LogFile(home.log / "it.log"))
        child.health_url = f"http://{LOOPBACK}:{port}"
        assert await child.ailment() is None

        async def serves() -> bool:
            return await child._page("/livez") is not None

        await child.start()
        await child.wait_ready(serves, 20)
        assert child.pid is not None
        assert await until_started_again(child, child.pid, home) == ["it does not answer"]
        await child.stop()


@pytest.mark.parametrize(
    ("worked_s", "bytes_read", "reason"),
    [
        ((1.0, 2.0, 3.0), (0, 10, 20), None),
        ((1.0, 1.0, 1.0), (0, 0, 0), "was not ready after"),
        ((1.0, 2.0, 3.0), (0, 2**20, 2**40), "reads the same part of its store again and again"),
        ((0.0, 0.0, 0.0), (0, 0, 0), "was not ready after"),
    ],
    ids=["works", "hangs", "reads in circles", "is not told of"],
)
def test_a_server_that_starts_is_waited_for_while_it_gets_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    worked_s: tuple[float, ...],
    bytes_read: tuple[int, ...],
    reason: str | None,
) -> None:
    """A server that works on its store gets on; one that does nothing, or reads what it has read before, does not."""
    work, read = iter(worked_s), iter(bytes_read)
    monkeypatch.setattr(reading, "_processor_seconds", lambda _pid: next(work))
    monkeypatch.setattr(reading, "_bytes_read", lambda _pid: next(read))
    start = Reading(tmp_path, patience_s=0.0)
    last = [start.standstill(1) for _ in worked_s][-1]
    assert (last is None) == (reason is None)
    assert (reason or "") in (last or "")
