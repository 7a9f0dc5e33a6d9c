"""doctor on a real NATS and Postgres, whole and broken: each failure is a line that names it and what to do."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from services.backup.settings import FolderDestination
from services.cli.doctor import run as doctor
from services.cli.doctor.run import examine
from services.descriptions import NAMES
from services.stats.description import DESCRIPTION as STATS
from shared.bus.names import EVENTS
from shared.library.roots import Root, open_library

Run = Callable[..., subprocess.CompletedProcess[str]]
Found = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The settings of this test's stack for this process, with a library that has its marker; its folder."""
    library = tmp_path / "library"
    open_library(Root("library", library, writable=True), first_time=True)
    known = environment | {"NIGHTBUS_LIBRARY__PATH": str(library)}
    for name, value in known.items():
        if name.startswith("NIGHTBUS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "quiet_log", lambda: None)  # the log of this process is the tests'
    return library


async def found() -> Found:
    """What the doctor finds, by what it is about; of several lines about one thing those that are not fine count."""
    findings = sorted(await examine(None), key=lambda one: one.state != "ok")
    return {one.about: {"state": one.state, "says": one.says, "fix": one.fix} for one in findings}


async def test_what_is_whole_is_fine(js: JetStreamContext, run: Run, here: Path) -> None:
    """Servers, stream, consumers, migrations, clocks, logins and the library: only the services are not there."""
    of = await found()
    fine = {about for about, one in of.items() if one["state"] == "ok"}
    assert fine >= {
        "settings", "NATS", "event stream", "provisioning", "consumers", "Postgres", "Postgres version", "migrations",
        "clock against NATS", "clock against Postgres", "Postgres roles", "library", "disk of library",
    }  # fmt: skip
    assert {about for about, one in of.items() if one["state"] == "wrong"} == {f"service {name}" for name in NAMES}
    assert of["destinations"]["state"] == "note"
    result = await asyncio.to_thread(run, "doctor", "--json", extra={"NIGHTBUS_LIBRARY__PATH": str(here)})
    assert (result.returncode, result.stderr) == (1, "")
    told = {row["about"]: row for row in json.loads(result.stdout)}
    assert told.keys() == of.keys(), result.stdout


async def test_a_wrong_password_is_named_with_its_role(
    js: JetStreamContext, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a service: that role alone; of the reading role: nothing of the database can be seen, all else is."""
    passwords = tmp_path / "secrets"
    passwords.mkdir()
    for file in Path(environment["NIGHTBUS_POSTGRES__SECRETS_DIR"]).iterdir():
        (passwords / file.name).write_text(file.read_text())
    monkeypatch.setenv("NIGHTBUS_POSTGRES__SECRETS_DIR", str(passwords))
    (passwords / "stats").write_text("wrong")
    of = await found()
    assert (of["Postgres role stats"]["state"], of["Postgres"]["state"]) == ("wrong", "ok")
    assert "`nightbus migrate`" in of["Postgres role stats"]["fix"]
    (passwords / "reader_cli").write_text("wrong")
    of = await found()
    assert of["Postgres"]["state"] == "wrong"
    assert "refuses the role reader_cli" in of["Postgres"]["says"]
    assert of["NATS"]["state"] == "ok"
    assert of["library"]["state"] == "ok"


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_nats_that_is_stopped_hides_nothing_else(
    js: JetStreamContext, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That NATS is down, or takes the connection and says nothing, is one line; all else is looked at all the same."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if hangs:
            silent.listen()
        monkeypatch.setenv("NIGHTBUS_NATS__URL", f"nats://127.0.0.1:{silent.getsockname()[1]}")
        of = await found()
    assert of["NATS"]["state"] == "wrong"
    assert "does not answer" in of["NATS"]["says"]
    assert of["services"]["state"] == "unknown"
    assert of["Postgres"]["state"] == of["library"]["state"] == of["disk of library"]["state"] == "ok"


async def test_a_service_that_is_stopped_is_named(js: JetStreamContext, environment: dict[str, str]) -> None:
    """One stopped by SIGSTOP is alive and silent: the doctor ends, names it, and looks at the rest."""
    command = [sys.executable, "-m", "services.cli.main", "run", "api"]
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=silent, stderr=silent)
    try:
        async with asyncio.timeout(60):
            while (await found())["service api"]["state"] != "ok":
                assert process.returncode is None
        os.kill(process.pid, signal.SIGSTOP)
        async with asyncio.timeout(60):
            of = await found()
    finally:
        process.kill()
        await process.wait()
    assert of["service api"]["says"] == "did not answer within 5 s"
    assert "hangs or is stopped" in of["service api"]["fix"]
    assert of["service stats"]["says"] == "is not running"
    assert of["NATS"]["state"] == of["Postgres"]["state"] == of["library"]["state"] == "ok"


async def test_streams_that_are_not_as_provisioned(js: JetStreamContext, nats_client: Client) -> None:
    """A consumer that is missing, and then the stream itself: `nightbus provision` is the fix of both."""
    durable = STATS.consumer("file.scanned").durable
    await js.delete_consumer(EVENTS, durable)
    of = await found()
    assert of["consumers"]["state"] == "wrong"
    assert durable in of["consumers"]["says"]
    await js.delete_stream(EVENTS)
    of = await found()
    assert of["event stream"]["state"] == "wrong"
    assert of["event stream"]["fix"] == "`nightbus provision`"


async def test_places_as_the_services_see_them(
    js: JetStreamContext, ingest: asyncpg.Connection, here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A root that is offline, a source that is away, and a library that lost its marker, each with its reason."""
    source = tmp_path / "share"
    monkeypatch.setenv("NIGHTBUS_SOURCES", json.dumps([{"name": "s50", "path": str(source)}]))
    await ingest.execute(
        """
        INSERT INTO root (name, path, kind, offline_since, offline_reason) VALUES
            ('library', $1, 'library', NULL, NULL), ('old', '/old', 'indexed', now(), '/old is empty')
        """,
        str(here),
    )
    await ingest.execute(
        "INSERT INTO source_state (source, state, reason, hints) VALUES ('s50', 'away', 'no route', false)"
    )
    (here / ".nightbus" / "root.json").rename(tmp_path / "root.json")
    of = await found()
    assert (of["indexed old"]["says"], of["indexed old"]["state"]) == ("/old is empty", "wrong")
    assert (of["source s50"]["says"], of["source s50"]["state"]) == ("no route", "wrong")
    assert of["library"]["state"] == "wrong"
    assert "has no marker" in of["library"]["says"]


async def test_a_destination_is_asked_now(
    js: JetStreamContext, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that was ready and has lost its marker since is wrong, whatever backup last wrote of it."""
    from tests.stack import connected_as

    disk = tmp_path / "usb"
    disk.mkdir()
    one = FolderDestination(name="usb", path=disk)
    monkeypatch.setenv("NIGHTBUS_DESTINATIONS", json.dumps([one.model_dump(mode="json")]))
    assert (await found())["destination usb"]["state"] == "note"
    async with connected_as(settings.postgres, "backup") as backup:
        await backup.execute("INSERT INTO installation (installation_id) VALUES ('0a1b2c3d')")
        await backup.execute(
            "INSERT INTO destination (name, kind, place, opened_at) VALUES ('usb', 'folder', $1, now())",
            str(disk),
        )
    of = await found()
    assert of["destination usb"]["state"] == "wrong", of["destination usb"]
