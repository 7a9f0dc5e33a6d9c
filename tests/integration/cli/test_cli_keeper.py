"""`forget`, `locations` and `files --missing` on a stack with rows, and an ingest that does what is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client

from shared.settings import Settings
from tests.integration.cli.conftest import ARRIVED_AT, Run
from tests.integration.ingest.world import Ingest, configured, ingest


@pytest.fixture
async def service(
    settings: Settings, nats_client: Client, js: object, rows: None, tmp_path: Path
) -> AsyncIterator[Ingest]:
    """A running ingest beside the small library of rows."""
    async with ingest(configured(settings, tmp_path), nats_client) as running:
        yield running


async def test_files_are_forgotten_by_filters(service: Ingest, run: Run, ingest: asyncpg.Connection) -> None:
    """A dry run says how many and changes nothing, as does a no; with consent they are forgotten."""
    dry = await asyncio.to_thread(run, "forget", "--object", "M31", "--reason", "the cap was on", "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "2 files (200 B) would be forgotten\n")
    refused = await asyncio.to_thread(run, "forget", "--object", "M31", "--reason", "the cap was on", stdin="n\n")
    assert (refused.returncode, "nothing was forgotten" in refused.stdout) == (1, True)
    assert await ingest.fetchval("SELECT count(*) FROM forgotten_file") == 0
    done = await asyncio.to_thread(run, "forget", "--object", "M31", "--reason", "the cap was on", "--yes")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "forgotten: 2"), done.stderr
    found = await ingest.fetch("SELECT file_id, reason FROM forgotten_file ORDER BY file_id")
    assert [tuple(row) for row in found] == [("a" * 64, "the cap was on"), ("b" * 64, "the cap was on")]
    assert "forgotten: 2" in (await asyncio.to_thread(run, "status")).stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("forget", "--reason", "x"), 2, "say which files"),
        (("forget", "--object", "M31", "--reason", " "), 1, "a reason must say something"),
        (("forget", "--object", "M77", "--reason", "x"), 1, "no file is like that"),
        (("forget", "--object", "M31"), 2, "--reason"),
    ],
)
async def test_what_cannot_be_forgotten_is_said(
    rows: None, run: Run, words: tuple[str, ...], code: int, sentence: str
) -> None:
    """A wish without files, reason or answer ends with a sentence and changes nothing."""
    done = await asyncio.to_thread(run, *words)
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr


async def test_missing_and_offline_files_are_listed(run: Run, rows: None, ingest: asyncpg.Connection) -> None:
    """`files --missing` lists what can be read nowhere now, with the reason where it was removed on request."""
    await ingest.execute(
        "UPDATE location SET missing_since = $1, removed_reason = 'clouds' WHERE file_id = $2", ARRIVED_AT, "b" * 64
    )
    found = json.loads((await asyncio.to_thread(run, "files", "--missing", "--json")).stdout)
    assert [(row["file_id"], row["absent"], row["absent_reason"]) for row in found] == [("b" * 64, "missing", "clouds")]
    await ingest.execute("UPDATE root SET offline_since = $1, offline_reason = 'unplugged'", ARRIVED_AT)
    found = json.loads((await asyncio.to_thread(run, "files", "--missing", "--json")).stdout)
    assert sorted(row["absent"] for row in found) == ["missing", *["offline"] * 5]
    listed = json.loads((await asyncio.to_thread(run, "locations", "--json")).stdout)
    assert [(row["root"], row["state"], row["files"], row["missing"]) for row in listed] == [
        ("library", "offline", 6, 1)
    ]
    assert "the root library is offline: unplugged" in (await asyncio.to_thread(run, "status")).stdout


async def test_the_library_is_walked_on_request(service: Ingest, run: Run) -> None:
    """`locations walk` waits for the walk and prints what it found; a problem is exit code 1."""
    done = await asyncio.to_thread(run, "locations", "walk")
    # The first walk, which begins with the service, has seen that the files of these rows are nowhere.
    assert (done.returncode, done.stdout) == (
        0, "6 places: 0 moved by hand, 0 gone, 0 there again; 0 unknown captures\n",
    )  # fmt: skip
    assert await service.rows("SELECT missing FROM library_state") == [{"missing": 6}]
