"""The service of docs/howto/add-a-service.md, built from the page in a copy of the project, on the real stack."""

import ast
import asyncio
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from services.cli.connection import find_stack
from services.standalone.simulation import tiny_frames
from shared.bus.broker import connect
from shared.bus.names import CLI
from tests.added_services import NAME, PAGE, project_with
from tests.e2e.running import QUICK, Up, up
from tests.stack import open_folder

pytestmark = pytest.mark.usefixtures("embedded_stack")


async def rigs(home: Path) -> dict[str, Any]:
    """The service's view, as people read it."""
    settings = find_stack(home).settings.postgres
    connection = await asyncpg.connect(
        host=settings.host, port=settings.port, database=settings.database, user="reader",
        password=settings.password_of("reader"),
    )  # fmt: skip
    try:
        return {row["rig"]: row["seen_at"] for row in await connection.fetch("SELECT * FROM rigs_seen.rigs")}
    finally:
        await connection.close()


async def until_seen(home: Path, count: int) -> dict[str, Any]:
    """Wait until so many rigs were seen."""
    async with asyncio.timeout(60):
        while len(found := await rigs(home)) != count:
            await asyncio.sleep(0.2)
    return found


async def ask(home: Path, rig: str) -> dict[str, Any]:
    """Send the command of the page."""
    client = await connect(find_stack(home).settings.nats, CLI)
    try:
        answer = await client.request("cmd.rigs_seen.forget", json.dumps({"rig": rig}).encode(), timeout=10)
    finally:
        await client.close()
    parsed: dict[str, Any] = json.loads(answer.data)
    return parsed


def test_the_service_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder and one line: it reads past and stream, answers, shares a process, and comes back after kill -9."""
    with open_folder() as folder:
        home, frames = folder / "home", folder / "frames"
        tiny_frames(frames, 5, 1)
        with up(home, **QUICK) as before:
            before.run("ingest", str(frames), "--mode", "index", "--wait")
            until_counted(before, 5)
        copy = project_with(folder)
        monkeypatch.chdir(copy)
        with up(home, **QUICK) as stack:
            seen = asyncio.run(until_seen(home, 1))
            (rig,) = seen
            states = {row["service"]: row for row in stack.json("status")["services"]}
            assert states[NAME]["running"]
            assert asyncio.run(ask(home, rig)) == {"ok": True, "error": None, "rigs": 1}
            tiny_frames(frames, 3, 1, start_index=5)
            stack.run("ingest", str(frames), "--mode", "index", "--wait")
            until_counted(stack, 8)
            assert asyncio.run(until_seen(home, 1))[rig] > seen[rig]
            kill(stack)
            assert asyncio.run(ask(home, "nobody")) == {"ok": True, "error": None, "rigs": 0}


def until_counted(stack: Up, files: int) -> None:
    """Wait until stats has counted so many files."""
    for _ in range(100):
        if (counts := stack.json("status")["counts"])["scanned"] == files:
            return
    raise AssertionError(counts)


def kill(stack: Up) -> None:
    """Kill the process of the quiet services, and wait until it runs again."""

    def quiet() -> list[int]:
        found = [psutil.Process(pid) for pid in stack.descendants() if psutil.pid_exists(pid)]
        return [one.pid for one in found if one.cmdline()[-2:] == ["api", NAME]]

    (before,) = quiet()
    os.kill(before, signal.SIGKILL)
    for _ in range(100):
        states = {row["service"]: row["running"] for row in stack.json("status")["services"]}
        if states[NAME] and states["api"] and quiet() not in ([], [before]):
            return
    raise AssertionError(states)


def test_the_page_is_python() -> None:
    """Every block of Python on the page is well-formed."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        ast.parse(block)
