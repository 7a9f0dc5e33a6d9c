"""What the doctor makes of facts, and that its looks end whatever happens."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from services.backup.settings import FolderDestination
from services.cli.doctor import bounded, judge, places, run
from services.cli.doctor.facts import Facts
from services.cli.doctor.finding import Finding, are_well, note, ok, unknown, wrong
from services.cli.main import app
from services.settings import load_settings
from shared.errors import Away, UserError
from shared.library.room import Disk
from shared.library.roots import Root, open_library

GB = 10**9
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _log_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program quiets its own log; in this process that is the tests'."""
    monkeypatch.setattr(run, "quiet_log", lambda: None)


def test_a_finding_is_one_inert_line_with_its_fix() -> None:
    """State, thing, what is wrong and what to do; names that a terminal would obey, and line breaks, do nothing."""
    assert ok("NATS", "answers").line == "ok      NATS: answers"
    assert wrong("disk", "full", "make room").line == "wrong   disk: full -> make room"
    assert "\x1b" not in wrong("library", UserError("bad \x1b[31m name")).line
    assert "\n" not in wrong("settings", "one\ntwo").line
    assert are_well([ok("a", "b"), note("a", "b"), unknown("a", "b")])
    assert not are_well([ok("a", "b"), wrong("a", "b")])


@pytest.mark.parametrize(
    ("offset_s", "within_s", "state"),
    [(0.1, 0.01, "ok"), (-4.9, 0.0, "ok"), (6.0, 2.0, "ok"), (5.2, 0.1, "wrong"), (-3600.0, 0.5, "wrong")],
)
def test_clocks_may_be_a_little_apart(offset_s: float, within_s: float, state: str) -> None:
    """Five seconds are too many, beyond what the measurement itself may be wrong by; the sentence says which way."""
    found = judge.clock("NATS", offset_s, within_s)
    assert found.state == state
    if state == "wrong":
        assert ("ahead of" if offset_s > 0 else "behind") in found.says
        assert "NTP" in (found.fix or "")


def test_a_database_is_as_new_as_the_program() -> None:
    """Older asks for migrate, newer for another version; both name what differs."""
    wanted = {"ingest_0016", "stats_0015"}
    assert judge.migrations(wanted, wanted).state == "ok"
    older = judge.migrations({"ingest_0015", "stats_0015"}, wanted)
    assert (older.state, older.fix) == ("wrong", "`nightbus migrate`")
    assert "ingest_0016" in older.says
    newer = judge.migrations({"ingest_0016", "stats_0016"}, wanted)
    assert newer.state == "wrong"
    assert "newer Nightbus (stats_0016)" in newer.says
    assert judge.migrations(set(), wanted).fix == "`nightbus migrate`"
    assert judge.postgres_version(14).state == "wrong"
    assert judge.postgres_version(18).state == "ok"


def test_a_stream_is_nearly_full_where_services_pause() -> None:
    """From four fifths of its limit on; without a limit it never is."""
    assert judge.stream(79 * GB, 100 * GB).state == "ok"
    assert judge.stream(80 * GB, 100 * GB).state == "wrong"
    assert judge.stream(80 * GB, 0).state == "ok"
    assert judge.provisioned(["ingest"], ["ingest", "stats"]).fix == "`nightbus provision`"
    assert judge.provisioned(["stats", "ingest"], ["ingest", "stats"]).state == "ok"


@pytest.mark.parametrize(
    ("free", "nights", "state"),
    [
        (500, None, "ok"),
        (500, 40.0, "ok"),
        (500, 10.0, "note"),
        (500, 2.5, "wrong"),
        (1, 40.0, "wrong"),
        (1, None, "wrong"),
    ],
)
def test_a_disk_has_room_for_the_next_nights(free: int, nights: float | None, state: str) -> None:
    """Less than its reserve, or room for less than three nights, is wrong; two weeks are worth a note."""
    found = judge.space("library", Disk(free * GB, 1000 * GB, GB), nights)
    assert found.state == state
    assert (found.fix is None) == (state == "ok")


def test_places_are_as_ingest_sees_them() -> None:
    """A root that is offline, and a source that is away or another one, with the reason that ingest gives."""
    row: dict[str, Any] = {"kind": "indexed", "root": "old", "path": "/old", "offline_reason": None}
    assert judge.root(row).state == "ok"
    assert judge.root({**row, "offline_reason": "/old is empty"}).says == "/old is empty"
    seen: dict[str, Any] = {
        "source": "s50",
        "state": "reachable",
        "reason": None,
        "walked_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    assert judge.source(seen).state == "ok"
    for state in ("away", "foreign"):
        found = judge.source({**seen, "state": state, "reason": "no route"})
        assert (found.state, found.says, bool(found.fix)) == ("wrong", "no route", True)


def test_a_service_says_itself_what_it_lacks() -> None:
    """Nobody answers: not running; a failed check and each wait are a line; else it is well."""
    wait = SimpleNamespace(what="the library", reason="it has no marker")
    told = SimpleNamespace(failed=("nats: away",), waits=(wait,))
    assert [one.says for one in judge.service("ingest", told)] == [
        "does not reach nats: away",
        "waits for the library: it has no marker",
    ]
    assert judge.service("ingest", None)[0].state == "wrong"
    hung = judge.silent("ingest", UserError("the ingest service did not answer within 5 s"))
    assert hung.line.startswith("wrong   service ingest: did not answer within 5 s -> its process hangs or is stopped")
    assert judge.service("ingest", SimpleNamespace(failed=(), waits=()))[0].state == "ok"


async def test_a_look_always_ends_as_a_finding() -> None:
    """One that takes too long, one that fails as expected, and one with a mistake of ours are a line each."""

    async def fails(error: Exception) -> list[Finding]:
        raise error

    async def hangs() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    assert (await bounded.look("x", hangs(), 0.01))[0].says == "does not answer within 0 s"
    assert (await bounded.look("x", fails(UserError("no password"))))[0].says == "no password"
    (mistake,) = await bounded.look("x", fails(KeyError("row")))
    assert mistake.says == "could not be looked at: KeyError('row')"


def test_whatever_hangs_the_looks_are_left_in_time() -> None:
    """A call that blocks the looks themselves, and one that blocks a thread of theirs, are told and not waited for."""
    never, begun, found = threading.Event(), threading.Event(), list[str]()

    async def blocks() -> None:
        found.append("what was seen before")
        never.wait()

    def hangs() -> None:
        begun.set()
        never.wait()

    async def leaves_a_thread() -> None:
        running = asyncio.get_running_loop().run_in_executor(None, hangs)
        await asyncio.to_thread(begun.wait)
        running.cancel()

    async def fails() -> None:
        raise KeyError("row")

    try:
        assert bounded.in_a_thread(blocks, 0.05) == bounded.Ended(in_time=False, hangs=True)
        assert found == ["what was seen before"]
        assert bounded.in_a_thread(leaves_a_thread, 60.0) == bounded.Ended(in_time=True, hangs=True)
    finally:
        never.set()
    assert bounded.in_a_thread(lambda: asyncio.sleep(0), 60.0) == bounded.Ended(in_time=True, hangs=False)
    with pytest.raises(KeyError, match="row"):
        bounded.in_a_thread(fails, 60.0)


async def test_a_home_that_hangs_hides_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder does not answer: that is said, and what does not depend on it is looked at."""
    never = threading.Event()
    monkeypatch.setattr(run, "find_stack", lambda _home: never.wait())
    monkeypatch.setattr(run, "of_folder", lambda call: bounded.of_folder(call, 60.0 if call is run._settings else 0.05))
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PATH", str(tmp_path))
    try:
        of = {one.about: one for one in await run.examine(tmp_path / "home")}
    finally:
        never.set()
    assert of["the home of `nightbus up`"].state == "wrong"
    assert of["NATS and Postgres"].state == "unknown"
    assert {"settings", "library", "destinations"} <= set(of)


async def test_a_folder_that_hangs_keeps_nobody_waiting() -> None:
    """The answer is that there is none; the thread ends with the program. A quick answer, or an error, is told."""
    never = threading.Event()
    with pytest.raises(Away, match="does not answer"):
        await bounded.of_folder(never.wait, 0.01)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "a look of the doctor")
    never.set()
    assert await bounded.of_folder(lambda: 7) == 7
    with pytest.raises(OSError, match="broken"):
        await bounded.of_folder(_breaks)


def _breaks() -> None:
    raise OSError("broken")


async def test_a_library_is_looked_at_on_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its marker it is well; without one it is wrong, where the database knows it, and new where it does not."""
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PATH", str(tmp_path))
    settings = load_settings()
    known = Facts(True, roots=[{"kind": "library", "root": "library", "path": str(tmp_path), "offline_reason": None}])
    assert (await places.look_at_library(settings, None, Facts(True)))[0].state == "note"
    assert (await places.look_at_library(settings, None, known))[0].state == "wrong"
    open_library(Root("library", tmp_path, writable=True), first_time=True)
    found = await places.look_at_library(settings, None, known)
    assert [one.about for one in found] == ["library", "disk of library"]
    assert found[0].says == f"{tmp_path} has its marker and takes files"


async def test_a_destination_that_was_just_unplugged(tmp_path: Path) -> None:
    """Backup may not have seen it yet: where it runs here, the missing folder is believed and not the database."""
    destinations = [FolderDestination(name="usb-disk", path=tmp_path / "usb")]
    row = {"name": "usb-disk", "state": "ready", "problem": None, "opened_at": NOON, "installation_id": "1"}
    facts = Facts(True, destinations=[row])
    (here,) = await places.look_at_destinations(destinations, tmp_path, facts)
    assert (here.state, here.says) == ("wrong", f"{tmp_path / 'usb'} is not there")
    (elsewhere,) = await places.look_at_destinations(destinations, None, facts)
    assert (elsewhere.state, "is not on this machine" in elsewhere.says) == ("ok", True)


async def test_other_settings_than_those_of_the_services_are_told(tmp_path: Path) -> None:
    """A command in another folder reads no nightbus.toml: that no destination is set there is no news of the backup."""
    (found,) = await places.look_at_destinations([], tmp_path, Facts(True, destinations=[{"name": "usb-disk"}]))
    assert found.state == "note"
    assert found.says == "backup has usb-disk, which the settings that were read here do not name"
    assert "NIGHTBUS_CONFIG" in (found.fix or "")
    (found,) = await places.look_at_destinations([], tmp_path, Facts(True))
    assert found.says == "none is set: nothing is archived"


def test_it_works_where_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home, no servers: the settings and folders are looked at, and the exit code says that something is wrong."""
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PATH", str(tmp_path / "library"))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ok      settings: ")
    assert any(line.startswith("wrong   Nightbus: There is no Nightbus home") for line in lines)
    assert any(line.startswith("unknown library: ") for line in lines)


def test_wrong_settings_are_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown key is said as config check says it, and the looks that need no settings go on."""
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("NIGHTBUS_LIBRARY__PTAH", "/x")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert result.stdout.startswith("wrong   settings: ")
    assert "ptah" in result.stdout.splitlines()[0].lower()
