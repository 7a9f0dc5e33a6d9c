"""imports, imports cancel, and an import that goes on without its command, on a real NATS and Postgres."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.settings import Settings
from tests.integration.ingest.world import configured, fits, until, write
from tests.integration.ingest.world import ingest as running_ingest

Run = Callable[..., subprocess.CompletedProcess[str]]
RUNNING, WAITING, DONE = UUID(int=1 << 120), UUID(int=2 << 120), UUID(int=3 << 120)


@pytest.fixture
async def three(ingest: asyncpg.Connection) -> None:
    """An import that runs, one that waits for its turn, and one that is done."""
    rows = ((DONE, "done", "NULL", 1), (RUNNING, "running", "'2100-01-01T00:00Z'", 2), (WAITING, "waiting", "NULL", 3))
    for import_id, state, lease, day in rows:
        await ingest.execute(
            "INSERT INTO import (import_id, paths, mode, state, found, arrived, waiting, waiting_for, total_files,"
            " total_bytes, size_bytes, read_bytes, files_per_s, bytes_per_s, left_s, leased_until, created_at)"
            " VALUES ($1, $2, 'copy', $3, 9, 4, 1, '{cut.fits: it grows}', 20, 1000, 500, 400, 2.5, 1500000, 90,"
            f" {lease}, '2026-03-0{day}T00:00Z')",
            import_id, [f"/captures/{state}"], state,
        )  # fmt: skip


async def nightbus(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, while this test answers commands."""
    return await asyncio.to_thread(run, *words)


async def test_imports_are_listed(three: None, run: Run) -> None:
    """Newest first, as a table with rate and time left, as JSON and CSV with every field, and by state."""
    table = (await nightbus(run, "imports")).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["import", "02000000", "01000000", "03000000"]
    for words in ("running", "/captures/running", "9 of 20", "2.5 files/s, 1.5 MB/s", "90 s", "waits for cut.fits"):
        assert words in table[2]
    assert "waits for its turn" in table[1]
    rows = json.loads((await nightbus(run, "imports", "--json")).stdout)
    assert [row["import_id"] for row in rows] == [str(WAITING), str(RUNNING), str(DONE)]
    assert (rows[1]["total_bytes"], rows[1]["left_s"], rows[2]["left_s"]) == (1000, 90.0, None)
    open_ones = json.loads((await nightbus(run, "imports", "--state", "open", "--json")).stdout)
    assert [row["state"] for row in open_ones] == ["waiting", "running"]
    csv = (await nightbus(run, "imports", "--csv", "--limit", "1")).stdout.splitlines()
    assert csv[0].startswith("import_id,kind,state,attempt")
    assert len(csv) == 2
    assert (await nightbus(run, "imports", "--state", "dead")).stdout == "no imports\n"


async def test_status_shows_imports_that_run_or_wait(three: None, js: JetStreamContext, run: Run) -> None:
    """`status` has the open imports with rate and time left, as JSON too; what is done is not of its business."""
    text = (await nightbus(run, "status")).stdout
    assert "/captures/running" in text
    assert "2.5 files/s, 1.5 MB/s" in text
    assert "/captures/done" not in text
    found = json.loads((await nightbus(run, "status", "--json")).stdout)
    assert [row["state"] for row in found["imports"]] == ["waiting", "running"]


async def test_cancelling_needs_an_import(three: None, run: Run) -> None:
    """What is no id is wrong usage; an unknown one, or the start of several, is a sentence."""
    wrong = await nightbus(run, "imports", "cancel", "first")
    assert (wrong.returncode, "is no id of an import" in wrong.stderr) == (2, True)
    unknown = await nightbus(run, "imports", "cancel", str(uuid4()))
    assert (unknown.returncode, "no import has an id that starts with" in unknown.stderr) == (1, True)
    away = await nightbus(run, "imports", "cancel", "01000000")
    assert (away.returncode, away.stderr) == (1, "nightbus: the ingest service is not running\n")


async def test_an_import_goes_on_without_its_command_and_can_be_cancelled(
    settings: Settings, nats_client: Client, tmp_path: Path, environment: dict[str, str], run: Run
) -> None:
    """Ctrl-C ends the command only: it names the import and where to look; the import runs on until it is cancelled."""
    write(tmp_path / "captures", {"cut.fits": fits()[:3000], "whole.fits": fits(fill=1)})
    ready = configured(settings, tmp_path, incomplete_wait_s=3600.0)
    async with running_ingest(ready, nats_client) as service:
        words = ("-m", "services.cli.main", "ingest", str(tmp_path / "captures"))
        pipe = asyncio.subprocess.PIPE
        command = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=pipe, stderr=pipe, env=environment, cwd=tmp_path
        )

        async def arrived() -> bool:
            rows = await service.rows("SELECT arrived, waiting FROM import")
            return [tuple(row.values()) for row in rows] == [(1, 1)]

        await until(arrived)
        command.send_signal(signal.SIGINT)
        out, err = await command.communicate()
        (row,) = await service.rows("SELECT * FROM import_progress")
        assert (command.returncode, out) == (130, b"")
        assert f"the import {row['import_id']} goes on without this command; `nightbus imports` shows" in err.decode()
        (listed,) = json.loads((await nightbus(run, "imports", "--state", "running", "--json")).stdout)
        assert listed["import_id"] == str(row["import_id"])
        assert listed["waiting_for"][0].startswith("cut.fits: ")
        assert (listed["total_files"], listed["total_bytes"]) == (2, 3000 + len(fits()))

        short = str(row["import_id"])[:8]
        told = await nightbus(run, "imports", "cancel", short)
        assert told.stdout.startswith(f"the import {row['import_id']} ends after the files in hand; ")
        report: dict[str, Any] = await service.report(row["import_id"])
        assert (report["state"], report["arrived"], report["found"]) == ("cancelled", 1, 1)
        again = await nightbus(run, "imports", "cancel", short)
        assert again.stdout == f"the import {row['import_id']} is cancelled\n"
